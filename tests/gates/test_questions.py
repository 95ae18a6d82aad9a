"""Does each question point the right way, and does a release's threshold count every process that can roll back?"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gates.checks.file_credit import FileCredit, FileCreditShare
from gates.checks.question import Moving, Question
from gates.checks.registry import BY_INTENT
from gates.pairs import Pairs
from gates.policy import Policy
from gates.rule.questions import DECIDE, missing_inputs, red_processes
from gates.rule.trackers import Thresholds
from gates.statistics.eprocess import log_evidence, mean_log
from gates.verdicts import Kind
from tests.gates.builders import arm, changed, equal_pairs, pairs, questions_of

N = 8_000


def question(policy: Policy, check: str) -> Question:
    asked = questions_of(policy)[check]
    fixed = asked.at(asked.before) if isinstance(asked, Moving) else asked
    assert isinstance(fixed, Question)
    return fixed


def red(asked: Question, found: Pairs) -> float:
    shown = [mean_log([log_evidence(stream(found)) for stream in process]) for process in asked.red]
    return min(shown) if asked.all_red else max(shown)


def green(asked: Question, found: Pairs) -> float:
    return min(log_evidence(stream(found)) for stream in asked.green)


@pytest.mark.parametrize("shift", [0.1, -0.1])
def test_a_shift_is_broken_both_ways(policy: Policy, shift: float) -> None:
    found = equal_pairs(N, confidence=np.clip(arm(N).confidence + shift, 0, 1))
    assert red(question(policy, "confidence_shift"), found) >= math.log(6300)


def test_recall_at_the_last_step_also_excludes_a_loss_of_one_point(policy: Policy) -> None:
    asked = question(policy, "sla_recall_at_50_delta")
    lost = equal_pairs(N, recall=arm(N).recall - np.where(np.arange(N) % 100 == 0, 1.0, 0.0))  # exactly 1 point
    (at_last,) = asked.green_at_last
    assert green(asked, lost) > log_evidence(at_last(lost))
    assert log_evidence(at_last(lost)) < math.log(100)
    assert (asked.limit, asked.limit_at_last) == (0.02, 0.01)


def test_one_hero_only_error_blocks_and_one_of_both_arms_does_not(policy: Policy) -> None:
    asked, both = question(policy, "errors"), arm(N, error=1.0)
    assert asked.blocked is not None
    assert [asked.blocked(equal_pairs(N, error=np.arange(N) < failed)) for failed in (0, 1)] == [0, 1]
    assert asked.blocked(pairs(both, both)) == 0


@pytest.mark.parametrize("limit", [0.01, 0.05, 0.5])
def test_no_answer_ruins_the_bets_on_file_credit(limit: float) -> None:
    full = FileCreditShare(limit=limit, margin=0.01).excess(arm(1, credits=50.0, file_credits=0.0))
    assert full.tolist() == pytest.approx([-1.0])


def test_the_aa_shadow_sees_a_baseline_that_differs_from_itself(policy: Policy) -> None:
    asked, same = question(policy, "aa_shadow"), equal_pairs(N)
    worse = replace(same, repeat=replace(same.repeat, recall=np.zeros(len(same.repeated))))
    better = replace(same, repeat=replace(same.repeat, recall=np.ones(len(same.repeated))))
    assert red(asked, same) < math.log(100) <= min(red(asked, worse), red(asked, better))
    assert green(asked, same) >= math.log(100) > max(green(asked, worse), green(asked, better))


def test_the_threshold_is_shared_by_all_processes_of_all_heroes(policy: Policy) -> None:
    thresholds, m = Thresholds.of(policy), red_processes(policy)
    assert math.exp(thresholds.red) == pytest.approx(m / policy.error_rates.red)
    assert math.exp(thresholds.green) == pytest.approx(1 / policy.error_rates.green)


@pytest.mark.parametrize(
    ("change", "fewer"),  # processes of each hero
    [
        ({"left_out": {"file_credit": "two processes"}}, 2),
        ({"left_out": {"aece_tau": "one process"}}, 1),
        ({"left_out": {"ece": "holds only"}}, 0),
        ({"guards": {"errors": {"on_red": "hold"}}}, 1),
        ({"slices": {"intents": ["docstring", "identifier"]}}, len(BY_INTENT)),
        ({"left_out": {"aa_shadow": "holds only"}}, 0),
    ],
)
def test_m_counts_what_can_roll_back(policy: Policy, change: dict[str, Any], fewer: int) -> None:
    assert red_processes(changed(policy, **change)) == red_processes(policy) - fewer * len(policy.heroes)
    assert red_processes(changed(policy, heroes={"one": "one.yaml"})) * len(policy.heroes) == red_processes(policy)


def test_whatever_is_asked_has_a_question(policy: Policy) -> None:
    before = {"lock", "known_answers", "preflight"}  # judged once, before the climb
    assert {*questions_of(policy)} == {*policy.asked(*DECIDE, Kind.INSTRUMENT)} - before


def test_a_loss_on_one_intent_is_red_on_that_slice_alone(policy: Policy) -> None:
    found = equal_pairs(N)
    third = found.intent == policy.slices.intents.index("identifier")
    lost = third & (np.arange(N) % 10 == 0)
    less = np.where(lost, 0.0, found.baseline.recall)
    found = replace(found, hero=replace(found.hero, recall=less, found=less, ndcg=np.where(lost, 0.0, found.hero.ndcg)))
    slices = [f"{asked}_{intent}" for asked in ("recall", "ndcg") for intent in policy.slices.intents]
    shown = [check for check in slices if red(question(policy, check), found) >= math.log(6300)]
    assert shown == ["recall_identifier", "ndcg_identifier"]


@pytest.mark.parametrize(
    ("served", "share", "held"),
    [(0.05, 0.05, False), (0.1, 0.05, True), (0.0, 0.05, True), (1.0, 1.0, False), (0.99, 1.0, True)],
)
def test_a_hero_served_more_or_less_than_its_share_is_held(
    policy: Policy, served: float, share: float, held: bool
) -> None:
    split = replace(equal_pairs(N), served=np.diff(np.floor(np.arange(N + 1) * served)), share=np.full(N, share))
    assert (red(question(policy, "traffic_share"), split) >= math.log(100)) == held


def test_a_baseline_without_errors_does_not_hide_those_of_the_hero(policy: Policy) -> None:
    """spinnaker/spinnaker issue 5622: no HTTP 307 against these rates a second passed, and was shipped."""
    posted = [0, 0.048, 0, 0.18, 0.089, 0, 0.098, 0.035, 0, 0]
    a_minute = [round(60 * rate) for rate in posted]  # errors among, say, 800 requests
    assert a_minute == [0, 3, 0, 11, 5, 0, 6, 2, 0, 0]
    failed = np.concatenate([np.arange(800) < errors for errors in a_minute]).astype(np.float64)
    found = equal_pairs(N, error=failed)
    asked = question(policy, "errors")
    assert red(asked, found) >= math.log(6300)
    assert asked.blocked is not None
    assert [asked.blocked(equal_pairs(800, error=failed[i : i + 800])) for i in range(0, N, 800)] == a_minute


def test_a_missing_column_names_the_checks_that_need_it(policy: Policy) -> None:
    slow = dict.fromkeys(("p95_latency", "p99_latency", "within_sla"), "latency_ms is missing: x.run has none")
    places = dict.fromkeys(("file_credit", "file_only"), "line_start is missing: no places")
    found = missing_inputs(policy, {"latency_ms": "x.run has none", "line_start": "no places"})
    assert found.items() >= {**slow, **places}.items()
    assert set(found.values()) == {*slow.values(), *places.values()}
    less = changed(policy, left_out=dict.fromkeys(("file_credit", "file_only"), "no places"))
    assert missing_inputs(less, {"line_start": "no places"}) == {}


def test_a_red_only_check_says_what_it_would_have_found(policy: Policy) -> None:
    asked, need = question(policy, "file_credit"), math.log(6300)
    assert asked.detectable is not None
    few, many = (asked.detectable(equal_pairs(n, file_credits=np.arange(n) % 50 == 0), need) for n in (800, 8_000))
    assert policy.limits(FileCredit).limit < many < few
