"""Is the paired bootstrap of all metrics at least ten times as fast as scipy's, for the same intervals?"""

import time

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from scipy import stats

from benchmarks.conftest import best_cpu_seconds
from gates.statistics.whiskers import Resamples

N, METRICS, RESAMPLES = 800, 24, 2_000  # a night's suite: six numbers of each of four systems
FASTER = 10


def pairs() -> tuple[np.ndarray, np.ndarray]:
    """Numbers of 800 queries answered by hero and baseline, of which two in five differ."""
    rng = np.random.default_rng(22)
    baseline = rng.random((N, METRICS))
    return baseline + np.where(rng.random((N, METRICS)) < 0.4, rng.normal(0, 0.2, (N, METRICS)), 0.0), baseline


def ours(hero: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """One set of resamples, drawn here, for all metrics."""
    draws = Resamples.draw(N, RESAMPLES, 1, 7).means(hero - baseline)
    return np.asarray(np.quantile(draws, (0.025, 0.975), axis=0).T)


def scipys(hero: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """A paired bootstrap for each metric, vectorised."""
    rng = np.random.default_rng(7)
    found = [
        stats.bootstrap(
            (hero[:, i], baseline[:, i]), _difference, paired=True, vectorized=True, n_resamples=RESAMPLES,
            method="percentile", rng=rng,
        )
        for i in range(METRICS)
    ]  # fmt: skip
    return np.array([(one.confidence_interval.low, one.confidence_interval.high) for one in found])


def _difference(hero: np.ndarray, baseline: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.asarray(hero.mean(axis=axis) - baseline.mean(axis=axis))


@pytest.mark.benchmark(group="95 % intervals of 24 numbers of 800 pairs", timer=time.process_time)
def test_ten_times_as_fast_as_scipy(benchmark: BenchmarkFixture) -> None:
    """Drawing the resamples included: they serve a night's suite once."""
    both = pairs()
    found = benchmark.pedantic(ours, args=both, rounds=5, warmup_rounds=1)
    assert np.abs(found - scipys(*both)).max() < 0.002
    mine, theirs = best_cpu_seconds(lambda: ours(*both), 5), best_cpu_seconds(lambda: scipys(*both), 2)
    print(f"\nours {1000 * mine:.0f} ms, scipy {1000 * theirs:.0f} ms CPU: {theirs / mine:.0f} times as fast")
    assert theirs >= FASTER * mine
