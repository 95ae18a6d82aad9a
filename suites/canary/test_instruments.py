"""The checks of the measuring itself: they can hold a release, never roll a hero back."""

import pytest

from gates.handover import settle
from gates.verdicts import Cell

pytestmark = pytest.mark.canary


def test_instrument(instrument: Cell) -> None:
    """What was measured could not be trusted: the incumbent is out of its limits, or differs from itself."""
    settle(instrument)
