"""Does the terminal end with the decision, in at most 100 columns, with what was measured and nothing else?"""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gates.policy import Policy
from gates.verdicts import Decision, Verdict
from reports.model.story import tell
from reports.render.terminal import WIDTH
from tests.reports import handmade
from tests.reports.conftest import Judged

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("decision", list(Decision))
def test_a_decision_looks_as_drawn(decision: Decision, policy: Policy) -> None:
    release, story = handmade.release(policy, decision)
    drawn = (GOLDEN / f"{decision.lower()}.txt").read_text(encoding="utf-8")
    assert "\n".join(handmade.lines_of(release, story)) + "\n" == drawn
    assert not {"\x1b", "\u202e"} & set(drawn)  # which a query has


@pytest.mark.parametrize("decision", list(Decision))
def test_long_names_do_not_make_it_wider(decision: Decision, policy: Policy) -> None:
    release, story = handmade.release(policy, decision)
    subject = replace(story.outcome.subject, name="h" * 60, owner="o" * 90, source="s" * 200, claim="c" * 200)
    story = replace(story, outcome=replace(story.outcome, subject=subject))
    story = replace(story, card=replace(story.card, words="broken " * 30, owner="o" * 90))
    lines = handmade.lines_of(release, story, story)
    assert max(map(len, lines)) <= WIDTH


def test_real_evidence_fits_and_names_both_answers(judged: Judged) -> None:
    release = judged("worse")
    lines = handmade.lines_of(release, *tell(release))
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].startswith("ROLLBACK  worse at 50 %")
    assert any(re.search(r'^    "q\d+" +baseline rank [12] \S+ +hero none, first \S+$', line) for line in lines)


def test_several_heroes_have_a_headline_each_and_only_those_not_promoted_a_table(judged: Judged) -> None:
    release = judged("equal", "worse", "unsure")
    lines = handmade.lines_of(release, *tell(release))
    headlines = [line.split()[:2] for line in lines if line and line[0] != " "]
    assert headlines[:3] == [["ROLLBACK", "worse"], ["HOLD", "unsure"], ["PROMOTE", "equal"]]
    assert headlines[3:] == [["ROLLBACK", "worse"], ["HOLD", "unsure"]]
    assert "          equal may ship; worse, unsure may not" in lines
    promoted = next(i for i, line in enumerate(lines) if line.startswith("PROMOTE  equal"))
    assert lines[promoted + 2].startswith("  next      make promote HERO=equal")
    alone = tell(release)[0]
    assert "may ship" not in "".join(handmade.lines_of(release, alone))


def test_a_hero_without_any_result_says_so(policy: Policy) -> None:
    release, story = handmade.nothing_measured(policy, "")
    release, story = handmade.told_of(release, replace(story.outcome, reasons=("aece_tau: error",)))
    lines, n = handmade.lines_of(release, story), len(story.outcome.planned)
    assert lines[0].startswith("HOLD  router    no evidence: aece_tau: error")
    assert any(f"no result from {n} of {n}" in line for line in lines)


def test_a_claim_is_told_in_its_own_measure(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.PROMOTE)
    subject = replace(story.outcome.subject, claim="the same answers for less CPU time", claim_metric="cpu_ms")
    lines = handmade.lines_of(release, replace(story, outcome=replace(story.outcome, subject=subject)))
    claim = "  claim: the same answers for less CPU time   CPU time -.13 [-.14, -.12] ms: gain shown"
    assert claim in lines
    assert any(re.match(r"  CPU time a query, ms .* less shown$", line) for line in lines)


@pytest.mark.parametrize("decision", list(Decision))
def test_the_card_comes_before_what_was_judged(decision: Decision, policy: Policy) -> None:
    heads = [line.split()[0] for line in handmade.lines_of(*handmade.release(policy, decision)) if line]
    order = [heads.index(head) for head in (decision, "why", "next", "owner", "hero", "baseline", "ladder", "signed")]
    assert order == sorted(order)


def test_a_bound_is_the_end_further_from_zero_where_both_count(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.PROMOTE)
    cells = tuple(replace(c, ci_lower="-0.015", ci_upper="0.004") for c in story.outcome.cells)
    lines = handmade.lines_of(*handmade.told_of(release, replace(story.outcome, cells=cells)))
    for name, bound in (("confidence shift", "-.015"), ("calibrator p99", ".004")):
        assert next(line for line in lines if line.startswith(f"  {name}")).split()[-3] == bound


def test_an_error_that_all_checks_share_is_told_once_and_whole(policy: Policy) -> None:
    error = "/a/corpus.lock: pip could not download " + "a-package-with-a-name " * 8 + "so give it --cache"
    release, story = handmade.nothing_measured(policy, error)
    lines, n = handmade.lines_of(release, story), len(story.outcome.planned)
    text = " ".join(" ".join(lines).split())
    assert lines[0].startswith(f"HOLD  router    {n} of {n} checks: error, no evidence    ")
    assert text.count(error) == 1
    assert max(map(len, lines)) <= WIDTH
    assert "…" not in text


def test_a_broken_intent_is_headline_row_and_last_word_by_intent(policy: Policy) -> None:
    release, story = handmade.broken(policy, "calibration_error")
    lines = handmade.lines_of(release, story)
    assert lines[0].startswith("ROLLBACK  lexical at 100 %    calibration loss shown on intent error    ")
    row = next(line for line in lines if line.startswith("  calibration lost, intent error  .05"))
    assert row.endswith("x  <- rolled back here")
    assert "  by intent x shown broken: calibration on error" in lines
    assert "0/9 slices 8 ~" in "".join(lines)
    assert sum("<- rolled back here" in line for line in lines) == 1


def test_an_intent_is_no_row_where_the_decision_rests_on_all_queries(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.ROLLBACK)
    red = {"recall_docstring", "recall_error"}
    cells = tuple(replace(c, verdict=Verdict.RED) if c.check in red else c for c in story.outcome.cells)
    release, story = handmade.told_of(release, replace(story.outcome, cells=cells))
    lines = handmade.lines_of(release, story)
    assert lines[0].startswith("ROLLBACK  ann at 25 %    SLA-Recall@50 loss shown    ")
    assert not any("recall lost, intent" in line for line in lines)
    assert "  by intent x shown broken: recall on docstring, error" in lines


def test_an_intent_without_queries_is_not_called_unbroken(policy: Policy) -> None:
    release, story = handmade.changed(policy, Decision.HOLD, "recall_error", n=0)
    lines = handmade.lines_of(release, story)
    assert "  by intent ? 1 of 9 questions by intent without an answer" in lines
    assert not any("no intent is shown broken" in line for line in lines)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("ece", "calibration error above 0.015 over the release shown"),
        ("spend", "answers over the spend cap shown"),
        ("recall_identifier", "recall loss shown on intent identifier"),
        ("stop_rule", "stopped: no search gives such numbers"),
        ("oracle_queries", "known questions do not find their known answers"),
        ("lock", "what runs is not what was locked"),
        ("known_answers", "the evaluator itself answers wrongly: no hero can be judged by it"),
        ("traffic_share", "the hero was not given its share of traffic"),
        ("aa_dispersion", "windows of the baseline differ by more than chance"),
    ],
)
def test_what_is_broken_is_said_whole(policy: Policy, check: str, said: str) -> None:
    _, story = handmade.broken(policy, check)
    assert story.card.words == said
    assert story.focus is not None
    assert story.focus.check == check


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ("stop_rule", "            lock ok   sanity 6/7: stop_rule x"),  # no room beside the commit
        ("lock", ".*commit 4f2c9e1 clean   mode evidence   lock x   sanity 7/7"),
        ("oracle_queries", r"  known answers not found .* before +\d+ x  <- holds the release"),
    ],
)
def test_what_was_looked_at_before_the_climb_is_told_beside_the_commit_and_in_the_table_where_it_ended_it(
    policy: Policy, check: str, told: str
) -> None:
    release, story = handmade.broken(policy, check)
    assert any(re.fullmatch(told, line) for line in handmade.lines_of(release, story))


def test_what_ended_the_climb_is_told_first(policy: Policy) -> None:
    release, story = handmade.broken(policy, "stop_rule")
    cells = tuple(replace(c, verdict=Verdict.RED) if c.check == "index_integrity" else c for c in story.outcome.cells)
    note = next(c.note for c in cells if c.check == "stop_rule")
    outcome = handmade.climbed(story.outcome, ended=f"held before 5 %: {note}")
    _, told = handmade.told_of(release, replace(outcome, cells=cells))
    assert told.focus is not None
    assert told.focus.check == "stop_rule"


def test_waiting_says_that_traffic_is_missing_and_asks_for_no_longer_run(policy: Policy) -> None:
    release, story = handmade.waiting(policy)
    text = "\n".join(handmade.lines_of(release, story))
    assert text.startswith("HOLD  router    traffic is missing, nothing was shown broken    lens serves    31 s\n")
    next_ = "give more queries: 300 fresh ones are left, a window needs 800, then:\n            make canary HERO=router"
    assert f"  next      {next_}\n" in text
    assert "<- still open" in text
    assert "--max-windows" not in text
    assert "holds the release" not in text


def test_error_rates_are_told_only_where_they_were_simulated(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.PROMOTE)
    lines = handmade.lines_of(release, story)
    assert any(line.startswith("  how often wrong: equal hero rolled back <= ") for line in lines)
    assert "how often wrong" not in "\n".join(handmade.lines_of(release, handmade.with_rates(story)))


def test_the_letter_says_what_it_is_and_how_often_it_is_wrong(policy: Policy) -> None:
    release, story = handmade.release(handmade.by_letter(policy), Decision.ROLLBACK)
    lines = handmade.lines_of(release, handmade.with_rates(story, letter_false_rollback="0.983"))
    assert lines[0].startswith("ROLLBACK  ann at 25 %    SLA-Recall@50 loss in 2 windows in a row    ")
    assert any(line.endswith("mode letter   lock ok   sanity 7/7") for line in lines)
    assert "  mode letter: point thresholds; an equal hero is rolled back with probability .98" in lines
    assert any(re.match(r"  SLA-Recall@50 lost, pt  0 +1\.00 \+ +1\.00 x", line) for line in lines)
    not_simulated = handmade.lines_of(release, handmade.with_rates(story))
    assert "  mode letter: point thresholds; its error rates were not simulated" in not_simulated


def test_by_the_letter_nothing_is_called_shown(policy: Policy) -> None:
    letter = handmade.by_letter(policy)
    _, held = handmade.release(letter, Decision.HOLD)
    _, promoted = handmade.release(letter, Decision.PROMOTE)
    assert held.card.words == "over a point threshold, but not in 2 windows in a row"
    assert promoted.card.words == "every gate within its point threshold"


def test_a_long_headline_costs_the_seconds_before_its_own_end(policy: Policy) -> None:
    release, story = handmade.broken(policy, "calibration_identifier")
    assert handmade.lines_of(release, story)[0].endswith(
        "    calibration loss shown on intent identifier    lens serves    31 s"
    )
