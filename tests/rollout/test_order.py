"""Are the order of queries, the served arm and the order of arms drawn from the fingerprint, and from nothing else?"""

from itertools import pairwise, permutations

import numpy as np
import pytest

from fixtures.systems.protocol import Query
from rollout.order import arm_order, arm_served, bucket, query_order, seed

ONE, OTHER = "ab" * 32, "cd" * 32
QUERIES = [Query(query_ord=i, query_id=f"q{i}", text="", intent="all", suite="all") for i in range(4_000)]


def test_the_order_is_a_permutation_that_only_the_fingerprint_draws() -> None:
    ordered = query_order(ONE, QUERIES)
    assert sorted(q.query_ord for q in ordered) == list(range(len(QUERIES)))
    assert ordered != QUERIES
    assert ordered == query_order(ONE, QUERIES[::-1]) != query_order(OTHER, QUERIES)
    assert query_order(ONE, QUERIES[::3]) == [q for q in ordered if q.query_ord % 3 == 0]  # a larger budget continues


def test_the_order_looks_random() -> None:
    place = np.array([q.query_ord for q in query_order(ONE, QUERIES)])
    assert abs(np.corrcoef(place, np.arange(len(place)))[0, 1]) < 3.5 / np.sqrt(len(place))
    assert abs(np.corrcoef(place[1:], place[:-1])[0, 1]) < 3.5 / np.sqrt(len(place))


@pytest.mark.parametrize("percent", [5, 25, 50])
def test_a_steps_share_of_traffic_is_the_heros(percent: int) -> None:
    served = np.mean([arm_served(ONE, query, percent) == "hero" for query in QUERIES])
    p = percent / 100
    assert served == pytest.approx(p, abs=3.5 * np.sqrt(p * (1 - p) / len(QUERIES)))


def test_at_100_percent_everyone_is_served_by_the_hero() -> None:
    assert {arm_served(ONE, query, 100) for query in QUERIES} == {"hero"}
    assert {arm_served(ONE, query, 0) for query in QUERIES} == {"baseline"}


def test_who_was_served_by_the_hero_still_is_at_the_next_step() -> None:
    for before, after in pairwise((5, 25, 50, 100)):
        for query in QUERIES:
            if arm_served(ONE, query, before) == "hero":
                assert arm_served(ONE, query, after) == "hero"


def test_traffic_does_not_follow_the_order() -> None:
    # two draws of one fingerprint: the first queries of a step are not the hero's
    buckets = np.array([bucket(ONE, query) for query in query_order(ONE, QUERIES)])
    assert abs(np.corrcoef(buckets, np.arange(len(buckets)))[0, 1]) < 3.5 / np.sqrt(len(buckets))


@pytest.mark.parametrize("arms", [("hero", "baseline"), ("hero", "baseline", "repeat")])
def test_each_order_of_arms_is_equally_frequent(arms: tuple[str, ...]) -> None:
    drawn = [arm_order(ONE, query, arms) for query in QUERIES]
    orders = list(permutations(arms))
    p = 1 / len(orders)
    for order in orders:
        assert drawn.count(order) / len(drawn) == pytest.approx(p, abs=3.5 * np.sqrt(p * (1 - p) / len(drawn)))


def test_seeds_belong_to_the_fingerprint() -> None:
    assert seed(ONE) == seed(ONE) != seed(OTHER)
