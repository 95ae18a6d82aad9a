"""What does Allure show of a canary? Labels and tables of its tests, and the decision, which only the controller knows.

allure-pytest writes one result per item where the item ran. It has none of the decision, and of what never came back:
the decision is written here, in the same format, and names the others.
"""

import csv
import io
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import Attachment, Label, Parameter, Status, StatusDetails, TestResult
from allure_commons.types import AttachmentType, Severity
from allure_commons.utils import md5

from evidence.files import write_whole
from gates.archive import ALLURE
from gates.checks.registry import keys_of
from gates.names import check_name, meaning, slice_parts
from gates.release import Release, Subject
from gates.verdicts import Because, Cell, Decision, Kind, Verdict, place_of
from reports.escaping import clean, csv_cell
from reports.model.checks import speaks
from reports.model.labels import MARK_WORDS, mark_words
from reports.model.story import Story, ship_words, title_words
from reports.render.allure_page import TOLD
from reports.render.told import Told
from rollout.jobs.numbers import SPANS

EPIC = "Release gate"
#: Sorts before the heroes.
FIRST = "① Promotion decision"
NOT_EVIDENCED = "not evidenced"
#: What a check may be filed under by its answer, beside the decision and what crashed, in this order.
ANSWERS = (MARK_WORDS["x"], NOT_EVIDENCED, *(MARK_WORDS[mark] for mark in "?~."))
#: A hold is no success, and what is skipped counts in no share of successes: "100 %" stood over it.
STATUS = {Decision.PROMOTE: Status.PASSED, Decision.ROLLBACK: Status.FAILED, Decision.HOLD: Status.BROKEN}


def title(check: str, step: int) -> str:
    """How one test is called: its question and its place on the ladder."""
    return place_of(check_name(check).label, step)


def labels(subject: Subject, check: str, step: int) -> dict[str, str]:
    """What a test is filed under. `step` is 0 for a question over the whole canary or on one intent."""
    _, intent = slice_parts(check)
    whole = "before the climb" if check in keys_of(Kind.SANITY) else "whole canary"
    place = f"{step} % of traffic" if step else f"intent {intent}" if intent else whole
    severity = Severity.CRITICAL if subject.policy.on_red(check) == "rollback" else Severity.NORMAL
    return {
        "epic": EPIC, "feature": subject.name, "owner": subject.owner, "severity": severity.value, "story": place,
        "parentSuite": f"hero {subject.name}", "suite": place,
    }  # fmt: skip


def answer(cell: Cell) -> str:
    """What a check is filed under once it was asked."""
    return NOT_EVIDENCED if cell.verdict is Verdict.INCONCLUSIVE and not cell.n else mark_words(cell)


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
    """Write the decision about each hero, which no item had, beside the results of allure-pytest once it is signed."""
    folder = told.staged / ALLURE
    logger = AllureFileLogger(folder)
    for place, story in enumerate(told.stories):
        logger.report_result(_decision(told, story, folder, place))
    shown = shown_of(told.release, told.stories)
    write_whole(folder / TOLD, json.dumps(shown, ensure_ascii=False, indent=1).encode())


def shown_of(release: Release, stories: Sequence[Story]) -> dict[str, Any]:
    """What Allure shows of a release before all tests: each hero's card, and what is open or broken as gates.

    Environments and gates are by their id in Allure.
    """
    cards = {f"{story.outcome.told} {story.hero}": "\n".join(map(clean, story.card.lines)) for story in stories}
    which = ship_words(stories)
    return {
        "run_id": release.run_id,
        "name": clean(title_words(stories)),
        "variables": {**({"Which may ship": which} if which else {}), **cards},
        "environments": {"decision": FIRST, **{environment_id(story.hero): f"hero {story.hero}" for story in stories}},
        "answers": ANSWERS,
        "gates": {environment_id(story.hero): [*gates_of(story)] for story in stories},
    }


def environment_id(hero: str) -> str:
    """The same in each run. Allure renders nothing at all where one has more than 64 characters."""
    whole = f"hero-{hero}"
    return whole if len(whole) <= 64 else f"{whole[:55]}-{md5(hero)[:8]}"


def gates_of(story: Story) -> Iterator[dict[str, Any]]:
    """The decision as a gate of Allure's, then what is broken of a rollback, or all that is open of a hold."""
    outcome = story.outcome
    cells = {(cell.check, cell.step): cell for cell in outcome.cells}
    said = {f"{outcome.told} {story.hero}": [*story.card.lines]}
    for check, step, words in map(Because.read, outcome.reasons):
        cell = cells.get((check, step))
        if outcome.decision is Decision.ROLLBACK and cell is not None and not speaks(cell, outcome):
            continue
        said.setdefault(title(check, step), []).extend(filter(None, (words, meaning(check))))
    for rule, lines in said.items():
        message = "\n".join(map(clean, lines))
        yield {"rule": clean(rule), "message": message, "success": outcome.decision is Decision.PROMOTE}


def _decision(told: Told, story: Story, folder: Path, place: int) -> TestResult:
    """The decision as a test; `place` keeps Allure, which sorts by start, at the order of the stories."""
    decision, home, release, key = story.outcome.decision, told.home(story), told.release, md5(f"decision {story.hero}")
    said = [*map(clean, story.card.lines), *(f"no result: {test}" for test in story.outcome.missing)]
    begun, ended = (
        int(datetime.fromisoformat(at).timestamp()) * 1000 for at in (release.started_at, release.finished_at)
    )
    labels = {"epic": EPIC, "feature": story.hero, "owner": story.outcome.subject.owner, "parentSuite": FIRST}
    labels |= {"severity": Severity.BLOCKER.value, "story": "decision", "answer": "decision"}
    shown = {"attestation.json": told.attested[story.hero]}
    shown |= {path.name: path.read_bytes() for path in (home / SPANS, *sorted((home / "plots").glob("*.svg")))}
    return TestResult(
        uuid=str(uuid.uuid4()),
        name=f"{FIRST}: {story.outcome.told} {story.hero}",
        fullName=f"decision#{story.hero}",
        historyId=key,
        testCaseId=key,
        status=STATUS[decision],
        statusDetails=None if decision is Decision.PROMOTE else StatusDetails(message="\n".join(said)),
        descriptionHtml=decision_html(story),
        stage="finished",
        labels=[Label(name=label, value=value) for label, value in labels.items()],
        parameters=[
            Parameter(name="hero", value=story.hero),
            Parameter(name="run_id", value=release.run_id, excluded=True),
        ],
        attachments=[_attach(name, content, folder) for name, content in shown.items()],
        start=begun + place,
        stop=ended,
    )


def decision_html(story: Story) -> str:
    """The decision as a description: the card, gate and step matrix, reasons. Every text is escaped."""
    from reports.render.pages import render

    return render("allure.html", story=story)


def _attach(name: str, content: bytes, folder: Path) -> Attachment:
    kinds = {".json": AttachmentType.JSON, ".csv": AttachmentType.CSV, ".svg": AttachmentType.SVG}
    suffix = Path(name).suffix
    source = f"{uuid.uuid4()}-attachment{suffix}"
    write_whole(folder / source, content)
    return Attachment(name=name, source=source, type=kinds[suffix].mime_type)
