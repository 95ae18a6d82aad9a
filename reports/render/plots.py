"""What do confidence, differences and latency look like? Three SVG plots a hero: equal evidence gives equal bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from evidence.files import write_whole
from gates.release import Release
from reports.model.story import Story
from reports.render import figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One plot: file name without ending, what a screen reader says, and the SVG document."""

    name: str
    title: str
    description: str
    svg: str


def draw(release: Release, story: Story) -> tuple[Plot, ...]:
    """The three plots of a hero, stamped with run id, fingerprint and n. What was not measured is said in the plot."""
    pictures: tuple[tuple[str, str, str, Callable[[Figure, Story], None]], ...] = (
        ("reliability", "Is stated confidence right?", figures.reliability_words(story), figures.draw_reliability),
        ("differences", "What changes for users?", figures.difference_words(story), figures.draw_differences),
        ("latency", "How long do answers take?", figures.latency_words(story), figures.draw_latency),
    )
    return tuple(
        Plot(
            name=name, title=title, description=words, svg=_render(release, story, f"{story.hero}: {title}", name, fill)
        )
        for name, title, words, fill in pictures
    )


def write_plots(release: Release, story: Story) -> tuple[Plot, ...]:
    """Draw the plots into the hero's plots/ folder."""
    plots = draw(release, story)
    for plot in plots:
        write_whole(release.artifacts / story.hero / "plots" / f"{plot.name}.svg", plot.svg)
    return plots


def _render(release: Release, story: Story, title: str, name: str, fill: Callable[[Figure, Story], None]) -> str:
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a label that its font cannot draw must not end a release in an error
        matplotlib.rcdefaults()  # whatever a matplotlibrc here says
        matplotlib.rcParams.update(
            {
                "svg.hashsalt": f"{story.hero}-{name}",
                "svg.fonttype": "none",  # text stays text: small, searchable, read aloud
                "text.parse_math": False,  # a "$" in an intent is a dollar
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.edgecolor": figures.FAINT,
                "font.size": 9,
            }
        )
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        FigureCanvasSVG(figure)
        figure.suptitle(title, fontsize=11, x=0.02, ha="left", color=figures.INK)
        fill(figure, story)
        fingerprint = story.outcome.climbed.fingerprint[:16] or "none"
        n = len(story.measured) if story.measured is not None else 0
        stamp = f"run {release.run_id} · fingerprint {fingerprint} · n {n:,}"
        figure.supxlabel(stamp, fontsize=7.5, x=0.02, ha="left", color=figures.INK)
        target = io.BytesIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return target.getvalue().decode()
