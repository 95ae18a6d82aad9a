"""Do two years of nightly metrics answer in a second?

8 jobs x 730 nights x 100 rows, as they lie after merging: a file a month, and the partitions of the last days.
"""

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.conftest import best_cpu_seconds
from evidence import history

JOBS, NIGHTS, ROWS = 8, 730, 100
SINGLE = 36  # partitions that are not merged yet
LIMIT_SECONDS = 1.0


def rows(day: date, n: int, job: int) -> list[dict[str, object]]:
    """What one job measures in a night."""
    at = datetime(day.year, day.month, day.day, 7, tzinfo=UTC)
    return [
        {
            "at": at, "system": f"system{i % 4}", "config_hash": "0123456789abcdef", "suite": f"suite{i % 5}",
            "intent": "", "metric": f"metric{i % 20}", "value": (i * 7919 + job) % 1000 / 1000, "ci_lower": 0.0,
            "ci_upper": 1.0, "n": 800, "release_fingerprint": "f" * 64,
        }
        for i in range(n)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two years of them."""
    where, first = tmp_path_factory.mktemp("history"), date(2024, 1, 1)
    for month in range(24):
        days = [first + timedelta(d) for d in range(NIGHTS) if d * 24 // NIGHTS == month]
        merged = [row for day in days for job in range(JOBS) for row in rows(day, ROWS, job)]
        history.append(where, f"month{month}", "whiskers", merged)
    for i in range(SINGLE):
        history.append(where, f"night{i}", "whiskers", rows(first + timedelta(NIGHTS), ROWS, i))
    return where


@pytest.mark.benchmark(group="two years of nightly metrics", timer=time.process_time)
@pytest.mark.parametrize("metric", ["", "metric3"], ids=["everything", "one metric"])
def test_two_years_answer_in_a_second(benchmark: BenchmarkFixture, folder: Path, metric: str) -> None:
    """The check of the limit; every file's digest is compared before it is read."""
    found = benchmark.pedantic(history.read, args=(folder,), kwargs={"metric": metric}, rounds=3, warmup_rounds=1)
    assert len(found) == (JOBS * NIGHTS * ROWS + SINGLE * ROWS) // (20 if metric else 1)
    seconds = best_cpu_seconds(lambda: history.read(folder, metric=metric), 3)
    print(f"\n{len(found):,} rows of {JOBS} jobs in {NIGHTS} nights: {seconds:.2f} s CPU")
    assert seconds <= LIMIT_SECONDS
