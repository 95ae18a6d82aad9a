"""Does each micro-suite get enough fresh queries to show a loss that matters?"""

from gates.handover import settle
from gates.verdicts import Cell


def test_refresh(job_cell: Cell) -> None:
    """A loss on this kind of query would go unseen: too few are asked, or the same ones every night."""
    settle(job_cell)
