"""Do 99 of 100 calls of the calibrator take less than a millisecond, by far?"""

import time
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from lens.calibrator import read_calibrator
from lens.features import NAMES, STAGES, Stage
from lens.intent import INTENTS

COMMITTED = Path(__file__).parents[1] / "configs" / "calib_v22.json"
LIMIT_MS = 1.0
CALLS = 20_000


@pytest.mark.benchmark(group="20,000 calls of the calibrator", timer=time.process_time)
@pytest.mark.parametrize("stage", STAGES)
def test_a_call_takes_less_than_a_millisecond(benchmark: BenchmarkFixture, stage: Stage) -> None:
    """The gate's own limit, on each call's own CPU time, with the committed calibrator."""
    calibrator = read_calibrator(COMMITTED)
    rng = np.random.default_rng(3)
    calls = [
        (INTENTS[i % len(INTENTS)], tuple(row)) for i, row in enumerate(rng.normal(0, 2, (CALLS, len(NAMES[stage]))))
    ]

    def answer_all() -> list[int]:
        taken = []
        for intent, features in calls:
            begun = time.thread_time_ns()
            calibrator.confidence(stage, intent, features)
            taken.append(time.thread_time_ns() - begun)
        return taken

    p99_ms = float(np.quantile(benchmark.pedantic(answer_all, rounds=3, warmup_rounds=1), 0.99)) / 1e6
    print(f"\n{stage}: p99 {1000 * p99_ms:.1f} µs a call")
    assert p99_ms < LIMIT_MS
