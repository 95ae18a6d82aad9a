"""Does what has a limit of time keep it: a call of the calibrator, a window of pairs, two years of history?"""

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from evidence import history
from gates.pairs import Pairs
from gates.policy import load_policy
from gates.rule.evaluator import Evaluator
from lens.calibrator import read_calibrator
from lens.features import NAMES, STAGES, Stage
from lens.intent import INTENTS
from tests.gates.builders import constants, equal_pairs

ROOT = Path(__file__).parents[1]
CALLS = 20_000
POLICY = load_policy(ROOT / "configs" / "policy.yaml")
BLOCKS = POLICY.ladder.window // POLICY.ladder.red_every
#: As they lie after merging: a file a month, and the partitions of the last days.
JOBS, NIGHTS, ROWS, SINGLE = 8, 730, 100, 36


@pytest.mark.benchmark(group="20,000 calls of the calibrator", timer=time.process_time)
@pytest.mark.parametrize("stage", STAGES)
def test_a_call_takes_less_than_a_millisecond(benchmark: BenchmarkFixture, stage: Stage) -> None:
    """The gate's own limit on 99 of 100, on each call's own CPU time, with the committed calibrator."""
    calibrator = read_calibrator(ROOT / "configs" / "calib_v22.json")
    features = np.random.default_rng(3).normal(0, 2, (CALLS, len(NAMES[stage])))
    calls = [(INTENTS[i % len(INTENTS)], tuple(row)) for i, row in enumerate(features)]

    def answer_all() -> list[int]:
        taken = []
        for intent, values in calls:
            begun = time.thread_time_ns()
            calibrator.confidence(stage, intent, values)
            taken.append(time.thread_time_ns() - begun)
        return taken

    p99_ms = float(np.quantile(benchmark.pedantic(answer_all, rounds=3, warmup_rounds=1), 0.99)) / 1e6
    print(f"\n{stage}: p99 {1000 * p99_ms:.1f} µs a call")
    assert p99_ms < 1.0


def judge_window(evaluator: Evaluator, window: list[Pairs]) -> None:
    """Eight looks for RED, and the end of the window."""
    for block in window:
        evaluator.observe(block)
    evaluator.end_window()


@pytest.mark.benchmark(group="judging one window of 800 pairs", timer=time.process_time)
@pytest.mark.parametrize("number", [1, 4, 24], ids=["first", "with a calibration look", "last of the canary"])
def test_a_window_is_judged_in_20_ms(benchmark: BenchmarkFixture, number: int) -> None:
    """All questions and looks included."""
    windows = [[equal_pairs(POLICY.ladder.red_every, seed=100 * w + b) for b in range(BLOCKS)] for w in range(number)]

    def before() -> tuple[tuple[Evaluator, list[Pairs]], dict[str, object]]:
        evaluator = Evaluator(hero="lexical", policy=POLICY, constants=constants(), missing={})
        evaluator.begin_step(5)
        for window in windows[:-1]:
            judge_window(evaluator, window)
        return (evaluator, windows[-1]), {}

    benchmark.pedantic(judge_window, setup=before, rounds=15)
    if benchmark.stats is not None:  # --benchmark-disable
        best = benchmark.stats.stats.min  # neighbours on the machine only ever add
        print(f"\nwindow {number}: {1000 * best:.1f} ms CPU (best of 15)")
        assert best <= 0.020


def rows(day: date, job: int) -> list[dict[str, object]]:
    """What one job measures in a night."""
    at = datetime(day.year, day.month, day.day, 7, tzinfo=UTC)
    return [
        {
            "at": at, "system": f"system{i % 4}", "config_hash": "0123456789abcdef", "suite": f"suite{i % 5}",
            "intent": "", "metric": f"metric{i % 20}", "value": (i * 7919 + job) % 1000 / 1000, "ci_lower": 0.0,
            "ci_upper": 1.0, "n": 800, "release_fingerprint": "f" * 64,
        }
        for i in range(ROWS)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two years of them."""
    where, first = tmp_path_factory.mktemp("history"), date(2024, 1, 1)
    for month in range(24):
        days = [first + timedelta(d) for d in range(NIGHTS) if d * 24 // NIGHTS == month]
        history.append(
            where, f"month{month}", "whiskers", [r for d in days for job in range(JOBS) for r in rows(d, job)]
        )
    for i in range(SINGLE):
        history.append(where, f"night{i}", "whiskers", rows(first + timedelta(NIGHTS), i))
    return where


@pytest.mark.benchmark(group="two years of nightly metrics", timer=time.process_time)
@pytest.mark.parametrize("metric", ["", "metric3"], ids=["everything", "one metric"])
def test_two_years_answer_in_a_second(benchmark: BenchmarkFixture, folder: Path, metric: str) -> None:
    """Every file's digest is compared before it is read."""
    found = benchmark.pedantic(history.read, args=(folder,), kwargs={"metric": metric}, rounds=3, warmup_rounds=1)
    assert len(found) == (JOBS * NIGHTS * ROWS + SINGLE * ROWS) // (20 if metric else 1)
    if benchmark.stats is not None:  # --benchmark-disable
        seconds = benchmark.stats.stats.min
        print(f"\n{len(found):,} rows of {JOBS} jobs in {NIGHTS} nights: {seconds:.2f} s CPU")
        assert seconds <= 1.0
