"""The battery before the climb: is anything so wrong that a climb would show nothing?"""

import pytest

from gates.handover import settle
from gates.verdicts import Cell

pytestmark = [pytest.mark.sanity, pytest.mark.canary]


def test_sanity(sanity: Cell) -> None:
    """Users would be served from a damaged or foreign index, or what was measured would not be what they get."""
    settle(sanity)
