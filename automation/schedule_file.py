"""Is `configs/schedule.yaml` meant as it is written? Every mistake of it is told together, in one line each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSimError
from pydantic import BeforeValidator, Field, model_validator

from automation.schedule import LOOK_BACK, Schedule, ScheduledJob, parsed
from gates.documents import Document, read_model


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("text is expected; put it in quotes (YAML reads 22:15 as a number and no as false)")
    return value


def _cron(value: Any) -> str:
    text = str(_text(value))
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


def _zone(value: Any) -> str:
    text = str(_text(value))
    if text.startswith("US/"):
        raise ValueError("a legacy name that newer systems no longer ship; write Area/City, as in America/New_York")
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        raise ValueError(
            "no such time zone on this machine; write Area/City as in America/New_York, or install tzdata"
        ) from None
    return text


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, BeforeValidator(_text), Field(min_length=1, pattern=r"^[^\n]*\S[^\n]*$")]
Cron = Annotated[str, BeforeValidator(_cron)]
Zone = Annotated[str, BeforeValidator(_zone)]
Minutes = Annotated[int, Field(strict=True, gt=0, le=int(LOOK_BACK.total_seconds()) // 60)]


class JobEntry(Document):
    """One job as it stands in the file; its name is its key."""

    cron: Cron
    owner: Text
    marker: Text | None = None
    command: Annotated[list[Text], Field(min_length=1)] | None = None
    lane: Name | None = None
    max_lateness_minutes: Minutes
    timeout_minutes: Minutes
    catch_up: Literal["latest", "every"]
    severity: Literal["P0", "P1", "P2", "P3"]

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
    file = read_model(path, ScheduleFile)
    return Schedule(jobs=tuple(_job(name, file.timezone, entry) for name, entry in file.jobs.items()))


def _job(name: str, zone: str, entry: JobEntry) -> ScheduledJob:
    values = {**entry.model_dump(), "command": tuple(entry.command or ()), "lane": entry.lane or name}
    return ScheduledJob(name=name, zone=zone, **values)
