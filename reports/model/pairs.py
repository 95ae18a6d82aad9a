"""What did the two arms of a canary measure, query by query?"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from evidence.schemas import AGG, check
from gates.errors import EvidenceError
from gates.pairs import Arm
from gates.release import Subject
from rollout.reread import read_arm


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The pairs of one hero in the order the gate saw them: row i of every column is the same query."""

    query_ord: NDArray[np.int32]
    query_id: NDArray[np.str_]
    suite: NDArray[np.str_]
    intent: NDArray[np.str_]
    hero: Arm
    baseline: Arm
    hero_cpu_ms: NDArray[np.float64]  # NaN where a recorded system gives none
    baseline_cpu_ms: NDArray[np.float64]
    hero_late: NDArray[np.bool_]
    baseline_late: NDArray[np.bool_]
    hero_error: NDArray[np.str_]  # error codes, "" where the query was answered
    baseline_error: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.query_ord)

    def rows(self, at: NDArray[np.bool_]) -> Measured:
        """Some of the pairs."""
        where = np.flatnonzero(at)
        columns: dict[str, Any] = {}
        for field in fields(self):
            column = getattr(self, field.name)
            columns[field.name] = column.rows(where) if isinstance(column, Arm) else column[where]
        return Measured(**columns)


def read_measured(folder: Path, subject: Subject) -> Measured | None:
    """The pairs in a hero's agg.parquet; None where the ladder left none.

    Raises SchemaDrift where the file has other columns than the contract, EvidenceError where a pair lacks an arm.
    """
    path = folder / "agg.parquet"
    if not path.exists():
        return None
    table = pq.read_table(path)
    check(table, AGG, str(path))
    pairs = table.filter(pc.equal(table["stream"], "pair"))
    if not pairs.num_rows:
        return None
    hero, baseline = (_arm_rows(pairs, system) for system in (subject.name, subject.baseline_name))
    if hero["query_ord"].to_pylist() != baseline["query_ord"].to_pylist():
        raise EvidenceError(
            f"{path}: {hero.num_rows} answers of {subject.name} and {baseline.num_rows} of {subject.baseline_name} "
            "are not of the same queries, but each pair needs both; run the canary again"
        )
    return Measured(
        query_ord=_numbers(hero, "query_ord").astype(np.int32),
        query_id=_texts(hero, "query_id"),
        suite=_texts(hero, "suite"),
        intent=_texts(hero, "intent"),
        hero=read_arm(hero),
        baseline=read_arm(baseline),
        hero_cpu_ms=_numbers(hero, "cpu_ms"),
        baseline_cpu_ms=_numbers(baseline, "cpu_ms"),
        hero_late=~_numbers(hero, "within_sla").astype(np.bool_),
        baseline_late=~_numbers(baseline, "within_sla").astype(np.bool_),
        hero_error=_texts(hero, "error_code"),
        baseline_error=_texts(baseline, "error_code"),
    )


def _arm_rows(pairs: pa.Table, system: str) -> pa.Table:
    return pairs.filter(pc.equal(pairs["system"], system)).sort_by("pair_ord")


def _numbers(rows: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(rows[name].to_numpy(), dtype=np.float64)


def _texts(rows: pa.Table, name: str) -> NDArray[np.str_]:
    return np.array([text or "" for text in rows[name].to_pylist()], dtype=np.str_)
