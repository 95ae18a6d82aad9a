"""Do 99 of 100 calls of the calibrator take less than a millisecond, by far?"""

import time

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from lens.calibrator import Calibrator, Curve
from lens.features import NAMES, STAGES, Stage
from lens.intent import INTENTS

LIMIT_MS = 1.0
CALLS = 20_000


@pytest.fixture(scope="module")
def calibrator() -> Calibrator:
    """As many curves, weights and knots as the committed one may have."""
    knots = tuple(np.linspace(0.001, 0.999, 50).tolist())
    curves: dict[tuple[str, str], Curve] = {
        (stage, intent): Curve(
            stage=stage,
            intent=intent,
            queries=1000,
            intercept=-0.5,
            weights=(0.3,) * len(NAMES[stage]),
            x=knots,
            y=knots,
            alpha=0.5,
        )
        for stage in STAGES
        for intent in INTENTS
    }
    return Calibrator(curves=curves, digest="")


@pytest.mark.benchmark(group="20,000 calls of the calibrator", timer=time.process_time)
@pytest.mark.parametrize("stage", STAGES)
def test_a_call_takes_less_than_a_millisecond(
    benchmark: BenchmarkFixture, calibrator: Calibrator, stage: Stage
) -> None:
    """The gate's own limit, on each call's own CPU time."""
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
