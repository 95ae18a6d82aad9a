"""Hero health, every five minutes of a working day: is what serves as fast and as good as when it was accepted?"""

import pytest

from gates.names import sentence
from gates.verdicts import Cell, Verdict

pytestmark = [pytest.mark.continuous, pytest.mark.health]


def test_health(healthy: Cell) -> None:
    """Users wait longer or find less than yesterday, and nobody has changed anything on purpose."""
    if healthy.verdict is Verdict.RED:
        pytest.fail(sentence(healthy), pytrace=False)
    if healthy.verdict is not Verdict.GREEN:
        pytest.skip(sentence(healthy))
