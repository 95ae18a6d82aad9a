"""Do the peers' rules decide as their sources do: losses, gains, missing values, and numbers that the peers printed?"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.peers import growthbook, kayenta, thresholds
from benchmarks.peers import windows as metrics
from benchmarks.peers.__main__ import PEERS
from benchmarks.peers.kayenta import MetricLabel, location_shift
from benchmarks.peers.windows import Array, Stop, Windows, two_samples
from gates.pairs import COLUMNS, Arm

Change = Callable[[Array], Array]
Rule = Callable[[Windows], Stop]
rolled_back, promoted, HELD = partial(Stop, "rolled back"), partial(Stop, "promoted"), Stop("held")

#: Column, what is a gross loss of it, and what a gain.
MOVES: list[tuple[str, Change, Change]] = [
    ("ndcg", lambda x: x * 0.6, lambda x: x + 0.4 * (1 - x)),
    ("recall", lambda x: x * 0.6, lambda x: x + 0.4 * (1 - x)),
    ("latency_ms", lambda x: x * 1.5, lambda x: x / 1.5),
    ("confidence", lambda x: x + 0.4 * (1 - x), lambda x: x * 0.6),
]

# spinnaker/spinnaker issue 5622: errors that shipped, since Kayenta passed them
ERRORS_5622 = np.array([0, 0.048, 0, 0.18, 0.089, 0, 0.098, 0.035, 0, 0])


def arm(rng: np.random.Generator, windows: int, pairs: int) -> Arm:
    shape = (windows, pairs)
    confidence = rng.beta(3, 2, shape)
    columns = {
        "ndcg": rng.random(shape), "recall": rng.integers(0, 6, shape) / 5,
        "latency_ms": 40 * np.exp(rng.normal(0, 0.5, shape)),
        "confidence": confidence, "correct": (rng.random(shape) < confidence).astype(np.float64),
    }  # fmt: skip
    return Arm(**{**dict.fromkeys(COLUMNS, np.zeros(shape)), **columns})


def equal(windows: int = 8, pairs: int = 300, seed: int = 1) -> Windows:
    """A hero that answers exactly as the baseline does."""
    same = arm(np.random.default_rng(seed), windows, pairs)
    return Windows(hero=same, baseline=same)


def changed(windows: Windows, column: str, change: Change) -> Windows:
    return replace(windows, hero=replace(windows.hero, **{column: change(getattr(windows.hero, column))}))


def red(**patterns: list[int]) -> Windows:
    """Windows that are red for a metric where its pattern is 1: two points lost, one more than is tolerated."""
    windows = equal(windows=len(next(iter(patterns.values()))), pairs=50)
    for column, pattern in patterns.items():
        windows = changed(windows, column, lambda x, lost=pattern: x - 0.02 * np.array(lost)[:, None])
    return windows


@pytest.fixture(params=PEERS.values(), ids=PEERS)
def rule(request: pytest.FixtureRequest) -> Rule:
    return request.param


# --- what every rule must do ---


def test_identical_arms_are_promoted_after_the_last_window(rule: Rule) -> None:
    assert rule(equal()) == promoted(8)


@pytest.mark.parametrize(("column", "loss", "gain"), MOVES)
def test_a_gross_loss_is_rolled_back_and_a_gain_is_none(rule: Rule, column: str, loss: Change, gain: Change) -> None:
    lost = changed(equal(), column, loss)
    assert rule(lost).how == rule(two_samples(lost, equal(seed=3))).how == "rolled back"
    assert rule(changed(equal(), column, gain)) == promoted(8)


@pytest.mark.parametrize(
    ("peer", "one", "every"),
    [
        ("Kayenta", promoted(8), rolled_back(2)),  # drops a metric without data; none for half of them scores 0
        ("Kayenta, all critical", rolled_back(2), rolled_back(2)),
        ("Argo Rollouts", rolled_back(3), rolled_back(3)),
        ("Flagger", rolled_back(5), rolled_back(5)),
        ("two red windows", rolled_back(2), rolled_back(2)),
        ("GrowthBook", promoted(8), HELD),  # a guardrail without a result never fails
    ],
)
def test_what_the_hero_never_reports(peer: str, one: Stop, every: Stop) -> None:
    windows = changed(equal(), "ndcg", lambda x: np.full_like(x, np.nan))
    assert PEERS[peer](windows) == one
    for column in ("recall", "latency_ms", "confidence"):
        windows = changed(windows, column, lambda x: np.full_like(x, np.nan))
    assert PEERS[peer](windows) == every


# --- metrics ---


def test_the_mean_is_of_the_values_that_are_there() -> None:
    means = metrics.mean(np.array([[1.0, 2.0, 6.0], [1.0, np.nan, 3.0], [np.nan] * 3]))
    np.testing.assert_array_equal(means, [3.0, 2.0, np.nan])


def test_p95_is_the_nearest_rank_of_the_values_that_are_there() -> None:
    twenty = np.arange(20.0, 0.0, -1.0)
    holes = np.where(twenty > 10, np.nan, twenty)
    np.testing.assert_array_equal(metrics.p95(np.array([twenty, holes, np.full(20, np.nan)])), [19.0, 10.0, np.nan])


def test_over_confidence_is_counted_from_one() -> None:
    windows = equal()
    sure = replace(windows.hero, confidence=np.full(windows.shape, 0.75), correct=np.zeros(windows.shape))
    assert metrics.CALIBRATION.summary(metrics.CALIBRATION.values(sure)) == pytest.approx(1.75)


# --- point thresholds ---


@pytest.mark.parametrize(
    ("column", "change", "is_red"),
    [
        pytest.param("ndcg", lambda x: x - 0.009, False, id="ndcg-tolerated"),
        pytest.param("ndcg", lambda x: x - 0.011, True, id="ndcg-lost"),
        pytest.param("ndcg", lambda x: x + 0.011, False, id="ndcg-gained"),
        pytest.param("recall", lambda x: x - 0.011, True, id="recall-lost"),
        pytest.param("latency_ms", lambda x: x * 1.04, False, id="p95-tolerated"),
        pytest.param("latency_ms", lambda x: x * 1.06, True, id="p95-slower"),
        pytest.param("latency_ms", lambda x: np.where(x < 50, x * 1.2, x), False, id="slower-below-p95-only"),
        pytest.param("confidence", lambda x: x + 0.009, False, id="confidence-tolerated"),
        pytest.param("confidence", lambda x: x + 0.011, True, id="over-confident"),
        pytest.param("confidence", lambda x: x - 0.011, False, id="under-confident"),
        pytest.param("correct", lambda x: np.full_like(x, np.nan), True, id="no-value"),
    ],
)
def test_a_window_is_red_beyond_its_tolerance(column: str, change: Change, is_red: bool) -> None:
    red_metrics = thresholds.red_windows(changed(equal(), column, change))
    assert red_metrics.any(axis=0).tolist() == [is_red] * 8
    assert red_metrics.any(axis=1).sum() == is_red


@pytest.mark.parametrize(
    ("peer", "windows", "stop"),
    [
        ("Argo Rollouts", red(ndcg=[1, 0, 1, 0, 1, 0]), rolled_back(5)),  # at a metric's third failure
        ("Argo Rollouts", red(ndcg=[1, 0, 1, 0, 0, 0]), promoted(6)),
        ("Argo Rollouts", red(ndcg=[1, 0, 1, 0, 0, 0], recall=[0, 1, 0, 1, 0, 0]), promoted(6)),  # each has its count
        ("Flagger", red(ndcg=[1, 0, 1, 1, 0, 1, 1]), rolled_back(7)),  # at the fifth failed check
        ("Flagger", red(ndcg=[1, 0, 1, 1, 0, 1, 0]), promoted(7)),
        # whichever metric it was, and one failed check a window
        ("Flagger", red(ndcg=[1, 0, 1, 0, 1, 0, 0], recall=[0, 1, 0, 1, 0, 0, 0]), rolled_back(5)),
        ("Flagger", red(ndcg=[1, 0, 1, 0, 0, 0, 0], recall=[1, 0, 1, 1, 0, 0, 0]), promoted(7)),
        ("two red windows", red(ndcg=[0, 1, 1, 0]), rolled_back(3)),
        ("two red windows", red(ndcg=[1, 0, 1, 0]), promoted(4)),
        ("two red windows", red(ndcg=[1, 0, 1, 0], recall=[0, 1, 0, 1]), promoted(4)),  # in a row for one metric
    ],
)
def test_how_many_red_windows_stop_a_canary(peer: str, windows: Windows, stop: Stop) -> None:
    assert PEERS[peer](windows) == stop


# --- Kayenta ---


def test_the_interval_is_the_one_that_kayentas_own_test_expects() -> None:
    # MannWhitneySuite.scala, "returns expected values"
    shift = location_shift(np.array([10.0, 20.0, 30.0, 40.0]), np.array([1.0, 2.0, 3.0, 4.0]), confidence=0.95)
    assert shift == kayenta.LocationShift(lower=6.0, upper=39.0, estimate=22.5)


def test_spinnaker_issue_5622_passes() -> None:
    zeros = np.zeros(10)
    shift = location_shift(ERRORS_5622, zeros)
    assert (shift.lower, shift.upper) == (0.0, 0.089)
    # any shift between 0 and the smallest error balances the ranks: Kayenta's search stops at .0216, ours is the middle
    assert 0 < shift.estimate < 0.035
    assert kayenta.classify(metrics.LATENCY, ERRORS_5622, zeros) == "Pass"


def test_the_interval_is_the_one_that_kayenta_printed_in_spinnaker_issue_6278() -> None:
    hero, baseline = np.array([100.0] * 7 + [1.0] * 3), np.ones(10)
    shift = location_shift(hero, baseline)
    # its search stops within 1e-4
    assert shift.lower == pytest.approx(6.825022991538781e-05, abs=1e-4)
    assert shift.upper == pytest.approx(99.0, abs=1e-4)
    assert shift.estimate == pytest.approx(98.99992904170193, abs=1e-4)
    assert kayenta.classify(metrics.LATENCY, hero, baseline) == "Pass"
    hero[7] = 100.0  # "It fails as soon as I change the 8th value"
    assert kayenta.classify(metrics.LATENCY, hero, baseline) == "High"


@given(st.integers(0, 10_000), st.integers(5, 60), st.integers(5, 60), st.sampled_from([None, 1, 0]))
def test_the_interval_is_where_the_rank_statistic_crosses(seed: int, m: int, n: int, decimals: int | None) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0.3, 1, m), rng.normal(0, 1, n)
    if decimals is not None:  # with many ties, within the arms and between them
        x, y = x.round(decimals), y.round(decimals)
    found = location_shift(x, y)

    def moved(shift: float, alternative: str) -> Any:
        return stats.mannwhitneyu(x - shift, y, alternative=alternative, method="asymptotic")

    assert moved(found.lower - 1e-9, "greater").pvalue <= 0.01 <= moved(found.lower + 1e-9, "greater").pvalue
    assert moved(found.upper + 1e-9, "less").pvalue <= 0.01 <= moved(found.upper - 1e-9, "less").pvalue
    # the estimate balances the ranks: neither a little less nor a little more does it better
    either_side = [moved(found.estimate + by, "less").statistic for by in (-1e-6, 1e-6)]
    assert either_side[0] >= m * n / 2 >= either_side[1]


NORMAL = np.random.default_rng(4).normal(1, 0.1, 60)
# effect size "meanRatio" of at least 1, or at most: most values move one way, a few huge ones the other
FEW_HUGE = np.concatenate([np.linspace(1, 2, 50), np.full(10, 1_000.0)])
FEW_LESS_HUGE = np.concatenate([np.linspace(11, 12, 50), np.full(10, 500.0)])


@pytest.mark.parametrize(
    ("metric", "hero", "baseline", "label"),
    [
        # in its own direction only
        (metrics.NDCG, NORMAL[::-1] - 0.3, NORMAL, "Low"),
        (metrics.NDCG, NORMAL[::-1] + 0.3, NORMAL, "Pass"),
        (metrics.LATENCY, NORMAL[::-1] + 0.3, NORMAL, "High"),
        (metrics.LATENCY, NORMAL[::-1] - 0.3, NORMAL, "Pass"),
        (metrics.LATENCY, NORMAL[::-1], NORMAL, "Pass"),
        # series with little in them
        (metrics.LATENCY, [2.0] * 60, [1.0] * 60, "High"),  # constant series that differ
        (metrics.LATENCY, [1.0] * 60, [1.0] * 59, "Pass"),
        (metrics.LATENCY, [3.0, 1.0, 2.0], [1.0, 2.0, 3.0], "Pass"),  # the same values in another order
        (metrics.LATENCY, [2.0, np.nan] * 30, [1.0] * 60, "High"),
        (metrics.LATENCY, [np.nan] * 60, [1.0] * 60, "Nodata"),
        (metrics.LATENCY, [1.0] * 60, [np.nan] * 60, "Nodata"),
        # a rise whose mean falls is no rise, nor the other way round
        (metrics.LATENCY, FEW_LESS_HUGE, FEW_HUGE, "Pass"),
        (metrics.NDCG, FEW_HUGE, FEW_LESS_HUGE, "Pass"),
    ],
)
def test_how_a_metric_is_classified(metric: metrics.Metric, hero: Array, baseline: Array, label: MetricLabel) -> None:
    assert kayenta.classify(metric, np.array(hero), np.array(baseline)) == label


@pytest.mark.parametrize(("moved", "label"), [(0.08, "Pass"), (0.1, "High")])
def test_an_interval_must_clear_a_quarter_of_the_estimate(moved: float, label: MetricLabel) -> None:
    baseline = np.linspace(1, 1.5, 60)
    shift = location_shift(baseline + moved, baseline)
    assert shift.lower > 0.01  # significant by either
    assert (shift.lower > 0.25 * shift.estimate) == (label == "High")
    assert kayenta.classify(metrics.LATENCY, baseline + moved, baseline) == label


@pytest.mark.parametrize(
    ("labels", "critical", "points"),
    [
        ("Pass Pass Pass Pass", False, 100.0),
        ("Pass Pass Pass Pass", True, 100.0),
        ("Pass Pass Low Pass", False, 75.0),
        ("Pass Pass Low Pass", True, 0.0),
        ("Pass High Low Pass", False, 50.0),
        ("Nodata Pass Low Pass", False, 66.67),
        ("Nodata Pass Pass Pass", False, 100.0),
        ("Nodata Pass Pass Pass", True, 0.0),
        ("Nodata Nodata Pass Pass", False, 0.0),
        ("Nodata Nodata Nodata Nodata", False, 0.0),
    ],
)
def test_the_score_is_the_share_that_passes(labels: str, critical: bool, points: float) -> None:
    assert kayenta.score(labels.split(), critical=critical) == points


@pytest.mark.parametrize(
    ("columns", "critical", "window"),
    [
        (["ndcg"], False, 8),  # 75 is marginal: it only fails the last run
        (["ndcg"], True, 2),
        (["ndcg", "recall"], False, 2),
    ],
)
def test_a_run_below_marginal_stops_at_once(columns: list[str], critical: bool, window: int) -> None:
    windows = equal()
    for column in columns:
        windows = changed(windows, column, lambda x: x * 0.6)
    assert kayenta.kayenta(windows, critical=critical) == rolled_back(window)


def test_a_time_slice_is_so_many_answers_in_a_row() -> None:
    windows = equal(windows=5, pairs=100)  # 500 answers, two a slice, the last 20 left over
    slices = kayenta.time_slices(metrics.NDCG, windows.hero, 2)
    assert slices.shape == (240,)
    assert slices[63] == pytest.approx(windows.hero.ndcg.ravel()[126:128].mean())


def test_too_few_pairs_for_the_time_slices_are_refused() -> None:
    with pytest.raises(ValueError, match=r"200 pairs, expected at least 240: one a time slice"):
        kayenta.kayenta(equal(windows=2, pairs=100))


# --- GrowthBook ---


def test_the_bound_is_the_one_that_gbstats_own_test_expects() -> None:
    # tests/frequentist/test_tests.py, TestSequentialOneSidedLesserTTest.test_one_sided_ttest_absolute
    width = growthbook.half_width(np.array([0.12983081254184736**2]), np.array([3000.0 + 3461.0]))
    assert width == pytest.approx(0.5953217750613832 - 0.23437666666666668, abs=1e-9)


def test_paired_arms_are_compared_by_their_differences_and_others_as_two_samples() -> None:
    windows = changed(equal(), "ndcg", lambda x: x * 0.98)
    d = windows.baseline.ndcg - windows.hero.ndcg
    n = np.array([float(d.size)])
    paired = d.mean() - growthbook.half_width(np.array([d.var(ddof=1) / d.size]), n)
    both = windows.hero.ndcg.var(ddof=1) + windows.baseline.ndcg.var(ddof=1)
    split = d.mean() - growthbook.half_width(np.array([both / d.size]), 2 * n)
    assert growthbook.least_harm(metrics.NDCG, windows)[-1] == pytest.approx(paired[0])
    assert growthbook.least_harm(metrics.NDCG, replace(windows, paired=False))[-1] == pytest.approx(split[0])
    assert split[0] < 0 < paired[0]


def test_an_arm_that_does_not_vary_has_no_result() -> None:
    # a hero that finds nothing ships, unless another guardrail notices
    dead = changed(equal(), "recall", np.zeros_like)
    assert growthbook.growthbook(dead).how == "rolled back"
    assert growthbook.growthbook(replace(dead, paired=False)) == promoted(8)
    still = changed(changed(equal(), "ndcg", np.zeros_like), "ndcg", lambda x: x + 0.25)
    still = replace(still, baseline=replace(still.baseline, ndcg=np.full(still.shape, 0.5)))
    assert growthbook.growthbook(still) == promoted(8)


def test_a_proven_loss_rolls_back_even_when_another_metric_has_no_data() -> None:
    windows = changed(equal(), "ndcg", lambda x: np.full_like(x, np.nan))
    assert growthbook.growthbook(changed(windows, "recall", lambda x: x * 0.6)) == rolled_back(1)
