"""The drift pack, Sundays at 03:00: does confidence still mean what it meant when the incumbent was accepted?"""

from gates.handover import settle
from gates.verdicts import Cell


def test_drift(job_cell: Cell) -> None:
    """The router would spend, and reports would vouch for answers, by confidences that no longer come true."""
    settle(job_cell)
