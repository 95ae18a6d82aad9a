"""Does the page carry the decision, fetch nothing, run nothing, and say in words what it marks?"""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fixtures.fingerprint import Change
from gates.policy import Policy
from gates.release import Difference, Release
from gates.verdicts import Decision
from reports.attestation.document import attest
from reports.model.examples import Hit
from reports.model.story import Earlier, Story, tell
from reports.render.pages import render
from tests.reports import handmade
from tests.reports.conftest import Judged

SCRIPT = Path(__file__).parents[2] / "reports" / "site" / "page.js"
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
    example = replace(story.changed[0], text=ATTACK, intent=ATTACK, judged=(ATTACK,))
    example = replace(example, baseline=replace(example.baseline, where=ATTACK, first=ATTACK, trouble=ATTACK))
    gains = {ATTACK: story.gains}
    told = replace(outcome, subject=subject, reasons=(ATTACK,) * 7)
    return release, replace(story, outcome=told, changed=(example,), by_intent={**gains, "other": story.gains})


def only_ours(page: str) -> bool:
    """Has a page one script, which stands in the repository and is the only one that it lets run?"""
    (script,) = re.findall(r"(?s)<script[^>]*>(.*?)</script>", page)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return script == SCRIPT.read_text(encoding="utf-8") and f"script-src 'sha256-{digest}';" in page.replace('">', ";")


def test_texts_of_users_and_corpus_are_only_text(policy: Policy) -> None:
    release, story = attacked(policy)
    page = handmade.page_of(release, story)
    tags = Tags(page)
    assert only_ours(page)
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
    assert f"<title>{decision} {hero}: " in page
    assert handmade.summary_of(release, *stories).startswith(f"# {decision} {hero}: ")
    assert page.index("<dt>next</dt>") < page.index(release.run_id) < page.index(stories[0].outcome.climbed.fingerprint)


def test_each_hero_has_its_anchor_and_nothing_is_fetched(judged: Judged) -> None:
    release = judged("equal", "worse", "unsure")
    stories = tell(release)
    plots = {story.hero: handmade.draw(release, story) for story in stories}
    tags = Tags(render("index.html", release=release, stories=stories, seal=handmade.SEAL, plots=plots, evidence={}))
    assert {"equal", "worse", "unsure"} <= {str(attributes.get("id")) for _, attributes in tags.found}
    sources = [str(a[key]) for _, a in tags.found for key in ("src", "href") if key in a]
    assert sources
    assert not any(re.match(r"[a-z]+:(?!image/svg)|//", source) for source in sources)
    assert all(image.get("alt") for image in tags.named("img"))
    assert "default-src 'none'" in str(tags.named("meta"))


def test_a_plot_that_lacks_something_is_a_line_and_those_beside_the_page_are_linked(judged: Judged) -> None:
    release = judged("unsure")
    (story,) = tell(release)
    plots = {"unsure": handmade.draw(release, story)}
    page = render("index.html", release=release, stories=[story], seal=handmade.SEAL, plots=plots, evidence={})
    tags = Tags(page)
    held = [plot for plot in plots["unsure"] if plot.on_page and not plot.picture.lacks]
    assert [image["alt"] for image in tags.named("img")] == [plot.picture.words for plot in held]
    assert "<strong>How long do answers take?</strong> not evidenced: latency is not given for every answer." in page
    linked = {str(a["href"]) for a in tags.named("a") if "/plots/" in str(a.get("href"))}
    beside = [plot.picture.name for plot in plots["unsure"] if not plot.on_page and not plot.picture.lacks]
    assert linked == {f"unsure/plots/{name}.svg" for name in beside}
    assert "Who gives what to the pool? not evidenced: " in page  # no table of the pool lies there


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
    assert "1/3 slices" not in page
    assert table.count("<tr") == 4  # the head and three questions
    assert "recall lost, intent all" in table
    assert "Each intent alone, limit shown broken (`x`): recall lost, intent all" in summary


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
    said = {Decision.PROMOTE: "lexical: every gate within its point threshold", Decision.ROLLBACK: "ann: "}
    for decision, words in said.items():
        title = handmade.summary_of(*handmade.release(letter, decision)).splitlines()[0]
        assert title.startswith(f"# {decision} {words}")
        assert "shown" not in title


def test_a_mixed_release_is_titled_by_its_heroes_and_says_which_may_ship(judged: Judged) -> None:
    release = judged("equal", "worse", "unsure")
    stories = tell(release)
    page, summary = handmade.page_of(release, *stories), handmade.summary_of(release, *stories)
    title = "ROLLBACK worse, HOLD unsure, PROMOTE equal"
    assert f"<title>{title}</title>" in page
    assert summary.startswith(f"# {title}\n\n**equal may ship; worse, unsure may not.**\n")
    assert "<strong>equal may ship; worse, unsure may not.</strong>" in page
    assert page.index("<dt>next</dt>") < page.index("HERO=equal") < page.index("<main>")
    assert summary.index("make promote HERO=equal") < summary.index(release.run_id)
    assert "none may ship" in handmade.page_of(release, *stories[:2])
    assert "may ship" not in handmade.page_of(release, stories[0])


@pytest.mark.parametrize("check", ["calibration_error", "p95_latency", "ndcg_at_10"])
def test_what_decided_is_the_first_row_whatever_its_table(policy: Policy, check: str) -> None:
    release, story = handmade.broken(policy, check)
    first = handmade.page_of(release, story).partition("<h3>Gates at each step</h3>")[2].partition("<tbody>")[2]
    row = next(row for row in story.rows if row.check == check)
    assert row.name.heading in first.partition("</tr>")[0]
    assert "rolled back here" in first.partition("</tr>")[0]


def test_a_picture_is_told_in_words(judged: Judged) -> None:
    release = judged("worse")
    (story,) = tell(release)
    page, windows = handmade.page_of(release, story), story.outcome.climbed.windows
    for row in story.rows:
        if row.check in story.windows:
            cell = story.windows[row.check][windows]
            told = re.search(rf'aria-label="{re.escape(row.name.heading)}: ([^"]*)"', page)[1]
            assert told.startswith(row.value(cell))
            assert f"after {windows} window" in told
            assert f"limit {row.name.show(cell.limit)}" in told
            assert page.count(told) == 2  # for those who see it, too


def test_of_a_promotion_the_gate_closest_to_its_limit_comes_first(judged: Judged) -> None:
    release = judged("equal")
    page = handmade.page_of(release, *tell(release)).partition("<h3>Gates at each step</h3>")[2]
    assert "<em>closest to its limit</em>" in page.partition("</tr>")[2].partition("</tr>")[0]


def test_what_is_not_shown_broken_is_neutral_and_past_its_limit_amber(policy: Policy) -> None:
    for headroom, tone, words in (("0.4", "m-none", ""), ("-0.2", "m-open", ", but past the limit")):
        page = handmade.page_of(*handmade.changed(policy, Decision.PROMOTE, "ece", headroom=headroom))
        row = (
            page.partition("<h3>Guards over the whole canary</h3>")[2].partition("ECE in all")[2].partition("</tr>")[0]
        )
        assert f'<span class="mark {tone}" aria-hidden="true">~</span>' in row
        assert f"not shown broken (enough here){words}</span>" in row
        assert "5/8 guards 3 ~" in page


def test_the_measure_in_question_is_told_by_intent_with_both_arms_and_its_direction(judged: Judged) -> None:
    release = judged("worse")
    (story,) = tell(release)
    both = {"all": story.gains, "some": story.gains}
    page = handmade.page_of(release, replace(story, by_intent=both))
    table = page.partition(", by intent</h3>")[2].partition("</table>")[0]
    gain = story.gains[story.deciding_measure]
    assert "(more is better)" in table
    assert all(f'<td class="number">{number}</td>' in table for number in gain.told[:2])
    promoted = tell(judged("equal"))[0]
    page = handmade.page_of(release, replace(promoted, by_intent={"all": promoted.gains, "some": promoted.gains}))
    table = page.partition(", by intent</h3>")[2].partition("</table>")[0]
    assert "(less is better)" in table
    assert re.search(r"(over|under)confident: states 0\.\d\d on average, 0\.\d\d are right", table)


def test_changed_queries_open_to_both_arms_answers_and_all_lie_beside_the_page(judged: Judged) -> None:
    release = judged("worse")
    (told,) = tell(release)
    story = replace(told, changed=told.changed * 3)
    page, beside = handmade.page_of(release, story), render("queries.html", release=release, story=story)
    assert len(story.changed) > 50
    assert page.count('<details class="q"') == 50
    assert beside.count('<details class="q"') == len(story.changed)
    assert f"50 of {len(story.changed)} that changed" in page
    assert 'href="worse/queries.html"' in page
    assert only_ours(beside)
    assert all("scope" in heading for heading in Tags(beside).named("th"))
    assert 'href="../index.html#worse"' in beside
    few = handmade.page_of(release, replace(story, changed=story.changed[:2]))
    assert "All 2 that changed" in few
    assert "queries.html" not in few


def test_three_heroes_that_change_many_queries_fit_on_a_small_page(judged: Judged) -> None:
    release = judged("equal", "worse", "unsure")
    told = tell(release)
    where = "package/of/some/length/module_with_a_name.py:{}"
    hits = tuple(Hit(where=where.format(1000 + i), baseline=i % 11, hero=(i + 5) % 11, right=i == 3) for i in range(16))
    many = tuple(replace(told[0].changed[0], text="a query of some length " * 4, hits=hits) for _ in range(400))
    stories = tuple(replace(story, changed=many) for story in told)
    plots = {story.hero: handmade.draw(release, story) for story in stories}
    page = render("index.html", release=release, stories=stories, seal=handmade.SEAL, plots=plots, evidence={})
    assert page.count('<details class="q"') == 3 * 16
    assert page.count("16 of 400 that changed") == 3
    assert len(page.encode()) <= 300_000


def test_a_page_links_to_the_documents_of_its_checkout_alone(policy: Policy, root: Path, tmp_path: Path) -> None:
    release, story = handmade.release(policy, Decision.HOLD)
    inside = handmade.page_of(replace(release, artifacts=root / "reports" / "out"), story)
    for name in ("glossary.md", "runbook.md", "reading.md"):
        assert f'href="../../docs/{name}"' in inside
        assert (root / "docs" / name).exists()
    assert "glossary.md" not in handmade.page_of(replace(release, artifacts=tmp_path), story)


def test_earlier_runs_stand_with_what_was_different(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.HOLD)
    assert "None is kept in this folder" in handmade.page_of(release, story)
    said = attest(release, story.outcome).model_copy(update={"finished_at": "2026-11-30T10:15:00+00:00"})
    card = said.card.model_copy(update={"reason": ATTACK})
    other = said.model_copy(update={"card": card, "baseline_config_hash": "0b94be71c6d2203f"})
    earlier = (Earlier(other, (Change("router.tau", "0.6", ATTACK),)), Earlier(said, ()))
    earlier += (Earlier(said.model_copy(update={"release_fingerprint": "f" * 64}), ()),)
    page = handmade.page_of(release, replace(story, earlier=earlier))
    table = page.partition("<h3>Earlier runs</h3>")[2].partition("</table>")[0]
    assert "2026-11-30 10:15" in table
    assert "router.tau: 0.6 &gt; " in table.replace(" > ", " &gt; ")
    assert table.count("; against lens 0b94be71c6d2203f") == 1
    assert ">the same</td>" in table
    assert table.count(">the same, but locked anew: queries, policy or sources differ</td>") == 1
    assert not Tags(table).named("img")
