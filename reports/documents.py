"""Which files does a decided run leave, in which order? What promotes is written last."""

from __future__ import annotations

from collections.abc import Sequence

from gates.release import Release
from reports.allure_results import write_results
from reports.attestation import describe_evidence, write_attestations
from reports.files import write_whole
from reports.page import render_page
from reports.plots import write_plots
from reports.story import Story
from reports.summary import render_summary
from reports.tables import write_tables


def write_documents(release: Release, stories: Sequence[Story]) -> None:
    """Write every document of a decided run under `release.artifacts`."""
    plots = {}
    for story in stories:
        write_tables(story, release.artifacts / story.hero)
        plots[story.hero] = write_plots(release, story)
    evidence = {story.hero: describe_evidence(release.artifacts / story.hero) for story in stories}
    page, summary = render_page(release, stories, plots, evidence), render_summary(release, stories)
    write_attestations(release, stories, evidence)
    write_whole(release.artifacts / "index.html", page)
    write_whole(release.artifacts / "summary.md", summary)
    write_results(release, stories, release.artifacts / "allure-results")
