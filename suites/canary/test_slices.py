"""The questions on one intent: a mean that gains may hide a kind of query that loses."""

import pytest

from gates.handover import settle
from gates.verdicts import Cell

pytestmark = pytest.mark.canary


def test_slice(slice_of: Cell) -> None:
    """People who search for this kind of thing would find less, or be told that wrong answers are right."""
    settle(slice_of)
