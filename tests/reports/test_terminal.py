"""Does the terminal end with the decision, in at most 100 columns, with what was measured and nothing else?"""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gates.policy import Policy
from gates.verdicts import Decision
from reports.story import tell
from reports.terminal import WIDTH, ending
from tests.reports import handmade
from tests.reports.conftest import Judged

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("decision", list(Decision))
def test_a_decision_looks_as_drawn(decision: Decision, policy: Policy) -> None:
    release, story = handmade.release(policy, decision)
    drawn = (GOLDEN / f"{decision.lower()}.txt").read_text(encoding="utf-8")
    assert "\n".join(ending(release, (story,))) + "\n" == drawn


@pytest.mark.parametrize("decision", list(Decision))
def test_long_names_do_not_make_it_wider(decision: Decision, policy: Policy) -> None:
    release, story = handmade.release(policy, decision)
    subject = replace(story.outcome.subject, name="h" * 60, owner="o" * 90, source="s" * 200, claim="c" * 200)
    story = replace(story, outcome=replace(story.outcome, subject=subject), headline="broken " * 30)
    lines = ending(release, (story, story))
    assert max(map(len, lines)) <= WIDTH


def test_real_evidence_fits_and_names_both_answers(judged: Judged) -> None:
    release = judged("worse")
    lines = ending(release, tell(release))
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].startswith("ROLLBACK  worse at 50 %")
    assert any(re.search(r'^    "q\d+" +baseline rank [12] \S+ +hero none, first \S+$', line) for line in lines)


def test_several_heroes_have_a_headline_each_and_only_those_not_promoted_a_table(judged: Judged) -> None:
    release = judged("equal", "worse", "unsure")
    lines = ending(release, tell(release))
    headlines = [line.split()[:2] for line in lines if line and line[0] != " "]
    assert headlines[:3] == [["ROLLBACK", "worse"], ["HOLD", "unsure"], ["PROMOTE", "equal"]]
    assert headlines[3:] == [["ROLLBACK", "worse"], ["HOLD", "unsure"]]


def test_a_control_character_of_a_query_does_not_reach_the_terminal(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.ROLLBACK)
    text = "\n".join(ending(release, (story,)))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_hero_without_any_result_says_so(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.HOLD)
    nothing = replace(
        story.outcome, cells=(), ladder={}, passed=(), missing=story.outcome.planned, reasons=("aece_tau: error",)
    )
    lines = ending(release, tell(replace(release, outcomes=(nothing,))))
    assert lines[0].startswith("HOLD  router    no evidence: aece_tau: error")
    assert any(f"no result from {len(nothing.planned)} of {len(nothing.planned)}" in line for line in lines)


def test_a_claim_is_told_in_its_own_measure(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.PROMOTE)
    subject = replace(story.outcome.subject, claim="the same answers for less CPU time", claim_metric="cpu_ms")
    lines = ending(release, (replace(story, outcome=replace(story.outcome, subject=subject)),))
    claim = "  claim: the same answers for less CPU time   CPU time -.13 [-.14, -.12] ms: gain shown"
    assert claim in lines
    assert any(re.match(r"  CPU time a query, ms .* less shown$", line) for line in lines)


def test_a_bound_is_the_end_further_from_zero_where_both_count(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.PROMOTE)
    cells = tuple(replace(c, ci_lower="-0.015", ci_upper="0.004") for c in story.outcome.cells)
    lines = ending(release, tell(replace(release, outcomes=(replace(story.outcome, cells=cells),))))
    shift, calibrator = (
        next(line for line in lines if name in line) for name in ("confidence shift", "calibrator p99")
    )
    assert shift.split()[-3] == "-.015"
    assert calibrator.split()[-3] == ".004"


def test_an_error_that_all_checks_share_is_told_once_and_whole(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.HOLD)
    planned = story.outcome.planned
    error = "/a/corpus.lock: pip could not download " + "a-package-with-a-name " * 8 + "so give it --cache"
    reasons = tuple(f"check_{i}: error, no evidence: {error}" for i in range(len(planned)))
    nothing = replace(story.outcome, cells=(), ladder={}, passed=(), missing=planned, reasons=reasons)
    lines = ending(release, tell(replace(release, outcomes=(nothing,))))
    text = " ".join(" ".join(lines).split())
    assert lines[0].startswith(f"HOLD  router    {len(planned)} of {len(planned)} checks: error, no evidence    ")
    assert text.count(error) == 1
    assert max(map(len, lines)) <= WIDTH
    assert "…" not in text
