"""Writes what people read of a night: tables and plots of its intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rollout.jobs.numbers import SPANS
from rollout.jobs.whiskers import NightRow


def pytest_gate_intervals(rows: Sequence[NightRow], folder: Path, night: str) -> None:
    """Beside what they were measured from."""
    from reports.nightly.table import PLOTS, WHISKERS, write_plots, write_tables  # brings matplotlib

    write_tables(rows, folder)
    write_plots(rows, folder, f"{night} · {SPANS}, {WHISKERS} beside {PLOTS}/")
