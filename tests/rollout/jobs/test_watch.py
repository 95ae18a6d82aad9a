"""Does hero health find what is grossly wrong, and the gate monitor what no longer holds?"""

import itertools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gates.checks.sla_recall import SlaRecall
from gates.policy import Policy
from gates.verdicts import Cell, Kind, Verdict
from rollout.jobs import gate_monitor, health
from rollout.jobs.check import judge_all
from rollout.jobs.gate_monitor import Left, MonitorLimits
from rollout.jobs.health import HealthLimits, Probing
from rollout.jobs.settings import read_family
from tests.rollout.jobs.weeks import CONFIGS, red, slips_and_rescues, week

N = 100
HUNDRED = np.arange(N)


LIMITS: HealthLimits = read_family(CONFIGS, "continuous", health=HealthLimits).health
MONITOR: MonitorLimits = read_family(CONFIGS, "continuous", gate_monitor=MonitorLimits).gate_monitor


def judge_health(now: Any, then: Any) -> dict[str, Cell]:
    return judge_all(health.CHECKS, "lens", Probing(LIMITS, now, then, {"p95": 4.0, "p99": 6.0}))


def watched(policy: Policy, **left: Any) -> dict[str, Cell]:
    nothing: dict[str, Any] = {
        "config_hash": "bbbb", "hours": {"nightly": None, "weekly": None}, "decided": [], "health": "", "accepted": "",
    }  # fmt: skip
    found = Left(limits=MONITOR, policy=policy, **{**nothing, **left})
    return judge_all(gate_monitor.asked_checks(policy), "lens", found)


def probed(**arm: Any) -> dict[str, Cell]:
    return judge_health(week(N, **arm), week(N))


def test_a_sound_system_is_healthy() -> None:
    assert {cell.verdict for cell in probed().values()} == {Verdict.GREEN}


@pytest.mark.parametrize(
    ("arm", "found"),
    [
        ({"latency_ms": np.where(HUNDRED < 20, 16.0, 1.0)}, {"p95_latency"}),
        ({"latency_ms": np.where(HUNDRED < 8, 100.0, 1.0)}, {"p99_latency"}),
        ({"latency_ms": np.where(HUNDRED < 2, 5_000.0, 1.0)}, set()),
        ({"error": (HUNDRED < 8).astype(float)}, {"errors"}),
        ({"error": (HUNDRED < 2).astype(float)}, set()),
        ({"ndcg": np.zeros(N)}, {"ndcg_at_10"}),
        ({"calibrator_ms": np.where(HUNDRED < 8, 1.0, 0.02)}, {"calibrator_p99"}),
        ({"confidence": np.where(HUNDRED == 7, np.nan, 0.5)}, {"confidence_range"}),
    ],
    ids=["p95", "p99", "two stalls", "errors", "two errors", "worse", "calibrator", "no number"],
)
def test_health_finds_each_by_its_own_check(arm: dict[str, Any], found: set[str]) -> None:
    assert red(probed(**arm)) == found


def without_a_rescue(n: int, limit: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Values when accepted and now, of mean loss `limit`, where none of the rescues that outweigh the slips was seen:
    no standard deviation, and a normal test of the mean calls it broken. It is every fifth draw."""
    share, rescue = 0.9, 1.5 / n
    draw = np.random.default_rng(0)
    while True:
        loss = slips_and_rescues(draw, n, slip=rescue / share, share=share, rescue=rescue) + limit
        if (loss > 0).all():
            yield np.full(n, 0.9), 0.9 - loss


def test_slips_and_rare_rescues_are_no_loss(policy: Policy) -> None:
    for then, now in itertools.islice(without_a_rescue(N, LIMITS.ndcg), 2):
        assert red(judge_health(week(N, ndcg=now), week(N, ndcg=then))) == set()
    for then, now in itertools.islice(without_a_rescue(2_400, policy.limits(SlaRecall).final_margin), 2):
        answers = week(2_400, recall=now), week(2_400, recall=then)
        assert red(watched(policy, health=answers[0], accepted=answers[1])) == set()


@pytest.mark.parametrize(("share", "verdict"), [(0.10, Verdict.GREEN), (0.35, Verdict.RED)])
def test_a_loss_is_shown_by_as_many_whole_answers(share: float, verdict: Verdict) -> None:
    then = week(N, ndcg=np.ones(N))
    now = week(N, ndcg=np.where(np.arange(N) < share * N, 0.0, 1.0))
    cell = judge_health(now, then)["ndcg_at_10"]
    assert cell.verdict is verdict
    assert (float(cell.ci_lower) > LIMITS.ndcg) or verdict is Verdict.GREEN


def test_other_queries_evidence_no_quality() -> None:
    now = week(N, columns={"query_id": np.array([f"x{i}" for i in range(N)])})
    cells = judge_health(now, week(N))
    assert cells["ndcg_at_10"].verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("hours", "verdict"), [(2.0, Verdict.GREEN), (27.0, Verdict.RED), (None, Verdict.INCONCLUSIVE)]
)
def test_a_night_that_did_not_run_is_overdue(policy: Policy, hours: float | None, verdict: Verdict) -> None:
    cells = watched(policy, hours={"nightly": hours, "weekly": None})
    assert cells["nightly_overdue"].verdict is verdict


def test_only_what_was_decided_on_may_serve(policy: Policy) -> None:
    decided = [
        SimpleNamespace(
            hero=hero,
            decision=decision,
            promotes=decision == "PROMOTE",
            config_hash=config_hash,
            baseline_config_hash="bbbb",
        )
        for hero, decision, config_hash in (("ann", "PROMOTE", "hhhh"), ("router", "HOLD", "rrrr"))
    ]
    for config_hash, verdict in (("bbbb", Verdict.GREEN), ("hhhh", Verdict.GREEN), ("rrrr", Verdict.RED)):
        cells = watched(policy, config_hash=config_hash, decided=decided)
        assert cells["promoted"].verdict is verdict
    assert watched(policy)["promoted"].verdict is Verdict.INCONCLUSIVE


def gates(policy: Policy, n: int = 2_400, **arm: Any) -> dict[str, Cell]:
    cells = watched(policy, health=week(n, **arm), accepted=week(n))
    return {check: cell for check, cell in cells.items() if check in policy.asked(Kind.GATE)}


@pytest.mark.parametrize(("n", "verdict"), [(2_400, Verdict.GREEN), (799, Verdict.INCONCLUSIVE)])
def test_the_gates_hold_on_enough_sound_health_answers(policy: Policy, n: int, verdict: Verdict) -> None:
    assert {check: cell.verdict for check, cell in gates(policy, n).items()} == dict.fromkeys(
        policy.asked(Kind.GATE), verdict
    )


@pytest.mark.parametrize("gate", ["calibrator_p99", "aece_tau", "confidence_shift", "sla_recall_at_50_delta"])
def test_each_gate_turns_red_by_what_breaks_it(policy: Policy, gate: str) -> None:
    sound = week(2_400).arm
    odds = np.log(sound.confidence / (1 - sound.confidence))
    arm: dict[str, Any] = {
        "calibrator_p99": {"calibrator_ms": np.where(np.arange(2_400) % 20 == 0, 2.0, 0.02)},
        "aece_tau": {"confidence": 1 / (1 + np.exp(-(2 * odds - 0.8)))},  # as sure in the middle, not at the ends
        "confidence_shift": {"confidence": np.clip(sound.confidence + 0.06, 0, 1), "correct": np.ones(2_400)},
        "sla_recall_at_50_delta": {"recall": np.where(np.arange(2_400) % 20 == 0, 0.0, sound.recall)},
    }[gate]
    assert gate in red(gates(policy, **arm))
