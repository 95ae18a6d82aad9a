import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fixtures.suites import load_suites
from gates.errors import EvidenceError
from gates.verdicts import Verdict
from rollout.columns import read_agg, read_hits
from rollout.jobs.draw import write_drawn
from rollout.jobs.job import Jobs
from rollout.jobs.probe import Probe
from rollout.jobs.refresh import draw_suites
from rollout.jobs.regenerate import judge_files, regenerate, unchanged
from rollout.jobs.whiskers import NightRow, NightSpans, WhiskerLimits, intervals, measure_night

NIGHT = date(2026, 3, 1)


@pytest.fixture(scope="session")
def regenerated(night_template: Path, good: Callable[[str], Probe], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a night whose files were regenerated."""
    folder = tmp_path_factory.mktemp("regenerated")
    suites, incumbent = load_suites(night_template / "configs" / "suites.yaml"), good("")
    write_drawn(folder, NIGHT, draw_suites(suites, incumbent.collection, NIGHT.isoformat(), {}), suites.remember)
    regenerate(folder, NIGHT, [incumbent, good("rival")], "20260301T070000Z-abcdef")
    return folder


@pytest.fixture
def folder(regenerated: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(regenerated, tmp_path / "nightly"))


def verdicts(folder: Path) -> dict[str, Verdict]:
    return {check: cell.verdict for check, cell in judge_files(folder, NIGHT, "incumbent").items()}


def judged(system: str, rows: list[NightRow]) -> Verdict:
    return intervals.about(system, NightSpans(system, rows, 0.05, 0.9)).verdict


def measured(agg: pa.Table) -> list[NightRow]:
    limits = WhiskerLimits(resamples=1000, few=30)
    return measure_night(agg, ["incumbent", "rival"], ["everything"], limits, 10, "ab" * 32)


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(path, partitioning=None)), path)


def test_a_good_night_is_green(folder: Path) -> None:
    assert verdicts(folder) == {"schema": Verdict.GREEN, "rows": Verdict.GREEN, "queries": Verdict.GREEN}
    assert unchanged(folder, NIGHT).systems == ("incumbent", "rival")
    assert (read_hits(folder).num_rows, read_agg(folder).num_rows) == (4800, 1600)


def test_a_lost_hit_turns_rows_red_alone_and_a_lost_answer_queries(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    rewrite(folder / "hits.parquet", lambda hits: hits.slice(1))
    assert verdicts(folder) == {"schema": Verdict.GREEN, "rows": Verdict.RED, "queries": Verdict.GREEN}
    gone = read_agg(other)["query_id"][0].as_py()
    for name in ("agg.parquet", "hits.parquet"):
        rewrite(other / name, lambda table: table.filter(pa.compute.not_equal(table["query_id"], gone)))
    assert verdicts(other) == {"schema": Verdict.GREEN, "rows": Verdict.GREEN, "queries": Verdict.RED}


def test_what_keeps_no_schema_turns_schema_red_and_leaves_the_rest_open(folder: Path) -> None:
    rewrite(folder / "agg.parquet", lambda agg: agg.set_column(0, "run_id", agg["run_id"].cast(pa.string())))
    open_ = {"schema": Verdict.RED, "rows": Verdict.INCONCLUSIVE, "queries": Verdict.INCONCLUSIVE}
    assert verdicts(folder) == open_
    (folder / "hits.parquet").write_bytes(b"JSON under another name")
    assert verdicts(folder) == open_


def test_files_of_another_night_or_that_changed_since_are_refused(folder: Path) -> None:
    with pytest.raises(EvidenceError, match="of 2026-03-01, but should be of 2026-03-02"):
        unchanged(folder, date(2026, 3, 2))
    rewrite(folder / "agg.parquet", lambda agg: agg.slice(1))
    with pytest.raises(EvidenceError, match=r"agg.parquet: not what the night"):
        unchanged(folder, NIGHT)


def test_nothing_drawn_is_nothing_to_regenerate(probe: Callable[..., Probe], job: Jobs) -> None:
    with pytest.raises(EvidenceError, match="run -m refresh first"):
        regenerate(job.folder("nightly"), NIGHT, [probe()], job.run_id)


def test_every_metric_of_the_night_gets_an_interval(folder: Path) -> None:
    agg = read_agg(folder)
    rows = measured(agg)
    incumbent, rival = rows
    assert set(incumbent.levels) == {
        "ndcg_at_10", "sla_recall_at_50", "p95_latency_ms", "ece", "file_credit", "error_rate",
    }  # fmt: skip
    assert incumbent.differences == {}
    # one query in fifty is lost, so some 16 of these 800
    assert rival.differences["sla_recall_at_50"].method == "BCa"
    assert rival.differences["sla_recall_at_50"].interval.upper < 0
    assert {judged(s, rows) for s in ("incumbent", "rival")} == {Verdict.GREEN}
    assert rows == measured(agg)


def test_a_number_that_is_none_turns_its_system_red_alone(folder: Path) -> None:
    agg = read_agg(folder)
    mine = np.array(agg["system"].to_pylist()) == "rival"
    broken = np.where(mine, np.nan, agg["ndcg_at_10"].to_numpy())
    agg = agg.set_column(agg.schema.get_field_index("ndcg_at_10"), "ndcg_at_10", pa.array(broken))
    rows = measured(agg)
    assert judged("rival", rows) is Verdict.RED
    assert judged("incumbent", rows) is Verdict.GREEN
    assert judged("nobody", rows) is Verdict.INCONCLUSIVE


def test_systems_that_were_asked_other_queries_are_not_compared(folder: Path) -> None:
    with pytest.raises(EvidenceError, match="were not asked the same queries"):
        measured(read_agg(folder).slice(1))
