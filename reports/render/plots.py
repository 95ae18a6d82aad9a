"""What do confidence, differences and latency look like? Three SVG plots a hero: equal evidence gives equal bytes."""

from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from markupsafe import Markup

from gates.release import Release
from reports.model.story import Story
from reports.render import figures

FOLDER, SIZE = "plots", (6.4, 4.4)
#: Name, title, what draws it, and what says it to those who do not see it.
_PLOTS = (
    ("reliability", "Is stated confidence right?", figures.draw_reliability, figures.reliability_words),
    ("differences", "What changes for users?", figures.draw_differences, figures.difference_words),
    ("latency", "How long do answers take?", figures.draw_latency, figures.latency_words),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One plot: file name without ending, what a screen reader says, and the SVG document."""

    name: str
    title: str
    description: str
    svg: str

    @property
    def uri(self) -> Markup:
        """The plot inside a page: one file to send, and no script of an image can run."""
        line = " ".join(self.svg.split("\n")).replace('"', "'")  # no text that is not ours stands in an attribute
        return Markup("data:image/svg+xml," + quote(line, safe=" /:;=,()@!*'<>"))


def draw(release: Release, story: Story) -> tuple[Plot, ...]:
    """The three plots of a hero, stamped with run id, fingerprint and n. What was not measured is said in the plot."""
    fingerprint = story.outcome.climbed.fingerprint[:16] or "none"
    n = len(story.measured) if story.measured is not None else 0
    stamp = f"run {release.run_id} · fingerprint {fingerprint} · n {n:,}"
    return tuple(
        Plot(
            name=name,
            title=title,
            description=words(story),
            svg=figures.svg(f"{story.hero}: {title}", stamp, f"{story.hero}-{name}", SIZE, partial(fill, story)),
        )
        for name, title, fill, words in _PLOTS
    )
