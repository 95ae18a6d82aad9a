"""What do people open? `index.html`, a page that needs no network, and `summary.md`, for a CI job or a pull request."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from evidence.files import write_whole
from gates.extras import lacking
from gates.names import meaning
from gates.offline import OFFLINE
from gates.place import HERE
from gates.verdicts import Kind
from reports.attestation.statements import COMMAND, PAGES, QUERIES
from reports.model.circumstances import budget_words, machine_words, mode_words, policy_words, rates_words
from reports.model.labels import MARK_WORDS, evidence_words, headroom_words, is_reached, mark, mark_words, metric_name
from reports.model.pictured import ON_PAGE, pictures_of
from reports.model.pictures import FILE, PICTURES, Picture, read_pool
from reports.model.story import claim_words, effect_words, ladder_words, ship_words, title_words
from reports.render.charts import chart_of
from reports.render.site import environment
from reports.render.told import Told

#: What the templates may say beside what a story holds.
WORDS = (
    budget_words, chart_of, claim_words, effect_words, evidence_words, headroom_words, ladder_words, machine_words,
    mark, mark_words, meaning, metric_name, mode_words, policy_words, rates_words, ship_words, title_words,
)  # fmt: skip
SHOWN = 50  # changed queries on the page, of all heroes together; all of them lie beside it
#: The tables beside the one of the gates.
KINDS = (
    ("Sanity before the climb", Kind.SANITY), ("Guards over the whole canary", Kind.GUARD),
    ("Each intent alone", Kind.SLICE), ("Instruments of the measuring itself", Kind.INSTRUMENT),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One plot: what is on it, and the SVG document; equal evidence gives equal bytes."""

    picture: Picture
    svg: str

    @property
    def on_page(self) -> bool:
        """Does the page hold it? The others lie beside it."""
        return self.picture.name in ON_PAGE

    @property
    def uri(self) -> Markup:
        """The plot inside a page: one file to send, and no script of an image can run."""
        line = " ".join(self.svg.split("\n")).replace('"', "'")  # no text that is not ours stands in an attribute
        return Markup("data:image/svg+xml," + quote(line, safe=" /:;=,()@!*'<>"))


def pytest_gate_told(told: Told) -> None:
    """Write what the plots of each hero show and, where that is drawn, the plots into its folder, and both pages."""
    pictures = {story.hero: pictures_of(told.release, story, read_pool(told.home(story))) for story in told.stories}
    for story in told.stories:
        write_whole(told.home(story) / FILE, PICTURES.dump_json(pictures[story.hero], indent=1))
    # one look at rankings takes three seconds, of which drawing would be one; its documents have what there is to draw
    plots = {} if undrawn() or told.release.mode == OFFLINE else draw_plots(told, pictures)
    for story in told.stories:
        if story.measured is not None:
            write_whole(told.home(story) / QUERIES, render(QUERIES, release=told.release, story=story))
    shown = {"release": told.release, "stories": told.stories, "seal": told.seal, "evidence": told.evidence}
    for name in PAGES:
        write_whole(told.staged / name, render(name, plots=plots, **shown))


def undrawn() -> str:
    """What is missing where plots cannot be drawn, with the way to have it."""
    return lacking("report", "matplotlib")


def draw_plots(told: Told, pictures: Mapping[str, Sequence[Picture]]) -> Mapping[str, Sequence[Plot]]:
    """The plots of each hero, which lie in its folder as well."""
    plots = {hero: plotted(hero, shown) for hero, shown in pictures.items()}
    for story in told.stories:
        for plot in plots[story.hero]:
            write_whole(told.home(story) / "plots" / f"{plot.picture.name}.svg", plot.svg)
    return plots


def plotted(hero: str, pictures: Sequence[Picture]) -> tuple[Plot, ...]:
    """Pictures of a hero, drawn. What was not measured is said in its place."""
    from reports.render.figures import picture_svg  # brings matplotlib, which the core lacks

    return tuple(Plot(picture=picture, svg=picture_svg(hero, picture)) for picture in pictures)


def docs_from(artifacts: Path) -> str:
    """The way from a page to the documents of the checkout that it lies in; "" where it lies in none."""
    docs = HERE.house / "docs"
    home = artifacts.resolve()
    return os.path.relpath(docs, home) if docs.is_dir() and docs.parent in home.parents else ""


def render(name: str, **shown: Any) -> str:
    """A template of reports/site with what it shows; in HTML every text is escaped."""
    return _environment().get_template(f"{name}.j2").render(shown)


@cache
def _environment() -> jinja2.Environment:
    found = environment("page.js")
    found.tests["reached"] = is_reached
    found.globals.update({words.__name__: words for words in WORDS})
    found.globals.update(COMMAND=COMMAND, KINDS=KINDS, MARK_WORDS=MARK_WORDS, SHOWN=SHOWN)
    found.globals.update(docs_from=docs_from, undrawn=undrawn)
    return found
