"""What does Allure show of a canary? Labels and tables of its tests, and the results that only the controller knows.

allure-pytest writes one result per item where the item ran. It has none for an item that never came back, and none for
the decision: those are written here, in the same format.
"""

from __future__ import annotations

import csv
import html
import io
import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import Attachment, Label, Parameter, Status, StatusDetails, TestResult
from allure_commons.types import AttachmentType, Severity
from allure_commons.utils import md5

from evidence.files import write_whole
from gates.checks.registry import keys_of
from gates.names import check_name, slice_parts
from gates.release import Outcome, Release, Subject
from gates.rule.decide import item_id
from gates.verdicts import Cell, Decision, Kind
from reports.escaping import clean, csv_cell
from reports.model.card import card_lines
from reports.model.checks import Row
from reports.model.labels import mark, mark_words
from reports.model.story import Story
from reports.render.tables import SPANS
from reports.render.told import Told

EPIC = "Release gate"
ALLURE = "allure-results"
#: Sorts before the heroes.
FIRST = "① Promotion decision"
STATUS = {Decision.PROMOTE: Status.PASSED, Decision.ROLLBACK: Status.FAILED, Decision.HOLD: Status.SKIPPED}


def title(check: str, step: int) -> str:
    """How one test is called: its question and its place on the ladder."""
    return f"{check_name(check).label} at {step} %" if step else check_name(check).label


def labels(subject: Subject, check: str, step: int) -> dict[str, str]:
    """What a test is filed under. `step` is 0 for a question over the whole canary or on one intent."""
    _, intent = slice_parts(check)
    whole = "before the climb" if check in keys_of(Kind.SANITY) else "whole canary"
    place = f"{step} % of traffic" if step else f"intent {intent}" if intent else whole
    return {
        "epic": EPIC,
        "feature": subject.name,
        "story": place,
        "severity": Severity.CRITICAL if subject.policy.on_red(check) == "rollback" else Severity.NORMAL,
        "owner": subject.owner,
        "parentSuite": f"hero {subject.name}",
        "suite": place,
    }


def verdict_table(cell: Cell) -> str:
    """One cell as CSV, a line a number; texts are guarded against spreadsheets."""
    name = check_name(cell.check, cell.unit)
    rows = {
        "check": cell.check,
        "unit": cell.unit,
        "verdict": str(cell.verdict),
        "required": "shown to hold" if cell.required == "green" else "not shown broken",
        "if shown broken": cell.on_red,
        "observed": cell.observed,
        "limit": cell.limit,
        "headroom": cell.headroom,
        "95 % interval, lower": cell.ci_lower,
        "95 % interval, upper": cell.ci_upper,
        "pairs": str(cell.n),
        "windows": str(cell.windows),
        "evidence that it is broken": cell.e_red,
        "needed": cell.e_red_needed,
        "evidence that it holds": cell.e_green,
        "needed to hold": cell.e_green_needed,
        "note": csv_cell(cell.note),
        "ladder": csv_cell(cell.ended or "not ended"),
    }
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name.heading, "value"])
    writer.writerows((key, value) for key, value in rows.items() if value)
    return out.getvalue()


def pytest_gate_told(told: Told) -> None:
    """Write the results that no item had, beside those of allure-pytest once the decision is signed."""
    results = told.staged / ALLURE, told.release.artifacts / ALLURE
    write_results(told.release, told.stories, told.attested, *results)


def write_results(
    release: Release, stories: Iterable[Story], attested: Mapping[str, bytes], folder: Path, filed: Path
) -> None:
    """Write the decision about each hero, a result for each item that never came back, and the environment.

    `attested` is by hero: the attestation that will be written once everything else is. In `filed` allure-pytest has
    put its results.
    """
    logger, reported = AllureFileLogger(folder), _reported(filed)
    for place, story in enumerate(stories):
        logger.report_result(_decision(release, story, attested[story.hero], folder, place))
        missing = {node_id.partition("[")[2].removesuffix("]") for node_id in story.outcome.missing}
        for key in sorted(missing - reported):
            logger.report_result(_missing(release, story.outcome, key))
    write_whole(folder / "environment.properties", _properties(release))


def _decision(release: Release, story: Story, attestation: bytes, folder: Path, place: int) -> TestResult:
    """The decision as a test; `place` keeps Allure, which sorts by start, at the order of the stories."""
    outcome, subject = story.outcome, story.outcome.subject
    result = TestResult(
        uuid=str(uuid.uuid4()),
        name=f"{FIRST}: {outcome.decision} {subject.name}",
        fullName=f"release#{subject.name}",
        historyId=md5(f"decision {subject.name}"),
        testCaseId=md5(f"decision {subject.name}"),
        status=STATUS[outcome.decision],
        statusDetails=None if outcome.decision is Decision.PROMOTE else StatusDetails(message=_message(story)),
        stage="finished",
        descriptionHtml=decision_html(story),
        labels=_labels({**_filed(subject), "parentSuite": FIRST, "story": "decision"}),
        parameters=[
            Parameter(name="hero", value=subject.name),
            Parameter(name="run_id", value=release.run_id, excluded=True),
        ],
    )
    result.start, result.stop = _millis(release.started_at) + place, _millis(release.finished_at)
    home = release.artifacts / subject.name
    result.attachments.append(_attach("attestation.json", attestation, folder))
    for path in (home / SPANS, *sorted((home / "plots").glob("*.svg"))):
        result.attachments.append(_attach(path.name, path.read_bytes(), folder))
    return result


def _reported(folder: Path) -> set[str]:
    """The items that allure-pytest has written a result of, by their parametrization id."""
    found = set()
    for path in folder.glob("*-result.json"):
        parameters = json.loads(path.read_text(encoding="utf-8")).get("parameters", ())
        values = {p["name"]: str(p["value"]).strip("'") for p in parameters}
        if "check" in values:
            found.add(item_id((values["hero"], int(values.get("step", 0)), values["check"])))
    return found


def _missing(release: Release, outcome: Outcome, key: str) -> TestResult:
    result = TestResult(
        uuid=str(uuid.uuid4()),
        name=f"no result: {key}",
        fullName=f"missing#{key}",
        historyId=md5(f"missing {key}"),
        testCaseId=md5(f"missing {key}"),
        status=Status.BROKEN,
        statusDetails=StatusDetails(message="planned by the policy, but no result came back: the release is held"),
        stage="finished",
        labels=_labels(
            {**_filed(outcome.subject), "parentSuite": f"hero {outcome.subject.name}", "suite": "no result"}
        ),
        parameters=[Parameter(name="hero", value=outcome.subject.name)],
    )
    result.start = result.stop = _millis(release.finished_at)
    return result


def decision_html(story: Story) -> str:
    """The decision as a description: the card, gate and step matrix, reasons. Every text is escaped."""
    outcome = story.outcome
    card = "".join(f"<li>{html.escape(clean(line))}</li>" for line in card_lines(story.card))
    reasons = "".join(f"<li>{html.escape(clean(reason))}</li>" for reason in story.reasons[:8])
    steps = "".join(f"<th>{step} %</th>" for step in story.steps)
    gates = "".join(_row(row) for row in story.rows if row.kind is Kind.GATE and row.cells)
    others = ", ".join(f"{row.name.named}: {mark_words(row.cells[0])}" for row in story.rows if len(row.cells) == 1)
    return (
        f"<h3>{outcome.decision} {html.escape(story.hero)}: {html.escape(clean(story.card.words))}</h3>"
        f"<ul>{card}</ul>"
        f"<table><tr><th>gate</th><th>limit</th>{steps}</tr>{gates}</table>"
        f"<p>{html.escape(others)}</p>" + (f"<ol>{reasons}</ol>" if reasons else "")
    )


def _message(story: Story) -> str:
    """The card, a line each."""
    return "\n".join(clean(line) for line in card_lines(story.card))


def _row(row: Row) -> str:
    cells = [f"<td>{html.escape(f'{row.value(cell)} {mark(cell)}'.strip())}</td>" for cell in row.cells]
    return f"<tr><td>{html.escape(row.name.heading)}</td><td>{html.escape(row.limit)}</td>{''.join(cells)}</tr>"


def _attach(name: str, content: bytes, folder: Path) -> Attachment:
    kinds = {".json": AttachmentType.JSON, ".csv": AttachmentType.CSV, ".svg": AttachmentType.SVG}
    suffix = Path(name).suffix
    source = f"{uuid.uuid4()}-attachment{suffix}"
    write_whole(folder / source, content)
    return Attachment(name=name, source=source, type=kinds[suffix].mime_type)


def _filed(subject: Subject) -> dict[str, str]:
    return {"epic": EPIC, "feature": subject.name, "severity": Severity.BLOCKER, "owner": subject.owner}


def _labels(values: Mapping[str, str]) -> list[Label]:
    return [Label(name=name, value=str(getattr(value, "value", value))) for name, value in values.items()]


def _properties(release: Release) -> str:
    values = {
        "Decision": str(release.decision),
        "Heroes": ", ".join(f"{o.subject.name} {o.decision}" for o in release.outcomes),
        "Exposure": release.exposure,
        "Run": release.run_id,
        "Commit": release.commit,
        "Mode": release.mode,
    }
    return "".join(f"{key} = {value}\n" for key, value in values.items())


def _millis(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp() * 1000)
