"""Does a hero climb, fall and stop as the policy says, once a run, leaving all that it takes to check it?"""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from fixtures.systems import waiting
from fixtures.systems.protocol import Answer
from fixtures.systems.recorded import RecordedKind
from fixtures.systems.waiting import RUN_QUEUE, Mark, WaitingClock
from gates.errors import EvidenceError
from gates.verdicts import Verdict
from rollout.ladder import Ladder
from tests.edits import put
from tests.rollout.conftest import Climb, late

GATES = ("aece_tau", "confidence_shift", "sla_recall_at_50_delta")


def record(ladder: Ladder) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ladder.folder / "ladder.json").read_text(encoding="utf-8"))
    return found


def rows(ladder: Ladder, kind: str = "agg") -> list[dict[str, Any]]:
    parts = sorted(ladder.folder.glob(f"window-*-{kind}.parquet"))
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


def test_an_equal_hero_climbs_to_the_top(ladder: Climb) -> None:
    climbed = ladder("equal")
    assert climbed.gate(100, "aece_tau").verdict is Verdict.GREEN  # asking for the last step climbs the earlier ones
    assert {climbed.gate(step, gate).verdict for step in (50, 100) for gate in GATES} == {Verdict.GREEN}
    assert climbed.ended == ""
    found = record(climbed)
    assert (found["to_percent"], found["rolled_back_at_step"], found["ended"]) == (100, None, "")
    assert [step["percent"] for step in found["steps"]] == [50, 100]


def test_a_worse_hero_falls_at_the_first_step(once: Climb) -> None:
    climbed = once("worse")
    assert climbed.ended.startswith("rolled back at 50 % by ")
    assert climbed.gate(50, "sla_recall_at_50_delta").verdict is Verdict.RED
    assert {climbed.gate(100, gate).verdict for gate in GATES} == {Verdict.NOT_REACHED}
    found = record(climbed)
    assert (found["to_percent"], found["rolled_back_at_step"]) == (0, 50)
    assert found["pairs"] < 200  # at a look inside the window, not at its end


def test_a_hero_that_cannot_be_asked_is_held(once: Climb) -> None:
    climbed = once("unsure")
    assert climbed.ended.startswith("held at 100 %: p95_latency: latency_ms is missing: unsure.run has no latency_ms")
    assert record(climbed)["to_percent"] == 0


def test_the_servers_clock_judges_where_the_policy_says_so(
    climb: Climb, configs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(configs / "policy.yaml", latency="server")
    why = "p95_latency: latency_ms is missing: equal.run is a recorded run, the latency it brings is its client's"
    assert why in climb("equal", folder="client").ended  # it says nothing of its own time
    retold(monkeypatch, lambda found: replace(found, server_ms=found.latency_ms / 4), "server_ms")
    climbed = climb("equal")
    assert climbed.whole("p95_latency").verdict is Verdict.GREEN
    pairs = [row for row in rows(climbed) if row["stream"] == "pair"]
    assert all(row["latency_ms"] == row["server_ms"] for row in pairs)
    assert 0 < float(record(climbed)["constants"]["q95_ms"]) < 5  # a quarter of what the run files say


def retold(patch: pytest.MonkeyPatch, change: Callable[[Answer], Answer], *has: str) -> None:
    """Let recorded systems change what they answer, and have these columns as well."""
    opened = RecordedKind.open_system

    def open_system(*asked: Any) -> Any:
        found = opened(*asked)
        lacks = {column: why for column, why in found.lacks.items() if column not in has}
        told = {"documents": found.documents, "gaps": found.gaps, "lacks": lacks}
        return SimpleNamespace(**told, answer=lambda query: change(found.answer(query)))

    patch.setattr(RecordedKind, "open_system", open_system)


def test_the_machine_is_attested_of_the_preflight_and_every_window(once: Climb) -> None:
    climbed = once("equal")
    told = record(climbed)["machine"]
    windows = [(window["window"], window["percent"]) for window in told["windows"]]
    assert windows == [(0, 0), (1, 50), (2, 100)]
    assert (told["hero"], told["baseline"]) == ("0", "0")  # recorded: their clock is not this machine's
    assert told["windows"][0]["hero"] == ""  # the baseline alone was asked
    assert float(told["seconds"]) > 0


def test_where_its_own_threads_keep_a_hero_waiting_all_that_a_clock_says_is_in_doubt(
    climb: Climb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made-up counters: its threads wait for each other as long as anything takes."""
    waited = itertools.count(step=10**9)
    clock = WaitingClock(RUN_QUEUE, lambda: Mark(next(waited), 0))
    monkeypatch.setattr(waiting, "here", lambda: clock)
    retold(monkeypatch, lambda found: replace(found, latency_ms=None))  # timed by this machine's clock
    climbed = climb("equal")
    assert climbed.ended.startswith("held at ")
    told = record(climbed)["machine"]
    assert (told["hero"], told["baseline"]) == ("1", "1")
    pairs = [row for row in rows(climbed) if row["stream"] in ("pair", "aa", "preflight")]
    assert pairs
    assert all(row["wait_ms"] == row["latency_ms"] > 0 for row in pairs)


def test_a_budget_that_is_used_up_holds_and_so_do_queries(climb: Climb) -> None:
    # a margin that 400 pairs cannot exclude
    recall = {"on_red": "rollback", "sla_ms": 150, "margin": 0.001, "final_margin": 0.001}
    gates = {"sla_recall_at_50_delta": recall}
    climbed = climb("equal", folder="budget", policy={"gates": gates})
    assert climbed.ended == "held at 50 %: sla_recall_at_50_delta undecided: budget of 2 windows used up"
    assert climbed.gate(50, "sla_recall_at_50_delta").verdict is Verdict.INCONCLUSIVE
    climbed = climb("equal", policy={"gates": gates, "ladder": {"max_windows": 9, "total_windows": 99}})
    assert climbed.ended.startswith("held at 50 %: waiting for traffic: ")
    assert climbed.ended.endswith(" fresh queries are left, a window needs 200")
    assert record(climbed)["waiting"] is True


def test_no_step_begins_beyond_the_windows_of_the_release(climb: Climb) -> None:
    climbed = climb("equal", policy={"ladder": {"total_windows": 2, "calibration_looks_every": 2}})
    assert [step["windows"] for step in record(climbed)["steps"]] == [2]
    assert climbed.ended.startswith("held at 100 %: ")
    assert climbed.ended.endswith(" undecided: all 2 windows used up")


def test_a_red_that_may_only_hold_holds(climb: Climb) -> None:
    gates = {"sla_recall_at_50_delta": {"on_red": "hold", "sla_ms": 150, "margin": 0.2, "final_margin": 0.1}}
    left_out = dict.fromkeys(("ndcg_at_10", "aece_tau", "recall_all", "ndcg_all"), "for a test")
    climbed = climb("worse", policy={"gates": gates, "left_out": left_out})
    assert climbed.ended == "held at 50 %: sla_recall_at_50_delta shown broken"


def test_what_a_pack_leaves_out_must_be_lacking(ladder: Climb, configs: Path) -> None:
    put(configs / "worse.yaml", policy={"left_out": {"within_sla": "it is red"}})
    with pytest.raises(EvidenceError, match=r"left_out of .* names within_sla, but both systems give them"):
        ladder("worse")


def test_an_incumbent_out_of_its_limits_holds_before_the_first_step(climb: Climb, configs: Path) -> None:
    late(configs / "equal.run")
    climbed = climb("worse")
    assert climbed.ended == "held before 50 %: incumbent out of limits: within_sla"
    assert record(climbed)["pairs"] == 0


def test_too_few_calibration_queries_are_refused(ladder: Climb) -> None:
    with pytest.raises(EvidenceError, match=r"calibration queries, but the policy's preflight needs 900; give more"):
        ladder("equal", policy={"ladder": {"preflight": 900}})


def test_a_replay_that_broke_stays_broken(ladder: Climb, monkeypatch: pytest.MonkeyPatch) -> None:
    climbed = ladder("equal")
    with monkeypatch.context() as broken:
        broken.setattr("rollout.comparison.replay_block", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            climbed.reach(50)
    with pytest.raises(EvidenceError, match=r"^equal: the replay broke at 50 %: ZeroDivisionError"):
        climbed.reach(50)


def test_every_query_is_a_pair_is_asked_once_and_served_by_the_steps_share(once: Climb) -> None:
    climbed = once("equal")
    found = rows(climbed)
    pairs = [row for row in found if row["stream"] == "pair"]
    arms = {name: [r["query_id"] for r in pairs if r["system"] == name] for name in ("equal", "incumbent")}
    assert arms["equal"] == arms["incumbent"]
    assert len(set(arms["equal"])) == len(arms["equal"]) == record(climbed)["pairs"]
    preflight = {row["query_id"] for row in found if row["stream"] == "preflight"}
    assert len(preflight) == 100
    assert preflight.isdisjoint(arms["equal"])
    again = [row["pair_ord"] for row in found if row["stream"] == "aa"]
    assert again == list(range(0, record(climbed)["pairs"], 2))  # every second one asks the baseline twice
    served = {step: np.mean([r["arm_served"] == "hero" for r in pairs if (r["step"], r["system"]) == (step, "equal")])
              for step in (50, 100)}  # fmt: skip
    assert 0.3 < served[50] < 0.7
    assert served[100] == 1.0


def test_hits_are_recorded_of_both_arms(once: Climb) -> None:
    climbed = once("worse")
    hits = rows(climbed, "hits")
    pairs = record(climbed)["pairs"]
    assert len(hits) == 2 * 3 * pairs
    found = {name: sum(h["grade"] > 0 for h in hits if h["system"] == name) for name in ("worse", "incumbent")}
    assert found["worse"] < 0.8 * found["incumbent"] == 0.8 * pairs
