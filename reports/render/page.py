"""What does a release manager open? `index.html`: decision, reasons and numbers on one page that needs no network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from evidence.files import write_whole
from gates.attestation import EvidenceFile
from gates.names import meaning
from gates.release import Release
from gates.verdicts import Kind, Verdict
from reports.attestation.seal import COMMAND, Seal
from reports.attestation.statements import PAGES
from reports.escaping import clean, typed
from reports.model.budget import budget_words
from reports.model.checks import Row
from reports.model.examples import Example, Place
from reports.model.gains import Gain
from reports.model.headlines import verdict_words
from reports.model.labels import MARK_WORDS, headroom_words, mark, mark_words, metric_name
from reports.model.machine import machine_words
from reports.model.rates import mode_words, rates_words
from reports.model.story import Story, claim_words, effect_words, ladder_words
from reports.render.plots import Plot, read_plots
from reports.render.told import Told

TEMPLATES = Path(__file__).parents[1] / "site"


def pytest_gate_told(told: Told) -> None:
    """Write the page, with the plots that lie in each hero's folder."""
    plots = {story.hero: read_plots(told.home(story), story) for story in told.stories}
    page = render_page(told.release, told.stories, plots, told.evidence, told.seal)
    write_whole(told.staged / PAGES[0], page)


def render_page(
    release: Release,
    stories: Sequence[Story],
    plots: Mapping[str, Sequence[Plot]],
    evidence: Mapping[str, Sequence[EvidenceFile]],
    seal: Seal,
) -> str:
    """The page as text. `plots` and `evidence` (the digests of the attestation) are by hero."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clean"] = clean
    template = environment.get_template("index.html.j2")
    return template.render(
        release=release,
        seal=seal,
        check=f"{COMMAND} {typed(release.artifacts)}",
        decision_words=verdict_words(release.decision, release.mode),
        heroes=[_hero(story, plots.get(story.hero, ()), evidence.get(story.hero, ())) for story in stories],
        legend=MARK_WORDS,
    )


def _hero(story: Story, plots: Sequence[Plot], evidence: Sequence[EvidenceFile]) -> dict[str, Any]:
    """Everything that the template shows of one hero, as texts."""
    outcome = story.outcome
    rows = {kind: [_row(row, story) for row in story.rows if row.kind is kind] for kind in Kind}
    return {
        "story": story,
        "subject": outcome.subject,
        "source": typed(outcome.subject.source),
        "decision": str(outcome.decision),
        "reasons": story.reasons,
        "claim_words": claim_words(story),
        "ladder": ladder_words(story) if story.reached else "not begun",
        "letter": outcome.subject.policy.mode == "letter",
        "mode": mode_words(outcome.subject),
        "rates": rates_words(outcome.subject),
        "budget": budget_words(outcome),
        "machine": "; ".join(machine_words(outcome)),
        "ended": outcome.climbed.ended,
        "pairs": f"{outcome.climbed.pairs:,}",
        "fingerprint": outcome.climbed.fingerprint or "none",
        "gates": rows[Kind.GATE],
        "tables": [
            ("Sanity: before the climb", rows[Kind.SANITY]),
            ("Guards over the whole canary", rows[Kind.GUARD]),
            ("Each intent alone", rows[Kind.SLICE]),
            ("Instruments: the measuring itself", rows[Kind.INSTRUMENT]),
        ],
        "gains": [_gain(story, gain) for gain in story.gains.values()],
        "intents": [
            _gain(story, gain, intent)
            for intent, gains in story.by_intent.items()
            for metric, gain in gains.items()
            if len(story.by_intent) > 1 and (metric in ("ndcg_at_10", "sla_recall_at_50") or gain is story.claim)
        ],
        "examples": [
            ("Lost most", [_example(e, story) for e in story.lost_most]),
            ("Gained most", [_example(e, story) for e in story.gained_most]),
        ],
        "plots": [(plot, _data_uri(plot.svg)) for plot in plots],
        "evidence": evidence,
    }


def _row(row: Row, story: Story) -> dict[str, Any]:
    cells = []
    for cell in row.cells:
        reached = cell is not None and cell.verdict is not Verdict.NOT_REACHED
        cells.append(
            {
                "mark": mark(cell),
                "words": mark_words(cell),
                "value": row.name.show(cell.observed) if cell and reached else "",
                "range": row.name.range(cell.ci_lower, cell.ci_upper) if cell and reached else "",
                "n": f"n {cell.n:,}" if cell and reached else "",
                "headroom": headroom_words(cell.headroom) if cell and reached else "",
                "note": cell.note if cell and reached else "",
            }
        )
    return {
        "name": row.name.heading,
        "check": row.check,
        "meaning": meaning(row.check),
        "red": any(cell is not None and cell.verdict is Verdict.RED for cell in row.cells),
        "kind": str(row.kind),
        "limit": row.limit,
        "cells": cells,
        "blocks": row.blocks,
        "left_out": row.left_out,
    }


def _gain(story: Story, gain: Gain, intent: str = "") -> dict[str, str]:
    name = metric_name(gain.metric)
    return {
        "name": name.heading,
        "intent": intent,
        "n": f"{gain.n:,}",
        "baseline": name.show(gain.baseline),
        "hero": name.show(gain.hero),
        "difference": name.show(gain.difference.value, signed=True),
        "range": gain.range,
        "words": gain.shown if intent else effect_words(story, gain),
    }


def _example(example: Example, story: Story) -> dict[str, Any]:
    return {
        "text": example.text,
        "intent": example.intent,
        "difference": metric_name(story.example_metric).show(example.difference, signed=True),
        "baseline": _place(example.baseline),
        "hero": _place(example.hero),
        "judged": example.judged[:3],
    }


def _place(place: Place) -> dict[str, str]:
    return {"words": place.words(), "where": place.where, "first": place.first if place.rank != 1 else ""}


def _data_uri(svg: str) -> str:
    """The plot inside the page: one file to send, and no script of an image can run."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
