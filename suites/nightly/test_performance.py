"""Does the incumbent still give the numbers it was promoted on?"""

import pytest

from gates.names import sentence
from gates.verdicts import Cell, Verdict

pytestmark = [pytest.mark.nightly, pytest.mark.performance]


def test_performance(measured_metric: Cell) -> None:
    """Users get worse answers than those the incumbent was promoted for, though nobody changed its configuration."""
    if measured_metric.verdict is Verdict.RED:
        pytest.fail(sentence(measured_metric), pytrace=False)
    if measured_metric.verdict is not Verdict.GREEN:
        pytest.skip(sentence(measured_metric))
