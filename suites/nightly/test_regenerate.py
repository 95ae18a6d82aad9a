"""Are agg.parquet and hits.parquet of the night whole, and of the queries that were drawn?"""

from gates.handover import settle
from gates.verdicts import Cell


def test_regenerate(job_cell: Cell) -> None:
    """Whoever reads the night's evidence would count answers twice, miss some, or read other columns."""
    settle(job_cell)
