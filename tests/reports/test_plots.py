"""Are plots the same for the same evidence, stamped, readable without colour and in the dark, and honest about gaps?"""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from gates.offline import OFFLINE
from gates.statistics.calibration import bin_of
from gates.statistics.pvalues import Interval
from reports.model.pictured import ON_PAGE, SEVEN, pictures_of
from reports.model.pictures import PICTURES, Panel, Picture, PoolShare, Series, picture_of, read_pool, whiskered
from reports.model.running_pictures import pooled
from reports.model.story import Story, tell
from reports.render import figures
from reports.render.figures import DARK, LOOKS, picture_png, picture_svg
from reports.render.pages import Plot, plotted
from reports.render.tables import write_tables
from tests.reports.conftest import RUN_ID, Judged
from tests.reports.handmade import draw

NAMES = [one.name for one in SEVEN]
SVG = "{http://www.w3.org/2000/svg}"


def words(svg: str) -> str:
    return " ".join("".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text"))


def drawn(judged: Judged, hero: str) -> tuple[Story, dict[str, Plot]]:
    release = judged(hero)
    (story,) = tell(release)
    write_tables(story, release.artifacts / hero)
    return story, {plot.picture.name: plot for plot in draw(release, story)}


def shown(panels: tuple[Panel, ...]) -> Iterator[Series]:
    return (series for panel in panels for series in panel.series)


def test_equal_evidence_gives_equal_bytes_stamped_with_run_hashes_fingerprint_and_n(judged: Judged) -> None:
    release = judged("worse")
    (story,) = tell(release)
    plots = draw(release, story)
    assert [plot.picture.name for plot in plots] == NAMES
    again = pictures_of(release, tell(release)[0], read_pool(release.artifacts / "worse"))
    assert plots == plotted("worse", again)
    assert len({plot.picture.title for plot in plots}) == 7
    subject, n = story.outcome.subject, len(story.measured or ())
    for plot in plots:
        said = words(plot.svg)
        assert f"run {RUN_ID} · n {n:,} pairs · fingerprint {story.outcome.climbed.fingerprint[:16]}" in said
        assert f"worse {subject.config_hash}" in said
        assert f"{subject.baseline_name} {subject.baseline_config_hash}" in said


def test_each_says_how_many_pairs_it_rests_on_and_what_it_shows_in_words(judged: Judged) -> None:
    story, plots = drawn(judged, "equal")
    n = f"{len(story.measured or ()):,}"
    for name in ("differences", "reliability", "trade_off", "credits"):
        assert f"all queries, n {n}" in plots[name].picture.words
        assert f"n {n}" in words(plots[name].svg)
    assert f"Latency of {n} answers of each" in plots["latency"].picture.words
    assert re.search(rf"calibration error, n {n}: that it is broken \S+ of \S+ needed", plots["evidence"].picture.words)
    assert re.search(r"all, [\d,]+ pooled: \d", plots["pool"].picture.words)
    gain = story.gains["ndcg_at_10"]
    assert f"nDCG@10, pt, all queries, n {n}: {gain.told[-1]} {gain.range}" in plots["differences"].picture.words


def test_reliability_counts_every_pair_in_its_bins_and_shows_what_chance_would_give(judged: Judged) -> None:
    story, plots = drawn(judged, "equal")
    assert story.measured is not None
    counts = np.bincount(bin_of(story.measured.hero.confidence, np.array(story.edges)))
    assert counts.sum() == len(story.measured)
    picture = plots["reliability"].picture
    assert f"pairs a bin: {', '.join(map(str, counts))}" in picture.words
    band = picture.panels[0].series[0]
    assert band.look == "band"
    assert len(band.x) == len(counts[counts > 0])
    assert all(0 <= low < said < high <= 1 for low, said, high in zip(band.y_low, band.y, band.y_high, strict=True))
    said = story.measured.hero.confidence[bin_of(story.measured.hero.confidence, np.array(story.edges)) == 0]
    chance = 1.96 * math.sqrt(float((said * (1 - said)).sum())) / len(said)
    assert (band.y_low[0], band.y_high[0]) == pytest.approx((band.y[0] - chance, band.y[0] + chance), abs=1e-4)


def test_latency_shows_both_tails_and_the_sla(judged: Judged) -> None:
    _, plots = drawn(judged, "equal")
    picture = plots["latency"].picture
    assert {rule.words for rule in picture.panels[0].rules} == {"SLA 150 ms", "p95", "p99"}
    marks = [one for one in picture.panels[0].series if one.look.endswith("_dot")]
    assert [one.y for one in marks] == [(5, 1), (5, 1)]
    assert all(f"p95 {one.x[0]:.1f}, p99 {one.x[1]:.1f} ms" in picture.words for one in marks)
    assert "SLA 150 ms" in words(plots["latency"].svg)


def test_evidence_stands_beside_what_is_needed(judged: Judged) -> None:
    story, plots = drawn(judged, "worse")
    looks = {series.look for series in shown(plots["evidence"].picture.panels)}
    assert looks >= {"holds", "holds_needed", "broken", "broken_needed"}
    first = plots["evidence"].picture.panels[0]
    assert first.title.startswith(story.deciding[0].name.label)
    assert first.y_ends is not None
    low, high = first.y_ends
    assert first.y_label == f"e-value, cut at {high / 1.5:,.0f}", "as high as it is drawn, which is no value of the run"
    assert all(low < y < high for one in first.series for y in one.y)


def test_a_suite_that_is_an_intent_is_told_once(judged: Judged) -> None:
    story, _ = drawn(judged, "equal")
    assert story.measured is not None
    half = np.where(np.arange(len(story.measured)) % 2, "odd", "even")
    names = np.array(["a", "b"])[np.arange(len(story.measured)) % 2]
    for suite, rows in ((half, 1), (np.where(half == "odd", "odd", names), 1)):
        same = replace(story, measured=replace(story.measured, intent=half, suite=suite), by_intent={})
        picture = pictures_of(judged(), same, [])[0]
        assert len(picture.panels[0].rows) == 1 + 2, rows
    apart = replace(story, measured=replace(story.measured, intent=half, suite=np.roll(half, 7)[np.argsort(half)]))
    assert [row.partition(" ")[0] for row in pictures_of(judged(), apart, [])[0].panels[0].rows[-2:]] == ["suite"] * 2


def test_what_two_systems_alone_give_to_the_pool_follows_from_their_shares() -> None:
    shares = [PoolShare("a", "all", 90, 90.0), PoolShare("b", "all", 40, 40.0)]
    found = pooled(shares, 30.0)
    assert [series.x for series in shown(tuple(found.panels))] == [(90.0,), (40.0,), (60.0,), (10.0,)]
    assert found.panels[0].rows == ("all, 100 pooled",)
    assert [rule.words for rule in found.panels[0].rules] == ["least 30 %"]
    many = pooled([*shares, PoolShare("c", "all", 10, 10.0)])
    assert len(many.panels) == 1  # of three the shares do not say it
    assert len({LOOKS[series.look].marker for series in many.panels[0].series}) == 3


def test_what_was_not_measured_is_said_in_its_place(judged: Judged) -> None:
    story, plots = drawn(judged, "unsure")
    assert "not evidenced: latency is not given for every answer" in words(plots["latency"].svg)
    assert "no router: nothing was spent" in words(plots["credits"].svg)
    nothing = replace(story, measured=None, gains={}, by_intent={})
    empty = draw(judged(), nothing)
    assert [plot.picture.name for plot in empty] == NAMES
    assert all("not evidenced: no pair was measured" in words(plot.svg) for plot in empty)
    assert all(plot.picture.words == f"{plot.picture.title} {plot.picture.lacks}." for plot in empty)


def test_rankings_have_no_clock_no_confidence_no_windows_and_no_places(judged: Judged) -> None:
    story, _ = drawn(judged, "equal")
    assert story.measured is not None
    subject = story.outcome.subject
    policy = subject.policy.model_copy(update={"mode": OFFLINE})
    none = np.full(len(story.measured), np.nan)
    arms = {arm: getattr(story.measured, arm).put(latency_ms=none, confidence=none) for arm in ("hero", "baseline")}
    gains = {"ndcg_at_10": story.gains["ndcg_at_10"]}
    bare = replace(
        story, measured=replace(story.measured, **arms), gains=gains, by_intent={},
        outcome=replace(story.outcome, subject=replace(subject, policy=policy)),
    )  # fmt: skip
    lacks = {picture.name: picture.lacks for picture in pictures_of(judged(), bare, [])}
    assert [name for name in NAMES if not lacks[name]] == ["differences"]
    assert lacks["evidence"].endswith("one look at rankings has no windows")
    assert lacks["pool"].endswith("no answer came in time, so there is no pool")


def test_an_intent_is_text_and_not_a_formula_or_markup(judged: Judged) -> None:
    release = judged("equal")
    (story,) = tell(release)
    assert story.measured is not None
    for name in ("$x^{<b>意", 'style="fill"', "p0123456789 0.12345", "<g>", "</g>"):
        odd = np.arange(len(story.measured)) % 2 > 0
        named = replace(story, measured=replace(story.measured, intent=np.where(odd, name, "other")), by_intent={})
        assert f"{name}, n " in words(picture_svg("equal", pictures_of(release, named, [])[0]))


def test_a_tick_keeps_its_digits() -> None:
    panel = Panel(series=(Series(look="whole", x=(0.001, 0.05, 0.0999), y=(0.0, 0.0, 0.0)),))
    picture = Picture(name="x", title="?", words="", stamp="", height=3, panels=(panel,))
    assert "0.05" in words(picture_svg("x", picture)).split()


def test_whiskers_leave_out_what_has_no_value() -> None:
    nan = math.nan
    found = whiskered(
        "intent", [Interval(0.1, 0.0, 0.2), Interval(0.3, nan, nan), Interval(nan, nan, nan)], [0, 1, 2], 100
    )
    assert (found.x, found.y) == ((10.0, 30.0), (0, 1))
    assert (found.x_low, found.x_high) == ((0.0, 30.0), (20.0, 30.0))
    assert whiskered("intent", [], []).x == ()


def luminance(colour: str) -> float:
    """Relative luminance as WCAG has it."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_marks_and_text_stand_out_on_light_and_on_dark_ground(judged: Judged) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#9ca3af", "#ffffff") < 3  # what FAINT was
    for ground, seen in ((figures.PAPER, str), (DARK[figures.PAPER], DARK.__getitem__)):
        assert contrast(seen(figures.INK), ground) >= 4.5
        for colour in (figures.HERO, figures.BASELINE, figures.FAINT):
            assert contrast(seen(colour), ground) >= 3, colour
    _, plots = drawn(judged, "equal")
    for plot in plots.values():
        light, _, dark = plot.svg.partition("@media (prefers-color-scheme: dark){")
        used = set(re.findall("#[0-9a-f]{6}", light))
        assert used <= DARK.keys()
        assert set(re.findall("#[0-9a-f]{6}", dark.partition("</style>")[0])) == {DARK[colour] for colour in used}
        assert not re.search("style=|#[0-9a-f]{6}", dark.partition("</style>")[2])  # else it would stay light
        classes = dict(re.findall(r"\.(c\d+)\{([^}]*)\}", light))
        texts = [classes[str(node.get("class"))] for node in ET.fromstring(plot.svg).iter(f"{SVG}text")]
        assert texts
        assert all(f"fill: {figures.INK}" in style for style in texts)


def test_no_two_kinds_of_a_panel_differ_in_colour_alone(judged: Judged) -> None:
    _, plots = drawn(judged, "worse")
    for plot in plots.values():
        for panel in plot.picture.panels:
            looks = {series.look for series in panel.series} - {"band"}
            without_colour = {LOOKS[look]._replace(colour="") for look in looks}
            assert len(without_colour) == len(looks), (plot.picture.name, looks)


def test_pictures_come_back_from_their_file_and_are_drawn_for_documents(judged: Judged) -> None:
    release = judged("equal")
    (story,) = tell(release)
    pictures = pictures_of(release, story, read_pool(release.artifacts / "nobody"))
    assert PICTURES.validate_json(PICTURES.dump_json(pictures, indent=1)) == pictures
    lacking = next(picture for picture in pictures if picture.lacks)
    for picture in (pictures[0], lacking):
        content = picture_png("equal", picture)
        assert content.startswith(b"\x89PNG")
        assert content == picture_png("equal", picture)
    for wrong in ({"name": "../x"}, {"height": 1e9}, {"panels": [{"x_ends": [0, math.inf]}]}):
        with pytest.raises(ValueError, match="validation error"):
            Picture.model_validate({**pictures[0].model_dump(), **wrong})
    assert picture_of("x", "Why?", "run", "so").words == "Why? not evidenced: so."


def test_the_page_holds_those_worth_it_and_leads_to_the_others(judged: Judged) -> None:
    assert {"differences", "latency", "reliability"} == ON_PAGE < set(NAMES)
    _, plots = drawn(judged, "equal")
    assert {name for name, plot in plots.items() if plot.on_page} == ON_PAGE
