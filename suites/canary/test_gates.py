"""The four gates at each step of the traffic ladder."""

import pytest

from gates.handover import settle
from gates.verdicts import Cell

pytestmark = pytest.mark.canary


def test_gate(gate: Cell) -> None:
    """With more traffic, users would get worse, later or wrongly vouched-for answers than they get today."""
    settle(gate)
