"""Does one look at few judged queries decide as mode `offline` promises, and is what cannot be shown refused?"""

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gates.errors import ConfigError, EvidenceError, GateError
from gates.rule.offline import (
    ALPHA,
    ALPHA_RED,
    MOST,
    POWER,
    Margin,
    Rates,
    Shown,
    charged,
    foresee,
    least_margin,
    queries_needed,
    rates_of,
    require_attainable,
    show,
)
from gates.statistics.gaffke import lower, tail, upper
from gates.verdicts import Verdict

Array = NDArray[np.float64]

TWO_POINTS = Margin(mu=0.02)
ONE_CHECK = Rates()


def queries(n: int, *, lost: int = 0, gained: int = 0, size: float = 1.0) -> Array:
    """Differences on n queries, of which some are lost or gained by so much; the rest does not differ."""
    return np.array([-size] * lost + [size] * gained + [0.0] * (n - lost - gained))


def look(d: Array, margin: Margin = TWO_POINTS) -> Shown:
    return show(d, margin, ONE_CHECK)


# one check


@pytest.mark.parametrize(
    ("d", "verdict"),
    [
        (queries(400), Verdict.GREEN),
        (queries(400, gained=40), Verdict.GREEN),
        (queries(400, lost=8), Verdict.INCONCLUSIVE),
        (queries(400, lost=20, gained=20), Verdict.INCONCLUSIVE),
        (queries(400, lost=40), Verdict.RED),
        (queries(100), Verdict.INCONCLUSIVE),  # L is -2.95 points even so
    ],
    ids=["equal", "better", "at the margin", "churn", "worse", "too few"],
)
def test_a_check_is_green_red_or_neither(d: Array, verdict: Verdict) -> None:
    shown = look(d)
    assert shown.verdict is verdict
    assert (shown.lower, shown.upper) == (lower(d, ALPHA), upper(d, ALPHA_RED))


@settings(max_examples=settings().max_examples * 3 // 5)
@given(
    st.lists(st.sampled_from([-1.0, -0.37, -0.02, 0.0, 0.02, 1.0]), min_size=1, max_size=80),
    st.floats(0.001, 0.5),
    st.one_of(st.none(), st.floats(0.0, 0.5)),
)
def test_the_verdict_follows_from_the_bounds_that_are_told(d: list[float], mu: float, tolerated: float | None) -> None:
    shown = look(np.array(d), Margin(mu=mu, tolerated_loss=tolerated))
    broken, holds = shown.upper < -(mu if tolerated is None else tolerated), shown.lower > -mu
    assert (shown.verdict is Verdict.RED) == broken  # RED wins where both are shown
    assert (shown.verdict is Verdict.GREEN) == (holds and not broken)
    assert not (broken and holds) or tolerated is not None


def test_worse_within_the_margin_is_told_and_is_red_where_no_loss_is_tolerated() -> None:
    d = queries(4_000, lost=20)
    shown = look(d)
    assert (shown.verdict, shown.note) == (Verdict.GREEN, "shown worse, within the margin")
    assert look(d, Margin(mu=0.02, tolerated_loss=0.0)).verdict is Verdict.RED
    assert look(queries(4_000)).note == ""


def test_a_single_check_is_red_only_beyond_the_loss_that_is_tolerated() -> None:
    d = queries(1_000, lost=80)
    assert look(d, Margin(mu=0.02, tolerated_loss=0.05)).verdict is Verdict.RED
    assert look(d, Margin(mu=0.02, tolerated_loss=0.10)).verdict is Verdict.INCONCLUSIVE


# the queries that would do


@pytest.mark.parametrize("d", [queries(50), queries(225, lost=10, gained=10), queries(60, lost=1, gained=2)])
def test_so_many_queries_that_differ_alike_meet_the_margin_and_one_less_does_not(d: Array) -> None:
    assert lower(d, ALPHA) <= -0.02
    enough = queries_needed(d, 0.02, ALPHA)
    assert enough is not None
    times = math.ceil(enough / len(d))
    assert lower(np.tile(d, times), ALPHA) > -0.02
    assert lower(np.tile(d, times - 1), ALPHA) <= -0.02


def test_where_nothing_differs_the_queries_needed_are_those_of_the_least_margin() -> None:
    enough = queries_needed(queries(10), 0.02, ALPHA)
    assert enough is not None
    assert least_margin(enough, ALPHA) < 0.02 <= least_margin(enough - 1, ALPHA)


@pytest.mark.parametrize("d", [queries(50, lost=1), queries(50, lost=2), queries(50, lost=1, gained=1)])
def test_queries_that_no_one_will_judge_are_not_named(d: Array) -> None:
    margin = 0.02 if d.mean() < 0 else 1e-4
    assert queries_needed(d, margin, ALPHA) is None
    assert f"not even {MOST:,} such queries would" in look(d, Margin(mu=margin)).note


# what may be spent


def test_the_first_hero_on_a_counted_set_spends_half_and_red_is_paid_for_by_every_check_and_hero() -> None:
    assert rates_of(1, k=1) == Rates(green=0.025, red=0.005)
    assert rates_of(4, k=2, heroes=3) == Rates(green=0.05 / 6, red=0.01 / 6 / 12)


def test_all_heroes_on_one_set_together_spend_no_more_than_one() -> None:
    spent = [charged(0.05, k) for k in range(1, 1_001)]
    assert spent == sorted(spent, reverse=True)
    assert 0.0499 < sum(spent) < 0.05


@pytest.mark.parametrize("k", [0, -1])
def test_heroes_are_counted_from_one(k: int) -> None:
    with pytest.raises(GateError, match=f"k is {k}, but the first hero on a judged set is 1"):
        charged(0.05, k)


# what can be shown at all


@pytest.mark.parametrize("n", [1, 50, 173, 7_000])
@pytest.mark.parametrize("alpha", [0.05, 0.025, 1e-4])
def test_a_margin_is_refused_exactly_where_not_even_an_equal_hero_meets_it(n: int, alpha: float) -> None:
    least = least_margin(n, alpha)
    assert least == pytest.approx(1 - alpha ** (1 / n))
    with pytest.raises(ConfigError, match="ndcg_at_10: mu is") as refused:
        require_attainable("ndcg_at_10", least, n, alpha)
    assert lower(queries(n), alpha) <= -least + 1e-8
    above = least + 1e-6
    require_attainable("ndcg_at_10", above, n, alpha)
    assert lower(queries(n), alpha) > -above
    (line,) = refused.value.mistakes
    found = re.search(r"judge ([\d,]+) queries$", line)
    assert found
    require_attainable("ndcg_at_10", least, int(found[1].replace(",", "")), alpha)


def test_what_is_refused_says_why_and_what_would_do() -> None:
    with pytest.raises(ConfigError) as refused:
        require_attainable("ndcg_at_10", 0.02, 173, 0.025)
    assert refused.value.mistakes == [
        "ndcg_at_10: mu is 0.02, but must be above 0.0211 with 173 queries at alpha 0.025, even where no answer "
        "differs: set it higher, or judge 183 queries"
    ]


CHURN = queries(225, lost=12, gained=9)


def test_the_power_foreseen_is_that_of_coins() -> None:
    """Against the rule itself on 200 heroes whose signs are drawn anew."""
    rng = np.random.default_rng(8)
    size = np.round(np.abs(rng.normal(0, 0.15, 225)), 2)
    found = foresee("ndcg_at_10", size, 0.03, ALPHA, seed=1)
    green = [tail(size * rng.choice([-1, 1], len(size)), -0.03) < ALPHA for _ in range(200)]  # L > -.03
    assert 0.1 < found.power < 0.95
    assert np.mean(green) == pytest.approx(found.power, abs=0.13)  # 3 standard errors of both
    assert foresee("ndcg_at_10", size, found.mu_for_power, ALPHA, seed=1).power == pytest.approx(POWER, abs=0.01)


def test_signs_are_of_no_account_in_the_plan() -> None:
    plans = [foresee("recall", d, 0.05, ALPHA, seed=3) for d in (CHURN, -CHURN, np.abs(CHURN))]
    assert plans[0] == plans[1] == plans[2]
    assert foresee("recall", CHURN, 0.05, ALPHA, seed=4).power != plans[0].power


def test_power_grows_with_the_margin_and_with_the_queries() -> None:
    powers = [foresee("recall", CHURN, mu, ALPHA, seed=3).power for mu in (0.02, 0.04, 0.06, 0.10)]
    assert powers == sorted(powers)
    assert powers[0] < 0.3 < 0.9 < powers[-1]
    more = foresee("recall", np.tile(CHURN, 4), 0.04, ALPHA, seed=3)
    assert more.power > powers[1]
    assert more.mu_for_power < foresee("recall", CHURN, 0.04, ALPHA, seed=3).mu_for_power


def test_where_nothing_differs_an_attainable_margin_has_power_one() -> None:
    least = least_margin(173, ALPHA)
    found = foresee("recall", queries(173), least + 1e-6, ALPHA, seed=3)
    assert found.power == 1.0
    assert found.mu_for_power == pytest.approx(least, abs=1e-4)
    assert foresee("recall", queries(173), least - 1e-6, ALPHA, seed=3).power == 0.0


def test_the_plan_is_one_line() -> None:
    found = foresee("recall", CHURN, 0.05, 0.025, seed=3)
    assert found.sentence() == (
        f"recall: an equal hero is shown to hold with {found.power:.2f} at a margin of 5 points (n 225, alpha 0.025); "
        f"0.8 needs {100 * found.mu_for_power:.3g} points"
    )


# what is refused


@pytest.mark.parametrize("value", [0.0, 1.0, -0.02, 2.0, math.nan])
@pytest.mark.parametrize(
    ("ask", "name"),
    [
        (lambda v: Margin(mu=v), "mu"),
        (lambda v: require_attainable("recall", v, 50, 0.05), "mu"),
        (lambda v: require_attainable("recall", 0.1, 50, v), "alpha"),
        (lambda v: foresee("recall", CHURN, v, 0.05, 1), "mu"),
        (lambda v: foresee("recall", CHURN, 0.05, v, 1), "alpha"),
        (lambda v: look(CHURN, Margin(mu=0.02, tolerated_loss=v or 1.0)), "tolerated_loss"),
        (lambda v: show(CHURN, TWO_POINTS, Rates(green=v)), "alpha"),
        (lambda v: show(CHURN, TWO_POINTS, Rates(red=v)), "alpha"),
    ],
    ids=["margin", "attainable", "attainable alpha", "plan", "plan alpha", "tolerated", "green", "red"],
)
def test_what_is_no_share_is_refused_in_one_line(ask: Callable[[float], object], name: str, value: float) -> None:
    with pytest.raises(GateError, match=rf"^{name} is .+, but should be between 0 and 1") as refused:
        ask(value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("d", "says"),
    [
        ([], r"shape \(0,\): should be one number a query, of at least one query"),
        ([[0.1, 0.2]], r"shape \(1, 2\): should be one number a query"),
        ([0.1, math.nan], r"difference nan of query 2, but should be within \[-1, 1\] \(1 of 2 are not\)"),
        ([0.1, -1.2, 3.0], r"difference -1.2 of query 2, but should be within \[-1, 1\] \(2 of 3 are not\)"),
        ([math.inf], "difference inf of query 1"),
    ],
)
@pytest.mark.parametrize(
    "ask",
    [look, lambda d: foresee("recall", d, 0.02, 0.05, 1), lambda d: tail(d, 0.05)],
    ids=["look", "plan", "tail"],
)
def test_differences_that_are_none_are_refused(ask: Callable[[Array], object], d: list[float], says: str) -> None:
    with pytest.raises(EvidenceError, match=f"^paired .*{says}") as refused:
        ask(np.array(d))
    assert "\n" not in str(refused.value)
