from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evidence import history
from evidence.history import HistoryError, append, expire, look, read

DAY = date(2026, 3, 1)


def row(day: date, **changes: Any) -> dict[str, Any]:
    at = datetime(day.year, day.month, day.day, 7, tzinfo=UTC)
    return {
        "at": at, "system": "lens", "config_hash": "c", "suite": "all", "intent": "", "metric": "ndcg_at_10",
        "value": 0.7, "ci_lower": 0.6, "ci_upper": 0.8, "n": 800, "release_fingerprint": "f", **changes,
    }  # fmt: skip


def nights(folder: Path, n: int, begin: date = DAY) -> None:
    for i in range(n):
        append(folder, f"run{i}", "whiskers", [row(begin + timedelta(i), value=i / 10)])


def test_what_was_added_is_read_back(tmp_path: Path) -> None:
    name = append(tmp_path, "run1", "whiskers", [row(DAY), row(DAY, metric="ece", value=0.01)])
    assert name == "date=2026-03-01/run1-whiskers.parquet"
    found = read(tmp_path)
    assert list(found["metric"]) == ["ndcg_at_10", "ece"]
    assert list(found["job"].unique()) == ["whiskers"]
    assert list(read(tmp_path, metric="ece")["value"]) == [0.01]
    assert list(read(tmp_path, metric=["ece", "p95"])["value"]) == [0.01]
    assert read(tmp_path, suite="none of them").empty
    assert read(tmp_path / "none").empty


def test_only_what_is_young_enough_is_read(tmp_path: Path) -> None:
    nights(tmp_path, 5)
    assert list(read(tmp_path, since=DAY + timedelta(3))["run_id"]) == ["run3", "run4"]


def test_a_run_is_kept_once(tmp_path: Path) -> None:
    append(tmp_path, "run1", "whiskers", [row(DAY)])
    with pytest.raises(HistoryError, match="kept already"):
        append(tmp_path, "run1", "whiskers", [row(DAY)])


@pytest.mark.parametrize("rows", [[], [{"at": datetime(2026, 3, 1, tzinfo=UTC)}]], ids=["none", "without columns"])
def test_a_partition_without_metrics_is_refused(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(HistoryError):
        append(tmp_path, "run1", "whiskers", rows)


def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="letters"):
        append(tmp_path, "../run1", "whiskers", [row(DAY)])


def test_many_partitions_are_merged_by_month_and_read_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nights(tmp_path / "many", 40)
    monkeypatch.setattr(history, "MANY", 8)
    nights(tmp_path / "few", 40)
    state = look(tmp_path / "few")
    assert not state.tampered
    assert len(state.files) < 12
    assert any(name.startswith("month=2026-03/") for name in state.files)
    assert read(tmp_path / "few").astype(str).equals(read(tmp_path / "many").astype(str))


def test_what_retention_removes_is_expired_and_not_tampered(tmp_path: Path) -> None:
    nights(tmp_path, 10)
    gone = expire(tmp_path, keep_days=3, today=DAY + timedelta(9))
    state = look(tmp_path)
    assert len(gone) == len(state.expired) == 6
    assert not state.tampered
    assert list(read(tmp_path)["run_id"]) == ["run6", "run7", "run8", "run9"]


def forge(path: Path) -> None:
    folder = path.parents[2] / "other"
    append(folder, "run1", "whiskers", [row(DAY + timedelta(1), value=0.9)])
    next(folder.glob("date=*/*.parquet")).replace(path)


@pytest.mark.parametrize(
    ("tamper", "says"),
    [(Path.unlink, "not there, but the index does not say that it expired"), (forge, "changed after it was written")],
)
def test_a_partition_that_is_gone_or_changed_without_a_record_is_tampered(
    tmp_path: Path, tamper: Callable[[Path], object], says: str
) -> None:
    nights(tmp_path / "kept", 3)
    tamper(tmp_path / "kept" / "date=2026-03-02" / "run1-whiskers.parquet")
    assert look(tmp_path / "kept").tampered == (f"date=2026-03-02/run1-whiskers.parquet: {says}",)
    with pytest.raises(HistoryError, match="run1"):
        read(tmp_path / "kept")


def test_a_tampered_partition_is_neither_merged_nor_expired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MANY", 8)
    nights(tmp_path, 7)
    next(tmp_path.glob("*/run1-*.parquet")).write_bytes(b"forged")
    append(tmp_path, "run7", "whiskers", [row(DAY + timedelta(7))])
    expire(tmp_path, keep_days=1, today=DAY + timedelta(100))
    assert [line.partition(": ")[0] for line in look(tmp_path).tampered] == ["date=2026-03-02/run1-whiskers.parquet"]


@pytest.mark.parametrize(
    ("rewrite", "found"),
    [
        (lambda a, b, c: [a.replace('"rows": 1', '"rows": 2'), b, c], [2]),
        (lambda a, b, c: [a, b.replace('"rows": 1', '"rows": 2'), c], [3]),
        (lambda a, b, c: [a, b, a.replace('"added"', '"expired"'), c], [3, 4]),  # an expiry that was made up
    ],
)
def test_an_index_that_was_rewritten_is_tampered(
    tmp_path: Path, rewrite: Callable[..., list[str]], found: list[int]
) -> None:
    nights(tmp_path, 3)
    index = tmp_path / "index.jsonl"
    index.write_text("".join(rewrite(*index.read_text().splitlines(keepends=True))))
    says = "does not follow from the line before it; the index was rewritten here"
    told = [line for line in look(tmp_path).tampered if line.startswith("index.jsonl")]
    assert told == [f"index.jsonl:{line}: {says}" for line in found]


def test_an_entry_that_a_killed_run_wrote_half_is_written_anew(tmp_path: Path) -> None:
    nights(tmp_path, 2)
    index = tmp_path / "index.jsonl"
    index.write_bytes(index.read_bytes()[:-20])
    assert not look(tmp_path).tampered
    append(tmp_path, "run9", "whiskers", [row(DAY + timedelta(5))])
    assert not look(tmp_path).tampered
    assert list(read(tmp_path)["run_id"]) == ["run0", "run9"]


def test_a_file_that_was_put_there_is_never_read(tmp_path: Path) -> None:
    nights(tmp_path, 2)
    (tmp_path / "date=2026-03-01" / "more-whiskers.parquet").write_bytes(b"")
    assert len(read(tmp_path)) == 2
