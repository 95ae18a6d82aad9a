"""Parity, Sundays at 04:00: do the calibrator and its ports in Rust and TypeScript say the same?"""

from gates.handover import settle
from gates.verdicts import Cell


def test_parity(job_cell: Cell) -> None:
    """A service that calls a port, or a dashboard fed by one, would show other numbers than the gate judged."""
    settle(job_cell)
