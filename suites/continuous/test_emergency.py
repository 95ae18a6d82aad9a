"""The emergency tripwire, every minute: does what serves answer at all?"""

from gates.handover import settle
from gates.verdicts import Cell


def test_emergency(job_cell: Cell) -> None:
    """Users get nothing, or wait, right now: whoever is on call rolls back first and looks for the reason later."""
    settle(job_cell)
