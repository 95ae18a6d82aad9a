"""Are plots the same for the same evidence, stamped, and honest about what was not measured?"""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np

from gates.statistics.calibration import bin_of
from reports.model.story import Story, tell
from reports.render.plots import Plot, draw
from tests.reports.conftest import RUN_ID, Judged


def words(svg: str) -> str:
    return " ".join("".join(node.itertext()) for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"))


def drawn(judged: Judged, hero: str) -> tuple[Story, dict[str, Plot]]:
    release = judged(hero)
    (story,) = tell(release)
    return story, {plot.name: plot for plot in draw(release, story)}


def test_equal_evidence_gives_equal_bytes_stamped_with_run_fingerprint_and_n(judged: Judged) -> None:
    release = judged("worse")
    (story,) = tell(release)
    plots = draw(release, story)
    assert [plot.name for plot in plots] == ["reliability", "differences", "latency"]
    assert plots == draw(release, tell(release)[0])
    stamp = f"run {RUN_ID} · fingerprint {story.outcome.climbed.fingerprint[:16]} · n {len(story.measured or ()):,}"
    assert all(stamp in words(plot.svg) and plot.description for plot in plots)


def test_reliability_counts_every_pair_in_its_bins(judged: Judged) -> None:
    story, plots = drawn(judged, "equal")
    assert story.measured is not None
    counts = np.bincount(bin_of(story.measured.hero.confidence, np.array(story.edges)))
    assert counts.sum() == len(story.measured)
    assert set(words(plots["reliability"].svg).split()) >= {str(count) for count in counts}
    assert "SLA 150 ms" in words(plots["latency"].svg)


def test_what_was_not_measured_is_said(judged: Judged) -> None:
    story, plots = drawn(judged, "unsure")
    assert "not evidenced: latency is not given" in words(plots["latency"].svg)
    nothing = replace(story, measured=None, gains={}, by_intent={})
    assert all("not evidenced: no pair was measured" in words(plot.svg) for plot in draw(judged(), nothing))


def test_an_intent_is_text_and_not_a_formula_or_markup(judged: Judged) -> None:
    release = judged("equal")
    (story,) = tell(release)
    by_intent = {"$x^{<b>意": story.gains, "other": story.gains}
    named = {i: {m: replace(g, intent=i) for m, g in gains.items()} for i, gains in by_intent.items()}
    assert "$x^{<b>意" in words(draw(release, replace(story, by_intent=named))[1].svg)
