"""Is `configs/schedule.yaml` meant as it is written? Every mistake of it is told together, in one line each."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from cronsim import CronSimError
from pydantic import AfterValidator, Field, model_validator

from automation.schedule import LOOK_BACK, Schedule, ScheduledJob, parsed
from gates.documents import Document, Text, Zone, read_model
from gates.markers import MARKERS
from gates.place import HERE
from reports.alerts.rules import OWNER, Severity, check_team

#: A word of a command that names a file.
_FILE = re.compile(r"[\w.-]+(/[\w.-]+)*\.(py|ini|sh|ya?ml)")


def _cron(text: str) -> str:
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(
            f'{len(fields)} fields, but a cron line has five: minute hour day month weekday, as in "15 2 * * *"'
        )
    try:
        parsed(text)
    except CronSimError as error:
        raise ValueError(f'{str(error).lower()}; five fields are expected, as in "*/5 9-18 * * 1-5"') from None
    return " ".join(fields)


def _marker(text: str) -> str:
    unknown = [word for word in re.findall(r"\w+", text) if word not in MARKERS and word not in ("and", "or", "not")]
    if unknown:
        raise ValueError(f"no checks are marked {unknown[0]}; there are {', '.join(sorted(MARKERS))}")
    return text


def _words(words: list[str]) -> list[str]:
    places = dict.fromkeys((HERE.home, HERE.house))
    named = [word for word in words if _FILE.fullmatch(word)]
    gone = [word for word in named if not any(os.path.exists(place / word) for place in places)]
    if gone:
        raise ValueError(f"no file {gone[0]} in {HERE.home}, where jobs run")
    return words


def _team(name: str) -> str:
    if check_team(name) == OWNER:
        raise ValueError("no team is called that; write whose job it is")
    return name


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Cron = Annotated[Text, AfterValidator(_cron)]
Team = Annotated[Text, AfterValidator(_team)]
Marker = Annotated[Text, AfterValidator(_marker)]
Command = Annotated[list[Text], Field(min_length=1), AfterValidator(_words)]
Minutes = Annotated[int, Field(strict=True, gt=0, le=int(LOOK_BACK.total_seconds()) // 60)]


class JobEntry(Document):
    """One job as it stands in the file; its name is its key."""

    cron: Cron
    owner: Team
    marker: Marker | None = None
    command: Command | None = None
    lane: Name | None = None
    max_lateness_minutes: Minutes
    timeout_minutes: Minutes
    catch_up: Literal["latest", "every"]
    severity: Severity

    @model_validator(mode="after")
    def _runs_something(self) -> JobEntry:
        if self.marker is None and self.command is None:
            raise ValueError("neither marker (of a pytest run) nor command (a list of words): write one of them")
        return self


class ScheduleFile(Document):
    """The whole file."""

    schema_: Literal["hero-gate/schedule/v1"] = Field(alias="schema")
    timezone: Zone
    jobs: Annotated[dict[Name, JobEntry], Field(min_length=1)]


def load_schedule(path: Path) -> Schedule:
    """Read the schedule strictly. Raises ConfigError with one line for each mistake."""
    file, jobs = read_model(path, ScheduleFile), list[ScheduledJob]()
    for name, entry in file.jobs.items():
        values = {**entry.model_dump(), "command": tuple(entry.command or ()), "lane": entry.lane or name}
        jobs.append(ScheduledJob(name=name, zone=file.timezone, **values))
    return Schedule(jobs=tuple(jobs))
