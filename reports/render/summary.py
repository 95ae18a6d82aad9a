"""What does a CI job page or a pull request show? `summary.md`: the decision, the gates and the reasons."""

from __future__ import annotations

from collections.abc import Sequence

from evidence.files import write_whole
from gates.release import Release
from gates.verdicts import Decision, Kind
from reports.attestation.seal import COMMAND, Seal
from reports.attestation.statements import PAGES
from reports.escaping import markdown, typed
from reports.model.budget import budget_words
from reports.model.checks import Row
from reports.model.headlines import verdict_words
from reports.model.labels import MARK_WORDS, mark, metric_name
from reports.model.machine import machine_words
from reports.model.rates import mode_words, rates_words
from reports.model.story import Story
from reports.render.told import Told

_REASONS = 5
_KINDS = (
    ("Sanity", Kind.SANITY), ("Guards", Kind.GUARD), ("Each intent alone", Kind.SLICE), ("Instruments", Kind.INSTRUMENT)
)  # fmt: skip


def pytest_gate_told(told: Told) -> None:
    """Write the summary."""
    write_whole(told.staged / PAGES[1], render_summary(told.release, told.stories, told.seal))


def render_summary(release: Release, stories: Sequence[Story], seal: Seal) -> str:
    """GitHub-flavoured Markdown; texts of packs and queries are escaped."""
    lines = [f"# {release.decision}: {verdict_words(release.decision, release.mode)}", ""]
    lines += [
        f"Run `{release.run_id}`, commit {markdown(release.commit)}, replay: no live traffic was moved.",
        "",
        f"Signed {markdown(seal.words)}; statement `bundles/{seal.run}`. "
        f"Check it: `{COMMAND} {typed(release.artifacts)}`.",
        "",
    ]
    for story in stories:
        lines += [*_hero(story, seal), ""]
    lines.append("Marks: " + ", ".join(f"`{sign}` {words}" for sign, words in MARK_WORDS.items()) + ".")
    return "\n".join(lines) + "\n"


def _hero(story: Story, seal: Seal) -> list[str]:
    subject, outcome = story.outcome.subject, story.outcome
    lines = [f"## {outcome.decision} {story.hero}: {markdown(story.card.words)}", ""]
    lines.append(
        f"`{subject.config_hash}` against {subject.baseline_name} `{subject.baseline_config_hash}`; "
        f"{budget_words(outcome)}. "
        f"Statement `bundles/{seal.decisions[story.hero]}`."
    )
    until = f", until {story.card.deadline[:10]}" if story.card.deadline else ""
    lines += [
        "",
        f"- Reason: {markdown(story.card.reason)}.",
        f"- Serves now: {markdown(story.card.serving)}.",
        f"- Next: {markdown(story.card.next.words)}.",
        f"- Owner: {markdown(story.card.owner)}{until}.",
    ]
    lines += ["", f"Mode {mode_words(subject)}. How often wrong: {markdown(rates_words(subject))}."]
    if words := machine_words(outcome):
        lines.append(f"Machine: {'; '.join(words)}.")
    if story.notes:
        lines += ["", f"Data: {'; '.join(markdown(note) for note in story.notes)}."]
    lines += ["", *_table(story)]
    if outcome.decision is not Decision.PROMOTE:
        lines.append("")
        lines += [f"- {markdown(reason)}" for reason in story.reasons[:_REASONS]]
        if len(story.reasons) > _REASONS:
            lines.append(f"- and {len(story.reasons) - _REASONS} more")
    if story.gains:
        lines += ["", "| measure | baseline | hero | difference (95 %) |", "|---|--:|--:|--:|"]
    for metric, gain in story.gains.items():
        name = metric_name(metric)
        difference = f"{name.show(gain.difference.value, signed=True)} {gain.range}"
        lines.append(f"| {name.heading} | {name.show(gain.baseline)} | {name.show(gain.hero)} | {difference} |")
    return lines


def _table(story: Story) -> list[str]:
    head = ["gate", "limit", *(f"{step} %" for step in story.steps)]
    lines = [f"| {' | '.join(head)} |", "|---|---|" + "--:|" * len(story.steps)]
    for row in story.rows:
        if row.kind is not Kind.GATE:
            continue
        if row.left_out:
            cells = [f"left out: {markdown(row.left_out)}", *("" for _ in story.steps)]
        else:
            cells = [row.limit, *_cells(row)]
        lines.append(f"| {row.name.heading} | {' | '.join(cells)} |")
    for title, kind in _KINDS:
        told = [f"`{mark(row.cells[0])}` {row.name.named}" for row in story.rows if row.kind is kind and row.cells]
        if told:
            lines += ["", f"{title}: {', '.join(told)}."]
    return lines


def _cells(row: Row) -> list[str]:
    return [f"{row.value(cell)} `{mark(cell)}`".strip() for cell in row.cells]
