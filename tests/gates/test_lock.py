"""Does only a lock that fits let a hero be promoted, and does what does not fit hold, naming it?"""

from typing import Any

import pytest

from gates.checks.lock import Lock, LockState
from gates.policy import Policy
from gates.verdicts import Verdict

FITS = LockState(status="frozen", renew="make lock HERO=a")


def test_a_lock_that_fits_is_green(policy: Policy) -> None:
    cell = Lock().judge("a", policy.limits(Lock), FITS)
    assert (cell.verdict, cell.note, cell.observed, cell.required) == (Verdict.GREEN, "", "0", "green")


@pytest.mark.parametrize(
    ("state", "note", "observed"),
    [
        ({"status": "none"}, "no lock: what was never locked cannot be promoted, only held or rolled back; ", "1"),
        ({"status": "unreadable", "why": "no lock file"}, "the lock cannot be trusted: no lock file; ", "1"),
        ({"status": "anything"}, "the lock cannot be trusted: anything; ", "1"),
        ({"differs": ["sources.gates"]}, "not what was locked: sources.gates; mend it, or ", "1"),
        ({"differs": list("abcdef")}, "not what was locked: a, b, c, d and 2 more; mend it, or ", "6"),
    ],
)
def test_what_does_not_fit_holds_and_is_named(policy: Policy, state: dict[str, Any], note: str, observed: str) -> None:
    cell = Lock().judge("a", policy.limits(Lock), FITS.model_copy(update=state))
    assert (cell.verdict, cell.note, cell.observed) == (Verdict.RED, f"{note}make lock HERO=a", observed)
    assert cell.on_red == "hold"
