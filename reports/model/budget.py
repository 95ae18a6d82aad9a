"""How many windows did a hero use, of how many, and does it wait for traffic?"""

from __future__ import annotations

from gates.release import Outcome


def budget_words(outcome: Outcome) -> str:
    """The budget in words: "13 of 24 windows used, waiting for traffic"."""
    words = f"{outcome.climbed.windows} of {outcome.subject.windows} windows used"
    return f"{words}, waiting for traffic" if outcome.climbed.waiting else words
