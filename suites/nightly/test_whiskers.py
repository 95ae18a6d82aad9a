"""Has every metric of the night an interval?"""

from gates.handover import settle
from gates.verdicts import Cell


def test_whiskers(job_cell: Cell) -> None:
    """A number of the night stands without saying how sure it is, so any wobble of it reads as news."""
    settle(job_cell)
