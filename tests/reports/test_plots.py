"""Are plots the same for the same evidence, stamped, and honest about what was not measured?"""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np

from gates.statistics.calibration import bin_of
from reports.model.story import tell
from reports.render.plots import draw
from tests.reports.conftest import RUN_ID, Judged

PLOTS = ("reliability", "differences", "latency")


def words(svg: str) -> str:
    return " ".join("".join(node.itertext()) for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"))


def test_equal_evidence_gives_equal_bytes(judged: Judged) -> None:
    release = judged("worse")
    first, second = draw(release, tell(release)[0]), draw(release, tell(release)[0])
    assert [plot.name for plot in first] == list(PLOTS)
    assert [plot.svg for plot in first] == [plot.svg for plot in second]


def test_each_is_stamped_with_run_fingerprint_and_n(judged: Judged) -> None:
    release = judged("worse")
    (story,) = tell(release)
    fingerprint = story.outcome.climbed.fingerprint[:16]
    for plot in draw(release, story):
        assert f"run {RUN_ID} · fingerprint {fingerprint} · n {len(story.measured or ()):,}" in words(plot.svg)
        assert plot.description


def test_reliability_counts_every_pair_in_its_bins(judged: Judged) -> None:
    release = judged("equal")
    (story,) = tell(release)
    shown = words(draw(release, story)[0].svg).split()
    assert story.measured is not None
    counts = np.bincount(bin_of(story.measured.hero.confidence, np.array(story.edges)))
    assert counts.sum() == len(story.measured)
    assert set(shown) >= {str(count) for count in counts}


def test_the_latency_plot_has_the_sla_line(judged: Judged) -> None:
    release = judged("equal")
    assert "SLA 150 ms" in words(draw(release, tell(release)[0])[2].svg)


def test_what_was_not_measured_is_said(judged: Judged) -> None:
    release = judged("unsure")
    (story,) = tell(release)
    assert "not evidenced: latency is not given" in words(draw(release, story)[2].svg)
    nothing = replace(story, measured=None, gains={}, by_intent={})
    assert all("not evidenced: no pair was measured" in words(plot.svg) for plot in draw(release, nothing))


def test_an_intent_is_text_and_not_a_formula_or_markup(judged: Judged) -> None:
    release = judged("equal")
    (story,) = tell(release)
    by_intent = {"$x^{<b>意": story.gains, "other": story.gains}
    named = {i: {m: replace(g, intent=i) for m, g in gains.items()} for i, gains in by_intent.items()}
    assert "$x^{<b>意" in words(draw(release, replace(story, by_intent=named))[1].svg)
