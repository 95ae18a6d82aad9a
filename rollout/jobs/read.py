"""What did a probe find? Rows of agg.parquet as the columns that checks calculate with."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gates.answered import Answered
from rollout.reread import read_arm


def answered(agg: pa.Table, system: str = "", window: int | None = None) -> Answered:
    """The answers of one system to the queries of one window, in the order they were asked; of all without."""
    for column, value in (("system", system or None), ("window", window)):
        if value is not None:
            agg = agg.filter(pc.equal(agg[column], value))
    rows = agg.combine_chunks()
    return Answered(
        query_id=_texts(rows, "query_id"),
        suite=_texts(rows, "suite"),
        intent=_texts(rows, "intent"),
        within_sla=np.asarray(rows["within_sla"].to_numpy(), dtype=np.bool_),
        arm=read_arm(rows),
    )


def _texts(rows: pa.Table, column: str) -> np.ndarray:
    return np.array([text or "" for text in rows[column].to_pylist()], dtype=np.str_)
