"""Do terminal, page, summary, Allure, attestation and alert say one reason, one server and one next command?"""

import html
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gates.checks.machine import NOT_EVIDENCED
from gates.policy import Freeze, Policy
from gates.release import Release
from gates.verdicts import Decision
from reports.alerts.decisions import decision_event
from reports.attestation.document import attest
from reports.model.card import card_of
from reports.model.story import Story, tell
from reports.render.allure import decision_html, environment_id, shown_of
from tests.reports import handmade
from tests.reports.conftest import Judged

RECALL = "sla_recall_at_50_delta"


Case = Callable[[Policy], tuple[Release, Story]]
REFUSED = "first.run: no query is judged; give first.run and qrels.txt the same ids"
#: What happened, and what is said of it: reason, and the next command.
CASES: dict[str, tuple[Case, str, str]] = {
    "promoted": (
        lambda policy: handmade.release(policy, Decision.PROMOTE),
        "every gate shown to hold: calibrator p99", "make promote HERO=lexical",
    ),
    "held": (
        lambda policy: handmade.release(policy, Decision.HOLD),
        "nothing shown broken, not enough shown to hold: SLA-Recall@50 lost 1.0 pt [-0.1, 2.3] at 25 %, limit 2.0 pt, "
        "SLA-Recall@50 of lens 61.2 pt, n 6,400",
        "make canary HERO=router ARGS=--max-windows=11",
    ),
    "held by the machine": (
        lambda policy: handmade.changed(policy, Decision.HOLD, RECALL, note=f"{NOT_EVIDENCED}, 41 % waiting"),
        "nothing shown broken", "make canary HERO=router",
    ),
    "held by the lock": (
        lambda policy: handmade.broken(policy, "lock"),
        "what runs is not what was locked: fields not as locked",
        "make lock HERO=lexical && make canary HERO=lexical",
    ),
    "waiting": (
        handmade.waiting,
        "traffic is missing, nothing was shown broken", "make canary HERO=router",
    ),
    "rolled back by a slice": (
        lambda policy: handmade.broken(policy, "calibration_error"),
        "calibration loss shown on intent error: calibration lost, intent error",
        "make lock HERO=lexical && make canary HERO=lexical",
    ),
    "nothing measured": (
        lambda policy: handmade.nothing_measured(policy, REFUSED),
        "first.run: no query is judged", "make canary HERO=router",
    ),
}  # fmt: skip


def said_in(text: str, markup: str = "") -> str:
    """A text without line breaks, and without a language's markup."""
    return " ".join(html.unescape(re.sub(markup, "", text) if markup else text).split())


def everywhere(release: Release, stories: tuple[Story, ...], story: Story) -> dict[str, str]:
    attested = attest(release, story.outcome, story)
    event = decision_event(attested, release.artifacts)
    return {
        "terminal": said_in(" ".join(handmade.lines_of(release, *stories))),
        "page": said_in(handmade.page_of(release, *stories), "<[^>]*>"),
        "summary": said_in(handmade.summary_of(release, *stories), r"[\\`]"),
        "allure": said_in(decision_html(story), "<[^>]*>"),
        "first screen of allure": said_in(" ".join(shown_of(release, stories)["variables"].values())),
        "attestation": said_in(" ".join((attested.card.reason, attested.card.serves, attested.card.next))),
        "alert": said_in(f"{event.title} {event.text}"),
    }


@pytest.mark.parametrize(("case", "reason", "line"), list(CASES.values()), ids=list(CASES))
def test_every_report_says_the_same_card(policy: Policy, case: Case, reason: str, line: str) -> None:
    release, story = case(policy)
    card = story.card
    assert card.reason.startswith(reason)
    assert (card.serves, card.owner) == ("lens", "Search Engineering")
    assert card.next.line == line
    assert bool(card.deadline) is (story.outcome.decision is Decision.PROMOTE)
    told = everywhere(release, (story,), story)
    assert said_in(f"Owner: {card.owned}.") in told["summary"]
    for place, text in told.items():
        for words in (card.words, card.numbers, card.serving, card.next.words):
            assert said_in(words) in text, place


def test_a_mixed_release_says_the_card_of_each_hero(judged: Judged) -> None:
    release = judged("equal", "worse", "unsure")
    stories = tell(release)
    assert [story.outcome.decision for story in stories] == [Decision.ROLLBACK, Decision.HOLD, Decision.PROMOTE]
    for story in stories:
        told = everywhere(release, stories, story)
        assert f"{story.outcome.decision} {story.hero}" in told["summary"]
        assert f"Owner: {story.card.owned}." in told["summary"]
        lacks = [
            place for place, text in told.items() if story.card.words not in text or story.card.serving not in text
        ]
        assert lacks == []
        told["terminal"] = said_in(" ".join(handmade.lines_of(release, story)))  # one beside others has no more
        assert [place for place, text in told.items() if said_in(story.card.numbers) not in text] == []


def test_a_promotion_that_would_be_refused_says_why(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.PROMOTE)
    card = card_of(release, story.outcome, untrusted=handmade.SEAL.words)
    assert card.next.words == f"make promote HERO=lexical (refused while signed {handmade.SEAL.words})"
    people = policy.promotion.model_copy(update={"approvals": 2, "valid_days": 3})
    subject = replace(story.outcome.subject, policy=policy.model_copy(update={"promotion": people}))
    card = card_of(release, replace(story.outcome, subject=subject))
    assert card.next.remark == "refused without approvals by 2"
    assert card.deadline == "2026-12-04T10:15:31+00:00"
    window = Freeze(begins="2026-12-01T00:00:00+00:00", ends="2026-12-02T06:00:00+00:00", why="the long weekend")
    for before, told in (({}, True), ({"finished_at": "2026-12-02T06:00:00+00:00"}, False)):
        frozen = policy.promotion.model_copy(update={"freeze": (window,)})
        subject = replace(story.outcome.subject, policy=policy.model_copy(update={"promotion": frozen}))
        remark = card_of(replace(release, **before), replace(story.outcome, subject=subject)).next.remark
        assert remark == ("refused until 2026-12-02 06:00 UTC: freeze, the long weekend" if told else "")


def test_a_policy_that_never_promotes_leaves_another_one_to_be_asked(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.PROMOTE)
    subject = replace(story.outcome.subject, policy=policy.model_copy(update={"promotes": False}))
    held = replace(story.outcome, subject=subject, decision=Decision.HOLD, reasons=("policy: promotes is false",))
    asked = card_of(release, held).next
    assert "never promotes: say promotes: true in " in asked.before
    assert asked.line.startswith("make lock "), "the canary alone would be held by the same policy or its lock"
    stray = replace(held, reasons=("policy: promotes is false", "stray: failed"))
    assert card_of(release, stray).next.before == "mend what the reasons say"


def test_configs_artifacts_and_mode_are_named_where_they_are_not_the_defaults(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.HOLD)
    elsewhere = replace(release, configs=Path("my configs"), artifacts=Path("out/$x"), mode="letter")
    line = card_of(elsewhere, story.outcome).next.line
    assert line.startswith("make canary HERO=router CONFIGS=")
    assert line.endswith("--decision-mode=letter'")
    recipe = "canary:\n\t@printf '%s\\n' --hero=$(HERO) --configs=$(CONFIGS) $(ARGS)\n"
    typed = ["sh", "-c", line.replace("make", "make --no-print-directory -f -", 1)]
    done = subprocess.run(typed, input=recipe, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "--hero=router", "--configs=my configs", "--max-windows=11", "--artifacts=out/$x", "--decision-mode=letter",
    ]  # fmt: skip
    release, story = handmade.broken(policy, "lock")
    line = card_of(replace(release, mode="letter"), story.outcome).next.line
    letter = "HERO=lexical ARGS=--decision-mode=letter"
    assert line == f"make lock {letter} && make canary {letter}"


def test_a_long_name_has_an_environment_that_allure_takes_and_no_other_hero_has() -> None:
    assert environment_id("ann") == "hero-ann"
    ids = {environment_id("n" * length) for length in range(1, 200)}
    assert len(ids) == 199
    assert max(map(len, ids)) == 64
