"""Is each suspicious pattern found, and nothing suspected of sound answers?"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.checks.battery import Side
from gates.checks.stop_rule import suspicious, unusual
from gates.policy import Policy, load_policy
from tests.conftest import ROOT
from tests.gates.answers import INTENTS, N, facts, late, side, snapshot

HERO, BASELINE = side("lexical"), side("lens")
ROTA = (np.arange(N) // 3 % 3) / 2
NONE, NANS = np.zeros(N, dtype=np.int64), np.full(N, np.nan)
ALIKE = {"hero": replace(HERO, ndcg=ROTA), "baseline": replace(BASELINE, ndcg=ROTA)}


def found(policy: Policy, intent: Any = INTENTS, **changes: Any) -> list[str]:
    sides = {name: changes.pop(name) for name in ("hero", "baseline") if name in changes}
    return suspicious(replace(snapshot(**sides), intent=intent), facts(**changes), policy.sanity.stop_rule)


def test_sound_answers_raise_no_suspicion(policy: Policy) -> None:
    assert found(policy) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hero": replace(HERO, ndcg=np.full(N, 0.7))}, "nDCG of lexical is flat (variance 0, range 0)"),
        ({"hero": replace(HERO, ndcg=0.7 + 0.01 * ROTA)}, "nDCG of lexical is flat (variance 0.0000167, range 0.01)"),
        ({"baseline": replace(BASELINE, ndcg=np.full(N, 0.7))}, "nDCG of lens is flat"),
        ({"hero": replace(HERO, ndcg=np.zeros(N))}, "mean nDCG of lexical is 0"),
        ({"hero": replace(HERO, ndcg=1 - 0.02 * ROTA)}, "mean nDCG of lexical is 0.99, too good from 0.99 on"),
        ({"hero": replace(HERO, known=np.where(np.arange(N) % 3, 0, 50))}, "median of pool hits of lexical is 0"),
        ({"hero": replace(late(HERO, ROTA == 0), sla_recall=HERO.recall)}, "late answers of lexical count"),
        ({"hero": replace(BASELINE, name="lexical")}, "differ, but not one of their numbers does"),
        (ALIKE, "all 6 intervals are"),
        ({"hero": replace(HERO, hits=NONE), "places": "judged"}, "median of pool hits of lexical is 0"),
        (
            {"hero": replace(BASELINE, name="x", confidence=NANS), "baseline": replace(BASELINE, confidence=NANS)},
            "differ, but not one of their numbers does",
        ),
    ],
    ids=[
        *("flat", "narrow", "flat baseline", "zero", "perfect", "no pool", "late", "identical", "widths"),
        *("no judged hit", "identical without confidence"),
    ],
)
def test_a_pattern_is_found(policy: Policy, changes: dict[str, Any], said: str) -> None:
    assert any(said in pattern for pattern in found(policy, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"hero": replace(HERO, ndcg=0.5 + 0.03 * ROTA)},  # narrow, but not flat
        {"hero": replace(HERO, ndcg=np.maximum(BASELINE.ndcg - 0.2, 0))},  # worse is for the gates to say
        {"hero": replace(HERO, ndcg=np.minimum(BASELINE.ndcg + 0.2, 0.98))},  # and so is better, however much
        {"hero": replace(HERO, known=np.where(np.arange(N) % 3, 50, 0))},
        {"hero": late(HERO, np.ones(N, np.bool_))},  # slow, and masked as it must be
        {"hero": replace(HERO, latency_ms=HERO.latency_ms + 200)},  # nor does a clock alone raise suspicion
        {"hero": replace(BASELINE, name="lexical", confidence=BASELINE.confidence / 2)},  # one number differs
        {"hero": replace(BASELINE, name="equal"), "configurations": ["0a94be71c6d2203f"] * 2},
        {"hero": replace(HERO, known=NONE), "places": "judged"},  # where only judged documents are known any hit counts
        {**ALIKE, "intent": np.full(N, "all")},  # two intervals may be equally wide
    ],
    ids=[
        *("narrow", "worse", "better", "some pool", "slow", "clock", "confidence", "same configuration", "judged"),
        "one intent",
    ],
)
def test_what_a_bad_hero_may_be_is_no_pattern(policy: Policy, changes: dict[str, Any]) -> None:
    assert found(policy, **changes) == []


@pytest.mark.parametrize(("gain", "told"), [(0.14, True), (0.09, False), (-0.14, False)])
def test_an_unusual_gain_is_told(policy: Policy, gain: float, told: bool) -> None:
    arms = snapshot(hero=replace(BASELINE, name="lexical", ndcg=BASELINE.ndcg / 2 + 0.2 + gain))
    arms = replace(arms, baseline=replace(BASELINE, ndcg=BASELINE.ndcg / 2 + 0.2))
    said = f"unusual: lexical gains 14.0 points of nDCG on {N} queries before the climb, more than 10"
    assert unusual(arms, policy.sanity.stop_rule) == (said if told else "")


@given(st.integers(0, 10_000))
def test_no_order_of_queries_changes_what_is_suspected(seed: int) -> None:
    limits = load_policy(ROOT / "configs" / "policy.yaml").sanity.stop_rule
    order = np.random.default_rng(seed).permutation(N)
    arms = snapshot(hero=replace(HERO, ndcg=np.zeros(N), known=np.zeros(N, dtype=np.int64)))

    def moved(arm: Side) -> Side:
        columns = ("ndcg", "recall", "sla_recall", "within_sla", "confidence", "hits", "known")
        return replace(arm, **{name: getattr(arm, name)[order] for name in columns})

    shuffled = replace(arms, hero=moved(arms.hero), baseline=moved(arms.baseline), intent=INTENTS[order])
    assert suspicious(arms, facts(), limits) == suspicious(shuffled, facts(), limits)
