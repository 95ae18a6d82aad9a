"""What does Allure show of a canary? Labels and tables of its tests, and the results that only the controller knows.

allure-pytest writes one result per item where the item ran. It has none for an item that never came back, and none for
the decision: those are written here, in the same format.
"""

import csv
import io
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import Attachment, Label, Parameter, Status, StatusDetails, TestResult
from allure_commons.types import AttachmentType, Severity
from allure_commons.utils import md5

from evidence.files import write_whole
from gates.archive import ALLURE
from gates.checks.registry import keys_of
from gates.names import check_name, slice_parts
from gates.release import Release, Subject
from gates.rule.decide import item_id
from gates.verdicts import Cell, Decision, Kind
from reports.escaping import clean, csv_cell
from reports.model.story import Story
from reports.render.told import Told
from rollout.jobs.numbers import SPANS

EPIC = "Release gate"
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
    severity = Severity.CRITICAL if subject.policy.on_red(check) == "rollback" else Severity.NORMAL
    return _filed(subject, severity, {"story": place, "parentSuite": f"hero {subject.name}", "suite": place})


def _filed(subject: Subject, severity: Severity, places: Mapping[str, str]) -> dict[str, str]:
    by = {"epic": EPIC, "feature": subject.name, "owner": subject.owner, "severity": severity.value}
    return {**by, **places}


def verdict_table(cell: Cell) -> str:
    """One cell as CSV, a line a field; texts are guarded against spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([check_name(cell.check, cell.unit).heading, "value"])
    for field, value in asdict(cell).items():
        if value not in ("", 0):  # a number may be negative, which a text may not
            writer.writerow([field, csv_cell(value) if field in ("check", "note", "ended") else value])
    return out.getvalue()


def pytest_gate_told(told: Told) -> None:
    """Write what no item had, beside the results of allure-pytest once the decision is signed.

    That is the decision about each hero, and a result for each item that never came back.
    """
    release, folder = told.release, told.staged / ALLURE
    logger, reported = AllureFileLogger(folder), _reported(release.artifacts / ALLURE)
    for place, story in enumerate(told.stories):
        logger.report_result(_decision(told, story, folder, place))
        missing = {node_id.partition("[")[2].removesuffix("]") for node_id in story.outcome.missing}
        for key in sorted(missing - reported):
            filed = {"parentSuite": f"hero {story.hero}", "suite": "no result"}
            said = "planned by the policy, but no result came back: the release is held"
            result = _result(release, story, "missing", key, f"no result: {key}", Status.BROKEN, said, filed)
            result.start = result.stop
            logger.report_result(result)


def _decision(told: Told, story: Story, folder: Path, place: int) -> TestResult:
    """The decision as a test; `place` keeps Allure, which sorts by start, at the order of the stories."""
    decision, home = story.outcome.decision, told.home(story)
    said = "" if decision is Decision.PROMOTE else "\n".join(map(clean, story.card.lines))
    filed, name = {"parentSuite": FIRST, "story": "decision"}, f"{FIRST}: {decision} {story.hero}"
    result = _result(told.release, story, "decision", story.hero, name, STATUS[decision], said, filed)
    result.start += place
    result.descriptionHtml = decision_html(story)
    result.attachments.append(_attach("attestation.json", told.attested[story.hero], folder))
    for path in (home / SPANS, *sorted((home / "plots").glob("*.svg"))):
        result.attachments.append(_attach(path.name, path.read_bytes(), folder))
    return result


def _result(
    release: Release, story: Story, kind: str, key: str, name: str, status: str, said: str, filed: Mapping[str, str]
) -> TestResult:
    """A result of the controller's own, filed under the hero; `kind` and `key` tell it from others in every run."""
    by = _filed(story.outcome.subject, Severity.BLOCKER, filed)
    return TestResult(
        uuid=str(uuid.uuid4()),
        name=name,
        fullName=f"{kind}#{key}",
        historyId=md5(f"{kind} {key}"),
        testCaseId=md5(f"{kind} {key}"),
        status=status,
        statusDetails=StatusDetails(message=said) if said else None,
        stage="finished",
        labels=[Label(name=label, value=value) for label, value in by.items()],
        parameters=[
            Parameter(name="hero", value=story.hero),
            Parameter(name="run_id", value=release.run_id, excluded=True),
        ],
        start=_millis(release.started_at),
        stop=_millis(release.finished_at),
    )


def _reported(folder: Path) -> set[str]:
    """The items that allure-pytest has written a result of, by their parametrization id."""
    found = set()
    for path in folder.glob("*-result.json"):
        parameters = json.loads(path.read_text(encoding="utf-8")).get("parameters", ())
        values = {p["name"]: str(p["value"]).strip("'") for p in parameters}
        if "check" in values:
            found.add(item_id((values["hero"], int(values.get("step", 0)), values["check"])))
    return found


def decision_html(story: Story) -> str:
    """The decision as a description: the card, gate and step matrix, reasons. Every text is escaped."""
    from reports.render.pages import render  # brings matplotlib: a second that workers need not wait

    return render("allure.html", story=story)


def _attach(name: str, content: bytes, folder: Path) -> Attachment:
    kinds = {".json": AttachmentType.JSON, ".csv": AttachmentType.CSV, ".svg": AttachmentType.SVG}
    suffix = Path(name).suffix
    source = f"{uuid.uuid4()}-attachment{suffix}"
    write_whole(folder / source, content)
    return Attachment(name=name, source=source, type=kinds[suffix].mime_type)


def _millis(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp() * 1000)
