"""How many windows did a hero use, of how many, and does it wait for traffic?"""

from __future__ import annotations

from gates.release import Outcome


def used_windows(outcome: Outcome) -> int:
    """Windows begun over the canary."""
    return sum(int(step["windows"]) for step in outcome.ladder.get("steps", ()))


def waits(outcome: Outcome) -> bool:
    """Was the hero held for too little traffic, whatever was measured so far?"""
    return bool(outcome.ladder.get("waiting", False))


def budget_words(outcome: Outcome) -> str:
    """The budget in words: "13 of 24 windows used, waiting for traffic"."""
    words = f"{used_windows(outcome)} of {outcome.subject.windows} windows used"
    return f"{words}, waiting for traffic" if waits(outcome) else words
