"""Does the incumbent still give the numbers it was promoted on?"""

from gates.handover import settle
from gates.verdicts import Cell


def test_performance(job_cell: Cell) -> None:
    """Users get worse answers than those the incumbent was promoted for, though nobody changed its configuration."""
    settle(job_cell)
