"""Do the two CSV tables say what the evidence says, and does a spreadsheet take no cell for a formula?"""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from reports.model.story import tell
from reports.render.tables import write_tables
from tests.reports.conftest import Judged

SPANS, POOL = "hero_span_v22.csv", "pool_counts_by_system.csv"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def written(judged: Judged, hero: str) -> Path:
    """The folder of a hero with its tables."""
    release = judged(hero)
    write_tables(tell(release)[0], release.artifacts / hero)
    return release.artifacts / hero


def test_spans_are_the_means_of_agg(judged: Judged) -> None:
    folder = written(judged, "worse")
    agg = pq.read_table(folder / "agg.parquet").filter(pc.field("stream") == "pair")
    for row in rows(folder / SPANS):
        mine = agg.filter(pc.field("system") == row["system"])
        assert int(row["queries"]) == mine.num_rows
        for metric in ("ndcg_at_10", "sla_recall_at_50"):
            assert float(row[metric]) == pytest.approx(pc.mean(mine[metric]).as_py(), rel=1e-5)
        assert float(row["ndcg_at_10_ci_lower"]) < float(row["ndcg_at_10"]) < float(row["ndcg_at_10_ci_upper"])
        assert row["config_hash"] == mine["config_hash"][0].as_py()


def test_columns_are_the_contract(judged: Judged) -> None:
    folder = written(judged, "equal")
    metrics = ("ndcg_at_10", "sla_recall_at_50", "p95_latency_ms", "ece", "file_credit")
    ends = [f"{metric}{end}" for metric in metrics for end in ("", "_ci_lower", "_ci_upper")]
    assert list(rows(folder / SPANS)[0]) == ["system", "suite", *ends, "queries", "config_hash"]
    pool = rows(folder / POOL)
    assert [row["suite"] for row in pool] == ["all", "all"]  # one row a system where there is one suite
    assert list(pool[0]) == ["system", "suite", "pooled_judgments", "coverage_percent"]


def test_the_pool_is_the_union_of_both_systems(judged: Judged) -> None:
    folder = written(judged, "worse")
    hits = pq.read_table(folder / "hits.parquet").filter(pc.field("window") > 0).to_pylist()  # those of the canary
    found = {s: {(h["query_ord"], h["doc_ord"]) for h in hits if h["system"] == s} for s in ("worse", "incumbent")}
    known = {s: {pair for pair in pairs if pair[1] >= 0} for s, pairs in found.items()}
    union = known["worse"] | known["incumbent"]
    for row in rows(folder / POOL):
        assert int(row["pooled_judgments"]) == len(known[row["system"]])
        share = 100 * len(known[row["system"]]) / len(union)
        assert float(row["coverage_percent"]) == pytest.approx(share, abs=1e-3)


def test_what_was_not_measured_is_empty(judged: Judged) -> None:
    latencies = {row["system"]: row["p95_latency_ms"] for row in rows(written(judged, "unsure") / SPANS)}
    assert latencies["unsure"] == ""
    assert float(latencies["incumbent"]) > 0


def test_a_suite_that_looks_like_a_formula_is_guarded_and_without_evidence_there_is_only_the_header(
    judged: Judged, tmp_path: Path
) -> None:
    (story,) = tell(judged("equal"))
    assert story.measured is not None
    suites = np.array(["=cmd|' /C calc'!A0"] * len(story.measured))
    write_tables(replace(story, measured=replace(story.measured, suite=suites)), tmp_path / "guarded")
    assert {row["suite"] for row in rows(tmp_path / "guarded" / SPANS)} == {"'=cmd|' /C calc'!A0", "all"}
    write_tables(replace(story, measured=None), tmp_path / "new")
    assert rows(tmp_path / "new" / SPANS) == rows(tmp_path / "new" / POOL) == []
