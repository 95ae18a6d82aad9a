"""Hero health, every five minutes of a working day: is what serves as fast and as good as when it was accepted?"""

from gates.handover import settle
from gates.verdicts import Cell


def test_health(job_cell: Cell) -> None:
    """Users wait longer or find less than yesterday, and nobody has changed anything on purpose."""
    settle(job_cell)
