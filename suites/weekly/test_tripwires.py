"""The tripwires, Sundays at 06:00: does what serves give answers that no working search gives?"""

from gates.handover import settle
from gates.verdicts import Cell


def test_tripwire(job_cell: Cell) -> None:
    """Users would be sent beside the code, or be served one and the same answer: RED here alone rolls back at once."""
    settle(job_cell)
