"""What do confidence, differences and latency look like? Three SVG plots a hero: equal evidence gives equal bytes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from evidence.files import write_whole
from gates.release import Release
from reports.model.story import Story
from reports.render import figures
from reports.render.told import Told

FOLDER = "plots"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One plot: file name without ending, what a screen reader says, and the SVG document."""

    name: str
    title: str
    description: str
    svg: str

    @property
    def uri(self) -> str:
        """The plot inside a page: one file to send, and no script of an image can run."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg.encode()).decode()


def pytest_gate_told(told: Told) -> None:
    """Draw the plots of each hero."""
    for story in told.stories:
        for plot in draw(told.release, story):
            write_whole(told.home(story) / FOLDER / f"{plot.name}.svg", plot.svg)


def draw(release: Release, story: Story) -> tuple[Plot, ...]:
    """The three plots of a hero, stamped with run id, fingerprint and n. What was not measured is said in the plot."""
    fills = (figures.draw_reliability, figures.draw_differences, figures.draw_latency)
    return tuple(
        Plot(
            name=name, title=title, description=words, svg=_render(release, story, f"{story.hero}: {title}", name, fill)
        )
        for (name, title, words), fill in zip(_described(story), fills, strict=True)
    )


def read_plots(folder: Path, story: Story) -> tuple[Plot, ...]:
    """The plots that were drawn into a hero's folder."""
    described = ((*told, folder / FOLDER / f"{told[0]}.svg") for told in _described(story))
    return tuple(
        Plot(name=name, title=title, description=words, svg=path.read_text(encoding="utf-8"))
        for name, title, words, path in described
        if path.exists()
    )


def _described(story: Story) -> tuple[tuple[str, str, str], ...]:
    """Name, title and words of each plot."""
    return (
        ("reliability", "Is stated confidence right?", figures.reliability_words(story)),
        ("differences", "What changes for users?", figures.difference_words(story)),
        ("latency", "How long do answers take?", figures.latency_words(story)),
    )


def _render(release: Release, story: Story, title: str, name: str, fill: Callable[[Figure, Story], None]) -> str:
    fingerprint = story.outcome.climbed.fingerprint[:16] or "none"
    n = len(story.measured) if story.measured is not None else 0
    stamp = f"run {release.run_id} · fingerprint {fingerprint} · n {n:,}"
    return figures.svg(title, stamp, f"{story.hero}-{name}", (6.4, 4.4), lambda figure: fill(figure, story))
