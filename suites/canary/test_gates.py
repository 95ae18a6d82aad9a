"""The four gates at each step of the traffic ladder."""

import pytest

from gates.names import sentence
from gates.verdicts import Cell, Verdict

pytestmark = pytest.mark.canary


def test_gate(gate: Cell) -> None:
    """With more traffic, users would get worse, later or wrongly vouched-for answers than they get today."""
    if gate.verdict is Verdict.RED:
        pytest.fail(sentence(gate), pytrace=False)
    if gate.verdict is not Verdict.GREEN:
        pytest.skip(sentence(gate))
