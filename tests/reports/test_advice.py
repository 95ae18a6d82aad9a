"""Is a longer run advised only where it can decide, and never for less than it may take?"""

from dataclasses import replace
from pathlib import Path

import pytest

from gates.policy import Policy
from gates.release import Outcome
from gates.verdicts import Cell, Decision, Kind, Verdict
from reports.model.advice import NextCommand, next_command, to_decide
from reports.model.card import headline_of
from tests.reports import handmade

ABOVE = "mend what the errors above say: the same queries come in the same order"


def advised(outcome: Outcome, focus: Cell | None) -> NextCommand:
    """What is to be typed next about an outcome of a run with everything where it is by default."""
    whole = handmade.run_of(outcome, run_id="run", artifacts=Path("reports/out"), run_folder=Path())
    return next_command(whole, outcome, focus)


def held(policy: Policy, windows: tuple[int, ...]) -> tuple[Outcome, Cell]:
    """A hero held after steps of so many windows, and the open cell."""
    _, story = handmade.release(policy, Decision.HOLD)
    steps = handmade.steps_of(*zip(policy.ladder.steps, windows, strict=False))
    assert story.focus is not None
    return handmade.climbed(story.outcome, steps=steps), story.focus


@pytest.mark.parametrize(
    ("counted", "unused", "words", "windows"),
    [
        (8, 11_700, "about 2,200 more pairs, 7 s; 11,700 unused queries are left", 11),
        (4, 11_700, "at most about 2,200 more pairs, 7 s; 11,700 unused queries are left", 11),  # of more than one step
        (8, 1_000, "about 2,200 more pairs, 7 s; 1,000 unused queries are left: too few to decide this hero", 0),
    ],
)
def test_a_longer_run_is_advised_where_it_may_decide(
    policy: Policy, counted: int, unused: int, words: str, windows: int
) -> None:
    outcome, focus = held(policy, (4, 8))
    outcome, focus = handmade.climbed(outcome, unused_queries=unused), replace(focus, windows=counted)
    assert to_decide(outcome, focus) == (words, windows)
    said = advised(outcome, focus)
    assert said.line.endswith(f" ARGS=--max-windows={windows}" if windows else "make canary HERO=router")


@pytest.mark.parametrize("used", [(8, 8), (8, 14), (8, 8, 8, 2)])
def test_the_advised_run_may_use_enough_windows_in_all(policy: Policy, used: tuple[int, ...]) -> None:
    outcome, focus = held(policy, used)
    _, windows = to_decide(outcome, replace(focus, windows=used[-1]))
    assert windows >= max(policy.ladder.max_windows, used[-1] + 3)
    assert windows * len(policy.ladder.steps) >= sum(used) + 3


def test_by_the_letter_more_pairs_bring_a_point_no_closer(policy: Policy) -> None:
    _, story = handmade.release(handmade.by_letter(policy), Decision.HOLD)
    assert story.to_decide == ""
    assert story.card.next.before == "change configs/router_pack.yaml"


@pytest.mark.parametrize("check", ["", "p95_latency", "ndcg_at_10"])
def test_a_busy_machine_changes_nothing_where_it_is_not_what_keeps_it_open(policy: Policy, check: str) -> None:
    """What is broken net of waiting stays rolled back, what is open for want of pairs gets more of them."""
    _, story = handmade.broken(policy, check) if check else handmade.release(policy, Decision.HOLD)
    busy = handmade.climbed(story.outcome, machine=handmade.BUSY)
    assert advised(busy, story.focus) == story.card.next
    assert story.card.next.before.startswith("this fingerprint stays rolled back") == bool(check)
    assert ("--max-windows" in story.card.next.line) != bool(check)


def test_each_check_of_the_measuring_and_of_before_the_climb_has_its_own_way_out(policy: Policy) -> None:
    asked = policy.asked(Kind.INSTRUMENT, Kind.SANITY)
    told = {check: handmade.broken(policy, check)[1].card.next.before for check in asked}
    assert all(told.values())
    assert len(set(told.values())) == len(asked)
    said = {
        "known_answers": "evaluator", "traffic_share": "in a hundred", "aa_dispersion": "windows share",
        "preflight": "baseline", "machine": "quiet machine", "lock": "lock the hero anew",
        "stop_rule": "no hero is judged by such numbers",
    }  # fmt: skip
    assert [check for check, words in said.items() if words not in told[check]] == []


def test_the_share_of_replayed_traffic_has_no_splitter_to_mend_and_a_live_one_has(policy: Policy) -> None:
    release, story = handmade.broken(policy, "traffic_share")
    live = next_command(replace(release, exposure="live"), story.outcome, story.focus)
    assert (story.card.next.line, live.line) == (
        "make lock HERO=lexical && make canary HERO=lexical",
        "make canary HERO=lexical",
    )
    assert ("splitter" in story.card.next.before, "splitter" in live.before) == (False, True)


@pytest.mark.parametrize(
    ("error", "words", "before"),
    [
        (
            "no query of first.run is judged: ids differ (q00000 / Q00000); give first.run and qrels.txt the same ids",
            "no query of first.run is judged: ids differ (q00000 / Q00000)",
            "give first.run and qrels.txt the same ids",
        ),
        (
            "/home/me/configs/first.run:6: latency_ms 'inf', but should be a number from 0 on",
            "first.run:6: latency_ms 'inf'",
            ABOVE,
        ),
        ("KeyError", "checks: error, no evidence", ABOVE),
    ],
)
def test_what_refused_the_data_says_what_is_wrong_and_the_next_step(
    policy: Policy, error: str, words: str, before: str
) -> None:
    _, story = handmade.nothing_measured(policy, error)
    assert story.card.words.endswith(words)
    assert story.card.next.words == f"{before}, then: make canary HERO=router"


def test_errors_of_several_kinds_are_left_to_the_reasons(policy: Policy) -> None:
    _, story = handmade.nothing_measured(policy, "it; mend it")
    reasons = ("one: error, no evidence: it; mend it", "two: error, no evidence: them; mend them")
    assert advised(replace(story.outcome, reasons=reasons), None).before == ABOVE


def test_a_gap_cannot_be_left_out_and_a_lack_can(policy: Policy) -> None:
    outcome, focus = held(policy, (4, 8))
    lack = replace(
        focus, n=0, kind=Kind.GUARD, note="latency_ms is missing: a.run has no latency_ms for 9 of 9 queries"
    )
    gap = replace(
        lack, note="latency_ms is missing: a.run has no latency_ms for 1 of 9 queries (q3); give latency_ms for all"
    )
    assert "left_out of the pack's policy" in advised(outcome, lack).before
    assert advised(outcome, gap).before == "give latency_ms for all"


def test_a_baseline_that_finds_nothing_is_no_mistake_of_the_judge(policy: Policy) -> None:
    note = "the baseline finds too little in 50 answers for a loss to show; see what it answers"
    _, story = handmade.changed(policy, Decision.HOLD, "known_answers", verdict=Verdict.INCONCLUSIVE, note=note)
    (cell,) = (c for c in story.outcome.cells if c.check == "known_answers")
    assert advised(story.outcome, cell).before == "see what it answers"
    assert headline_of(story.outcome, cell, ()) == "the baseline finds too little to be compared with"


@pytest.mark.parametrize(
    ("e_green", "words"),
    [
        ("3", "(confidence shift, the slowest of 2 open)"),
        ("0.4", "unknown: evidence that confidence shift of 2 open holds has not grown so far"),
    ],
)
def test_what_it_takes_to_decide_is_said_over_all_open_checks(policy: Policy, e_green: str, words: str) -> None:
    outcome, focus = held(policy, (4, 8))
    slow = replace(focus, check="confidence_shift", e_green=e_green)
    cells = tuple(slow if c.key == slow.key else c for c in outcome.cells)
    told, windows = to_decide(replace(outcome, cells=cells), focus)
    assert words in told
    assert windows == 0
