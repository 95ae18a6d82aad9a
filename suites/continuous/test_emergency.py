"""The emergency tripwire, every minute: does what serves answer at all?"""

import pytest

from gates.names import sentence
from gates.verdicts import Cell, Verdict

pytestmark = [pytest.mark.continuous, pytest.mark.emergency]


def test_emergency(alarmed: Cell) -> None:
    """Users get nothing, or wait, right now: whoever is on call rolls back first and looks for the reason later."""
    if alarmed.verdict is Verdict.RED:
        pytest.fail(sentence(alarmed), pytrace=False)
    if alarmed.verdict is not Verdict.GREEN:
        pytest.skip(sentence(alarmed))
