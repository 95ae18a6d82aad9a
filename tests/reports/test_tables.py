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


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_spans_are_the_means_of_agg(judged: Judged) -> None:
    release = judged("worse")
    folder = release.artifacts / "worse"
    write_tables(tell(release)[0], folder)
    agg = pq.read_table(folder / "agg.parquet").filter(pc.field("stream") == "pair")
    for row in rows(folder / "hero_span_v22.csv"):
        mine = agg.filter(pc.field("system") == row["system"])
        assert int(row["queries"]) == mine.num_rows
        assert float(row["ndcg_at_10"]) == pytest.approx(pc.mean(mine["ndcg_at_10"]).as_py(), rel=1e-5)
        assert float(row["sla_recall_at_50"]) == pytest.approx(pc.mean(mine["sla_recall_at_50"]).as_py(), rel=1e-5)
        assert float(row["ndcg_at_10_ci_lower"]) < float(row["ndcg_at_10"]) < float(row["ndcg_at_10_ci_upper"])
        assert row["config_hash"] == mine["config_hash"][0].as_py()


def test_columns_are_the_contract(judged: Judged) -> None:
    release = judged("equal")
    folder = release.artifacts / "equal"
    write_tables(tell(release)[0], folder)
    metrics = ("ndcg_at_10", "sla_recall_at_50", "p95_latency_ms", "ece", "file_credit")
    ends = [f"{metric}{end}" for metric in metrics for end in ("", "_ci_lower", "_ci_upper")]
    assert list(rows(folder / "hero_span_v22.csv")[0]) == ["system", "suite", *ends, "queries", "config_hash"]
    pool = rows(folder / "pool_counts_by_system.csv")
    assert [row["suite"] for row in pool] == ["all", "all"]  # one row a system where there is one suite
    assert list(pool[0]) == ["system", "suite", "pooled_judgments", "coverage_percent"]


def test_the_pool_is_the_union_of_both_systems(judged: Judged) -> None:
    release = judged("worse")
    folder = release.artifacts / "worse"
    write_tables(tell(release)[0], folder)
    hits = pq.read_table(folder / "hits.parquet").filter(pc.field("window") > 0).to_pylist()  # those of the canary
    found = {s: {(h["query_ord"], h["doc_ord"]) for h in hits if h["system"] == s} for s in ("worse", "incumbent")}
    known = {s: {pair for pair in pairs if pair[1] >= 0} for s, pairs in found.items()}
    union = known["worse"] | known["incumbent"]
    for row in rows(folder / "pool_counts_by_system.csv"):
        assert int(row["pooled_judgments"]) == len(known[row["system"]])
        share = 100 * len(known[row["system"]]) / len(union)
        assert float(row["coverage_percent"]) == pytest.approx(share, abs=1e-3)


def test_what_was_not_measured_is_empty(judged: Judged) -> None:
    release = judged("unsure")
    folder = release.artifacts / "unsure"
    write_tables(tell(release)[0], folder)
    latencies = {row["system"]: row["p95_latency_ms"] for row in rows(folder / "hero_span_v22.csv")}
    assert latencies["unsure"] == ""
    assert float(latencies["incumbent"]) > 0


def test_a_suite_that_looks_like_a_formula_is_guarded(judged: Judged) -> None:
    release = judged("equal")
    (story,) = tell(release)
    assert story.measured is not None
    suites = np.array(["=cmd|' /C calc'!A0"] * len(story.measured))
    folder = release.artifacts / "equal"
    write_tables(replace(story, measured=replace(story.measured, suite=suites)), folder)
    assert {row["suite"] for row in rows(folder / "hero_span_v22.csv")} == {"'=cmd|' /C calc'!A0", "all"}


def test_without_evidence_there_is_only_the_header(judged: Judged, tmp_path: Path) -> None:
    (story,) = tell(judged("equal"))
    write_tables(replace(story, measured=None), tmp_path / "new")
    assert rows(tmp_path / "new" / "hero_span_v22.csv") == rows(tmp_path / "new" / "pool_counts_by_system.csv") == []
