"""The gate monitor, every quarter of an hour: does what was decided still hold?"""

from gates.handover import settle
from gates.verdicts import Cell


def test_gate_monitor(job_cell: Cell) -> None:
    """Something serves that nobody decided on, nobody has looked for days, or the gates it passed would stop it now."""
    settle(job_cell)
