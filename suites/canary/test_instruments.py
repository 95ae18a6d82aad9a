"""The checks of the measuring itself: they can hold a release, never roll a hero back."""

import pytest

from gates.names import sentence
from gates.verdicts import Cell, Verdict

pytestmark = pytest.mark.canary


def test_instrument(instrument: Cell) -> None:
    """What was measured could not be trusted: the incumbent is out of its limits, or differs from itself."""
    if instrument.verdict is Verdict.RED:
        pytest.fail(sentence(instrument), pytrace=False)
    if instrument.verdict is not Verdict.GREEN:
        pytest.skip(sentence(instrument))
