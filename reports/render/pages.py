"""What do people open? `index.html`, a page that needs no network, and `summary.md`, for a CI job or a pull request."""

from functools import cache
from typing import Any

import jinja2

from evidence.files import write_whole
from gates.names import meaning
from gates.verdicts import Kind
from reports.attestation.statements import COMMAND, PAGES
from reports.model.card import verdict_words
from reports.model.circumstances import budget_words, machine_words, mode_words, policy_words, rates_words
from reports.model.labels import MARK_WORDS, headroom_words, is_reached, mark, mark_words, metric_name
from reports.model.story import claim_words, effect_words, ladder_words
from reports.render.plots import FOLDER, draw
from reports.render.site import environment
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
    """Write the plots of each hero into its folder, and both pages."""
    plots = {story.hero: draw(told.release, story) for story in told.stories}
    for story in told.stories:
        for plot in plots[story.hero]:
            write_whole(told.home(story) / FOLDER / f"{plot.name}.svg", plot.svg)
    shown = {"release": told.release, "stories": told.stories, "seal": told.seal, "evidence": told.evidence}
    for name in PAGES:
        write_whole(told.staged / name, render(name, plots=plots, **shown))


def render(name: str, **shown: Any) -> str:
    """A template of reports/site with what it shows; in HTML every text is escaped."""
    return _environment().get_template(f"{name}.j2").render(shown)


@cache
def _environment() -> jinja2.Environment:
    found = environment()
    found.tests["reached"] = is_reached
    found.globals.update({words.__name__: words for words in WORDS})
    found.globals.update(COMMAND=COMMAND, KINDS=KINDS, MARK_WORDS=MARK_WORDS)
    return found
