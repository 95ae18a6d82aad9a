"""Does a run say after its first window what it can still show, from nothing but how much its pairs differ?"""

import json
from dataclasses import replace

import numpy as np
import pytest

from gates.pairs import Pairs
from gates.planning.power import either_way, power_of, streams_of
from gates.policy import Policy
from tests.gates.builders import arm, constants, equal_pairs

N = 800


def churning(share: float, seed: int = 0) -> Pairs:
    """A hero that finds all or nothing on a share of the queries, where the baseline finds the opposite."""
    draw = np.random.default_rng(seed)
    p, differ, coin = equal_pairs(N, seed), draw.random(N) < share, draw.random(N) < 0.5
    hero, baseline = (np.where(differ, finds, p.baseline.recall) for finds in (coin, ~coin))
    return replace(
        p,
        hero=replace(p.hero, recall=hero, found=hero),
        baseline=replace(p.baseline, recall=baseline, found=baseline),
    )


def chance(policy: Policy, pairs: Pairs) -> float:
    return power_of(policy, constants(), pairs, {}).chance


def test_the_more_pairs_differ_the_less_can_be_shown(policy: Policy) -> None:
    some, many = (power_of(policy, constants(), churning(share), {}) for share in (0.02, 0.3))
    recall = "sla_recall_at_50_delta"
    assert recall not in {task.check for task in some.doubtful}
    (worst, *_) = (task for task in many.doubtful if task.check == recall)
    assert worst.pairs > worst.budget
    assert f"with {100 * many.chance:.0f} %" in many.line()


def test_which_arm_is_the_better_one_makes_no_difference(policy: Policy) -> None:
    pairs = churning(0.1)
    turned = replace(pairs, hero=pairs.baseline, baseline=pairs.hero)
    assert chance(policy, pairs) == chance(policy, turned)
    worse = equal_pairs(N, ndcg=arm(N).ndcg - 0.1)
    better = replace(worse, hero=worse.baseline, baseline=worse.hero)
    assert chance(policy, worse) == chance(policy, better)


def test_a_check_whose_column_is_missing_is_not_foreseen(policy: Policy) -> None:
    nothing = equal_pairs(N, latency_ms=np.nan, confidence=np.nan)
    missing = dict.fromkeys(
        ("p95_latency", "p99_latency", "within_sla", "aece_tau", "confidence_shift"), "not recorded"
    )
    power = power_of(policy, constants(bin_edges=(), signs=()), nothing, missing)
    assert not {task.check for task in power.doubtful} & set(missing)


def test_what_is_recorded_is_text(policy: Policy) -> None:
    told = power_of(policy, constants(), churning(0.3), {}).record()
    assert json.loads(json.dumps(told)) == told
    assert all(isinstance(value, str) for entry in told["doubtful"] for value in entry.values())


def test_an_equal_hero_s_streams_favour_nobody(policy: Policy) -> None:
    streams = streams_of(either_way(churning(0.2)), policy, constants(), "here")
    for name in ("recall_lost", "ndcg_lost", "gap_moved"):
        assert streams.atoms[name].mean() == pytest.approx(0, abs=1e-12)
    assert {q: round(float(a.weight.sum()), 9) for (_, q), a in streams.tails.items()} == {0.95: 1.0, 0.99: 1.0}
