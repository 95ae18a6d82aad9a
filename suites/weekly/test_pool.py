"""The pool audit, Sundays at 05:00: do all systems still bring to the table what they brought last week?"""

from gates.handover import settle
from gates.verdicts import Cell


def test_pool(job_cell: Cell) -> None:
    """Judgements would be made of another pool: numbers of this week and of the last could not be compared."""
    settle(job_cell)
