"""The questions over the whole canary."""

import pytest

from gates.handover import settle
from gates.verdicts import Cell

pytestmark = pytest.mark.canary


def test_guard(guard: Cell) -> None:
    """The hero would cost users quality, time or answers that no single step shows."""
    settle(guard)
