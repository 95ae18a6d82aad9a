"""How often would a hero like this be decided wrongly? What simulated releases under this policy and mode say."""

from __future__ import annotations

import math

from gates.release import Subject
from gates.statistics.decimals import decimal

NOT_SIMULATED = "not simulated for this policy and these sources"


def wrong_words(subject: Subject) -> str:
    """How often a decision is wrong, as upper bounds; "" where it was not simulated.

    A bound is never rounded down, a probability that speaks against the letter never up.
    """
    rates = subject.characteristics
    if subject.policy.mode == "letter":
        if "letter_false_rollback" not in rates:
            return ""
        return f"an equal hero is rolled back with probability {_at_least(rates['letter_false_rollback'], 2)}"
    told = {"equal hero rolled back": "false_rollback_upper", "1-point loss promoted": "missed_loss_upper"}
    return ", ".join(f"{what} <= {_at_most(rates[key])} %" for what, key in told.items() if key in rates)


def rates_words(subject: Subject) -> str:
    """All that is known of the error rates, in one line."""
    rates, words = subject.characteristics, wrong_words(subject)
    if not words:
        return NOT_SIMULATED
    if "promoted_equal" in rates and subject.policy.mode != "letter":
        words += f", equal hero promoted {_at_least(rates['promoted_equal'], 3, 100)} %"
    return f"{words} ({int(rates['releases']):,} simulated releases)" if "releases" in rates else words


def mode_words(subject: Subject) -> str:
    """By which rule the gates were decided."""
    letter = subject.policy.mode == "letter"
    return "letter: point thresholds, no error rate is controlled" if letter else "evidence"


def _at_most(share: str) -> str:
    """A share in percent with two digits, rounded up."""
    percent = 100 * float(share)
    unit = 10.0 ** (math.floor(math.log10(percent)) - 1) if percent > 0 else 1.0
    return decimal(math.ceil(percent / unit - 1e-9) * unit, 2)


def _at_least(share: str, digits: int, scale: int = 1) -> str:
    """A share with so many digits after the point, the percent's included, rounded down."""
    unit = 10**digits
    return decimal(scale * math.floor(float(share) * unit + 1e-9) / unit, digits)
