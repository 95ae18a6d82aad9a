"""Which plots does a hero have? Seven: page, Allure and documents loop over this list."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gates.release import Release
from reports.model.pictures import Material, Picture, PictureContent, PoolShare, picture_of
from reports.model.quality_pictures import show_differences, show_reliability, show_trade_off
from reports.model.running_pictures import show_credits, show_evidence, show_latency, show_pool
from reports.model.story import Story


class Plotted(NamedTuple):
    """A plot of every hero: name of its file, the question it answers, what is on it, whether the page holds it."""

    name: str
    title: str
    show: Callable[[Material], PictureContent | str]
    on_page: bool  # three heroes are to fit into 300 KB


SEVEN = (
    Plotted("differences", "What changes for users?", show_differences, True),
    Plotted("latency", "How long do answers take?", show_latency, True),
    Plotted("reliability", "Is stated confidence right?", show_reliability, True),
    Plotted("trade_off", "What is paid for what is gained?", show_trade_off, False),
    Plotted("evidence", "How did the evidence grow?", show_evidence, False),  # the page has pictures of its own of it
    Plotted("pool", "Who gives what to the pool?", show_pool, False),
    Plotted("credits", "What is credited and spent?", show_credits, False),
)
ON_PAGE = frozenset(one.name for one in SEVEN if one.on_page)


def pictures_of(release: Release, story: Story, pool: Sequence[PoolShare]) -> tuple[Picture, ...]:
    """Every picture of a hero, stamped with run, n, both configurations and the release's fingerprint."""
    measured, stamp = story.measured, _stamp(release.run_id, story)
    if measured is None:
        return tuple(picture_of(one.name, one.title, stamp, "no pair was measured") for one in SEVEN)
    material = Material(story=story, measured=measured, pool=pool)
    return tuple(picture_of(one.name, one.title, stamp, one.show(material)) for one in SEVEN)


def _stamp(run_id: str, story: Story) -> str:
    subject, n = story.outcome.subject, len(story.measured) if story.measured is not None else 0
    fingerprint = story.outcome.climbed.fingerprint[:16] or "none"
    hashes = f"{subject.name} {subject.config_hash} · {subject.baseline_name} {subject.baseline_config_hash}"
    return f"run {run_id} · n {n:,} pairs · fingerprint {fingerprint}\n{hashes}"
