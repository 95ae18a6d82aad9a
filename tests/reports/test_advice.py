"""Is a longer run advised only where it can decide, and never for less than it may take?"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gates.machine import NOT_EVIDENCED
from gates.policy import Policy
from gates.release import Outcome
from gates.verdicts import Cell, Decision
from reports.advice import next_steps, to_decide
from tests.reports import handmade


def held(policy: Policy, windows: tuple[int, ...]) -> tuple[Outcome, Cell]:
    """A hero held after steps of so many windows, and the open cell."""
    _, story = handmade.release(policy, Decision.HOLD)
    steps = [{"percent": p, "windows": n} for p, n in zip(policy.ladder.steps, windows, strict=False)]
    assert story.focus is not None
    return replace(story.outcome, ladder={**story.outcome.ladder, "steps": steps}), story.focus


def test_a_longer_run_is_advised_where_windows_are_left(policy: Policy) -> None:
    outcome, focus = held(policy, (4, 8))
    words, windows = to_decide(outcome, focus)
    assert words == "about 2,200 more pairs, 7 s; 11,700 unused queries are left"
    assert windows == focus.windows + 3
    assert any(f"--max-windows={windows}" in line for line in next_steps(outcome, focus, windows))


@pytest.mark.parametrize("used", [(8, 8), (8, 14), (8, 8, 8, 2)])
def test_the_advised_run_may_use_enough_windows_in_all(policy: Policy, used: tuple[int, ...]) -> None:
    outcome, focus = held(policy, used)
    _, windows = to_decide(outcome, replace(focus, windows=used[-1]))
    assert windows >= max(policy.ladder.max_windows, used[-1] + 3)
    assert windows * len(policy.ladder.steps) >= sum(used) + 3


def test_it_is_not_where_the_queries_are_used_up(policy: Policy) -> None:
    outcome, focus = held(policy, (4, 8))
    few = replace(outcome, ladder={**outcome.ladder, "unused_queries": 1_000})
    words, windows = to_decide(few, focus)
    assert "1,000 unused queries are left: too few" in words
    assert windows == 0
    assert not any("--max-windows" in line for line in next_steps(few, focus, windows))


def test_more_traffic_is_the_way_out_of_waiting(policy: Policy) -> None:
    _, story = handmade.waiting(policy)
    assert story.next == ("give more queries: 300 fresh ones are left, a window needs 800",)


def test_by_the_letter_more_pairs_bring_a_point_no_closer(policy: Policy) -> None:
    _, story = handmade.release(handmade.by_letter(policy), Decision.HOLD)
    assert story.to_decide == ""
    assert story.next == ("change configs/router_pack.yaml and start anew",)


def on_a_busy_machine(outcome: Outcome) -> Outcome:
    return replace(outcome, ladder={**outcome.ladder, "machine": handmade.BUSY})


def test_what_a_busy_machine_kept_open_is_run_again_on_a_quiet_one(policy: Policy) -> None:
    _, story = handmade.changed(policy, Decision.HOLD, "sla_recall_at_50_delta", note=f"{NOT_EVIDENCED}, 41 % waiting")
    assert story.next == ("run again on a quiet machine: the same queries come in the same order",)


@pytest.mark.parametrize(
    ("check", "machine", "stays"),
    [
        ("p95_latency", on_a_busy_machine, False),
        ("spend", on_a_busy_machine, False),
        ("p95_latency", lambda outcome: outcome, True),
        ("ndcg_at_10", on_a_busy_machine, True),  # no clock decided it
    ],
    ids=["p95 busy", "spend busy", "p95 quiet", "nDCG busy"],
)
def test_what_a_busy_clock_broke_does_not_stay_rolled_back(
    policy: Policy, check: str, machine: Callable[[Outcome], Outcome], stays: bool
) -> None:
    _, story = handmade.broken(policy, check)
    (said,) = next_steps(machine(story.outcome), story.focus, 0)
    assert said.startswith("this fingerprint stays rolled back" if stays else "run again on a quiet machine")


def test_more_pairs_are_asked_of_a_busy_machine_where_it_is_not_the_machine_that_keeps_it_open(policy: Policy) -> None:
    _, story = handmade.release(policy, Decision.HOLD)
    assert "--max-windows" in next_steps(on_a_busy_machine(story.outcome), story.focus, 11)[0]


def test_each_broken_instrument_has_its_own_way_out(policy: Policy) -> None:
    advised = {check: handmade.broken(policy, check)[1].next for check in policy.asked_instruments}
    assert all(len(lines) == 1 for lines in advised.values())
    assert "judge" in advised["known_answers"][0]
    assert "splitter" in advised["traffic_share"][0]
    assert "windows share" in advised["aa_dispersion"][0]
    assert "baseline" in advised["preflight"][0]
    assert "quiet machine" in advised["machine"][0]
    assert "lock the hero anew" in advised["lock"][0]


def test_each_check_of_the_battery_has_its_own_way_out(policy: Policy) -> None:
    advised = {check: handmade.broken(policy, check)[1].next for check in policy.asked_sanity}
    assert all(len(lines) == 1 for lines in advised.values())
    assert len(set(advised.values())) == len(policy.asked_sanity)
    assert "no hero is judged by such numbers" in advised["stop_rule"][0]


def test_where_the_cell_counts_more_pairs_than_its_step_it_is_the_most_that_may_be_needed(policy: Policy) -> None:
    outcome, focus = held(policy, (4, 8))
    words, _ = to_decide(outcome, replace(focus, windows=4))
    assert words.startswith("at most about 2,200 more pairs")
