"""What do people open? `index.html`, a page that needs no network, and `summary.md`, for a CI job or a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from evidence.files import write_whole
from gates.attestation import EvidenceFile
from gates.names import meaning
from gates.release import Release
from gates.verdicts import Kind
from reports.attestation.seal import COMMAND, Seal
from reports.attestation.statements import PAGES
from reports.escaping import clean, markdown, typed
from reports.model.card import verdict_words
from reports.model.circumstances import budget_words, machine_words, mode_words, policy_words, rates_words
from reports.model.labels import MARK_WORDS, headroom_words, is_reached, mark, mark_words, metric_name
from reports.model.story import Story, claim_words, effect_words, ladder_words
from reports.render.plots import Plot, read_plots
from reports.render.told import Told

#: What the templates may say beside what a story holds.
WORDS = (
    budget_words, claim_words, effect_words, headroom_words, ladder_words, machine_words, mark, mark_words, meaning,
    policy_words,
    metric_name, mode_words, rates_words, verdict_words,
)  # fmt: skip
#: The tables beside the one of the gates.
KINDS = (
    ("Sanity before the climb", Kind.SANITY), ("Guards over the whole canary", Kind.GUARD),
    ("Each intent alone", Kind.SLICE), ("Instruments of the measuring itself", Kind.INSTRUMENT),
)  # fmt: skip


def pytest_gate_told(told: Told) -> None:
    """Write both, the page with the plots that lie in each hero's folder."""
    plots = {story.hero: read_plots(told.home(story), story) for story in told.stories}
    page = render_page(told.release, told.stories, plots, told.evidence, told.seal)
    for name, text in zip(PAGES, (page, render_summary(told.release, told.stories, told.seal)), strict=True):
        write_whole(told.staged / name, text)


def render_page(
    release: Release,
    stories: Sequence[Story],
    plots: Mapping[str, Sequence[Plot]],
    evidence: Mapping[str, Sequence[EvidenceFile]],
    seal: Seal,
) -> str:
    """The page as text. `plots` and `evidence` (the digests of the attestation) are by hero."""
    return render("index.html", release=release, stories=stories, plots=plots, evidence=evidence, seal=seal)


def render_summary(release: Release, stories: Sequence[Story], seal: Seal) -> str:
    """GitHub-flavoured Markdown; texts of packs and queries are escaped."""
    return render("summary.md", release=release, stories=stories, seal=seal)


def render(template: str, **shown: Any) -> str:
    """A template of reports/site with what it shows; in HTML every text is escaped."""
    return _environment().get_template(f"{template}.j2").render(shown)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parents[1] / "site"),
        autoescape=lambda name: name is None or name.endswith("html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(clean=clean, markdown=markdown, typed=typed)
    environment.tests["reached"] = is_reached
    environment.globals.update({words.__name__: words for words in WORDS})
    environment.globals.update(COMMAND=COMMAND, KINDS=KINDS, MARK_WORDS=MARK_WORDS)
    return environment
