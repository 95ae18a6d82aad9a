"""Is CPU time told as a paired difference, and only where both systems give it?"""

from dataclasses import replace

import numpy as np
import pytest

from gates.statistics.pvalues import mean_interval
from reports.model.gains import Gain, compare, compare_intents
from reports.model.story import tell
from rollout.columns import Measured
from tests.reports.conftest import Judged

EDGES = np.array([0.5])


@pytest.fixture
def measured(judged: Judged) -> Measured:
    """Pairs whose hero needs about .1 ms less."""
    found = tell(judged("equal"))[0].measured
    assert found is not None
    rng, n = np.random.default_rng(1), len(found)
    baseline = rng.uniform(0.5, 0.7, n)
    return replace(found, baseline_cpu_ms=baseline, hero_cpu_ms=baseline - rng.uniform(0, 0.2, n))


def test_cpu_time_is_a_paired_difference_and_less_of_it_is_a_gain(measured: Measured) -> None:
    gain: Gain = compare(measured, edges=EDGES, seed=1)["cpu_ms"]
    assert gain.difference == mean_interval(measured.hero_cpu_ms - measured.baseline_cpu_ms)
    assert (gain.shown, gain.better) == ("less shown", "gain shown")
    assert gain.hero == pytest.approx(measured.hero_cpu_ms.mean())


def test_it_is_told_by_intent_of_the_same_rows_and_not_where_a_system_gives_none(measured: Measured) -> None:
    for intent, gains in compare_intents(measured, edges=EDGES, seed=1).items():
        at = measured.intent == intent
        assert gains["cpu_ms"].baseline == pytest.approx(measured.baseline_cpu_ms[at].mean())
    nothing = np.full(len(measured), np.nan)
    assert "cpu_ms" not in compare(replace(measured, hero_cpu_ms=nothing), edges=EDGES, seed=1)


def test_p95_is_told_net_of_waiting_beside_it_where_something_waited(measured: Measured) -> None:
    assert "p95_net_ms" not in compare(measured, edges=EDGES, seed=1)  # recorded: nothing waited here
    waited = replace(measured.hero, wait_ms=measured.hero.latency_ms / 2)
    gains = compare(replace(measured, hero=waited), edges=EDGES, seed=1)
    raw, net = gains["p95_latency_ms"], gains["p95_net_ms"]
    assert (net.hero, net.baseline) == (pytest.approx(raw.hero / 2), raw.baseline)
    assert net.shown == "less shown"
