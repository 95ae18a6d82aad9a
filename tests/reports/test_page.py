"""Does the page carry the decision, fetch nothing, run nothing, and say in words what it marks?"""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from gates.policy import Policy
from gates.release import Difference, Release
from gates.verdicts import Decision
from reports.model.story import Story, tell
from reports.render.pages import render
from reports.render.plots import draw
from tests.reports import handmade
from tests.reports.conftest import Judged

ATTACK = "<img src=x onerror=alert(1)><script>alert(2)</script>\" ' & {{ 7*7 }}"


class Tags(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def attacked(policy: Policy) -> tuple[Release, Story]:
    """A release in which every text that a user or a corpus can write is an attack."""
    release, story = handmade.release(policy, Decision.HOLD)
    outcome = story.outcome
    subject = replace(outcome.subject, owner=ATTACK, claim=ATTACK, source=ATTACK, differs=(Difference(*[ATTACK] * 3),))
    example = replace(story.lost_most[0], text=ATTACK, intent=ATTACK, judged=(ATTACK,))
    example = replace(example, baseline=replace(example.baseline, where=ATTACK, first=ATTACK, trouble=ATTACK))
    gains = {ATTACK: story.gains}
    told = replace(outcome, subject=subject, reasons=(ATTACK,) * 7)
    return release, replace(story, outcome=told, lost_most=(example,), by_intent={**gains, "other": story.gains})


def test_texts_of_users_and_corpus_are_only_text(policy: Policy) -> None:
    release, story = attacked(policy)
    page = handmade.page_of(release, story)
    tags = Tags(page)
    assert not tags.named("script")
    assert not tags.named("img")
    assert not any(name.startswith("on") for _, attributes in tags.found for name in attributes)
    assert "{{ 7*7 }}" in page
    summary = handmade.summary_of(release, story)
    assert not re.search(r"(?<!\\)<(img|script)", summary)
    table = [line for line in summary.splitlines() if line.startswith("| ")]
    assert table
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table[:4]}) == 1


@pytest.mark.parametrize(("hero", "decision"), [("equal", "PROMOTE"), ("worse", "ROLLBACK"), ("unsure", "HOLD")])
def test_page_and_summary_begin_with_the_decision(judged: Judged, hero: str, decision: str) -> None:
    release = judged(hero)
    stories = tell(release)
    page = handmade.page_of(release, *stories)
    assert re.search(r"<h1>.*?</h1>", page, re.DOTALL)[0].count(decision) == 2  # class and word
    assert handmade.summary_of(release, *stories).startswith(f"# {decision}: ")


def test_each_hero_has_its_anchor_and_nothing_is_fetched(judged: Judged) -> None:
    release = judged("equal", "worse", "unsure")
    stories = tell(release)
    plots = {story.hero: draw(release, story) for story in stories}
    tags = Tags(render("index.html", release=release, stories=stories, seal=handmade.SEAL, plots=plots, evidence={}))
    assert {"equal", "worse", "unsure"} <= {str(attributes.get("id")) for _, attributes in tags.found}
    sources = [str(a[key]) for _, a in tags.found for key in ("src", "href") if key in a]
    assert sources
    assert not any(re.match(r"[a-z]+:(?!image/svg)|//", source) for source in sources)
    assert all(image.get("alt") for image in tags.named("img"))
    assert "default-src 'none'" in str(tags.named("meta"))


def test_marks_are_told_in_words_and_tables_have_headings(judged: Judged) -> None:
    release = judged("worse")
    page = handmade.page_of(release, *tell(release))
    assert '<span class="hidden">shown broken</span>' in page
    assert all("scope" in heading for heading in Tags(page).named("th"))
    assert "left out: a recorded run calls no calibrator" in page


def test_what_was_not_measured_is_said(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.HOLD)
    page = handmade.page_of(release, replace(story, gains={}, by_intent={}))
    assert "What users get is not evidenced" in page
    assert "no evidence was written" in page


def test_intents_have_a_table_of_their_own(judged: Judged) -> None:
    release = judged("worse")
    stories = tell(release)
    page = handmade.page_of(release, *stories)
    summary = handmade.summary_of(release, *stories)
    table = page.partition("<h3>Each intent alone</h3>")[2].partition("</table>")[0]
    assert table.count("<tr") == 4  # the head and three questions
    assert "recall lost, intent all" in table
    assert "Each intent alone: `x` recall lost, intent all" in summary


def test_mode_rates_and_budget_are_on_page_and_summary(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.PROMOTE)
    by_letter = handmade.waiting(handmade.by_letter(policy))
    for text_of in (handmade.page_of, handmade.summary_of):
        text = text_of(release, story).replace("&lt;", "<").replace("\\", "")
        for said in ("equal hero rolled back <= 0.037 %", "(10,000 simulated releases)", "16 of 24 windows used"):
            assert said in text
        assert not re.search(r"waiting for traffic|By the letter", text)
        text = text_of(*by_letter)
        assert "letter: point thresholds, no error rate is controlled" in text
        assert "12 of 24 windows used, waiting for traffic" in text
        assert "not simulated for this policy and these sources" in text
    assert "By the letter a point decides" in handmade.page_of(*by_letter)


def test_by_the_letter_neither_promotion_nor_rollback_is_called_shown(policy: Policy) -> None:
    letter = handmade.by_letter(policy)
    said = {Decision.PROMOTE: "every gate kept its point threshold", Decision.ROLLBACK: "found broken\n"}
    for decision, words in said.items():
        assert handmade.summary_of(*handmade.release(letter, decision)).startswith(f"# {decision}: {words}")
