"""How urgent is each kind of alert, who acts by when, and where is it told? The model of `alerts.yaml`."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from gates.documents import Document, read_model

FILE = "alerts.yaml"
#: In place of a team: the owner that the hero's pack or the job's line in the schedule names.
OWNER = "owner"
_SPAN = re.compile(r"([1-9][0-9]*) (min|h)")
_SATURDAY = 5


class Severity(StrEnum):
    """The most urgent first."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("text is expected; put it in quotes (YAML reads 22:15 as a number and no as false)")
    return value


def _check_zone(name: str) -> str:
    """Raises ValueError for a legacy name, as `EST` (the same offset all summer) and `US/Eastern`."""
    if name != "UTC" and ("/" not in name or name.startswith("US/")):
        raise ValueError("no Area/City, so no clock that people live by; write one, as in America/New_York, or UTC")
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # no such name; a folder of names; a name that leaves the folder
        raise ValueError(
            "no such time zone on this machine; write Area/City as in America/New_York, or install tzdata"
        ) from None
    return name


Text = Annotated[str, BeforeValidator(_text), Field(min_length=1, pattern=r"^[^\n]*\S[^\n]*$")]
Zone = Annotated[str, BeforeValidator(_text), AfterValidator(_check_zone)]


class Levels(Document):
    """Within which time somebody must have acted: "immediately", "30 min", "4 h" or "next business day"."""

    P0: str = "immediately"
    P1: str = "1 h"
    P2: str = "4 h"
    P3: str = "next business day"

    @field_validator("*")
    @classmethod
    def _known(cls, words: str) -> str:
        if words not in ("immediately", "next business day") and not _SPAN.fullmatch(words):
            raise ValueError('should be immediately, a time such as "30 min" or "4 h", or next business day')
        return words


def check_team(name: str) -> str:
    """Raises ValueError for what is nearly the word for the owner, but would be a team of that name."""
    if name != OWNER and name.strip().lower() == OWNER:
        raise ValueError(f"no team is called that; write {OWNER} for the one that the pack or the job's line names")
    return name


class Rule(Document):
    """How one kind of alert is treated."""

    severity: Severity
    live: Severity | None = None  # in place of it where live traffic is served
    # the team that acts, or "owner": the pack's, or the job's
    who: Annotated[str, Field(min_length=1), AfterValidator(check_team)]


def _rule(severity: Severity, who: str, live: Severity | None = None) -> Rule:
    return Rule(severity=severity, who=who, live=live)


_SEARCH, _SRE, _DEVOPS = "Search Engineering", "Site Reliability", "DevOps"


class Rules(Document):
    """Kind of alert -> rule. Each kind has its section in the runbook; one that the file leaves out is as here."""

    # decisions
    rollback: Rule = _rule(Severity.P2, OWNER, live=Severity.P0)
    hold: Rule = _rule(Severity.P3, OWNER)
    promote: Rule = _rule(Severity.P3, OWNER)
    review_due: Rule = _rule(Severity.P3, OWNER)
    # what is watched between decisions
    emergency: Rule = _rule(Severity.P0, _SRE)  # calibrator_p99, errors, latency or zero_results
    performance: Rule = _rule(Severity.P1, _SEARCH)
    health: Rule = _rule(Severity.P1, _SRE)
    gate_monitor: Rule = _rule(Severity.P1, _SRE)
    tripwire: Rule = _rule(Severity.P1, _SEARCH, live=Severity.P0)  # leak, flatline
    parity: Rule = _rule(Severity.P1, _SEARCH)
    pool: Rule = _rule(Severity.P2, _SEARCH)
    drift: Rule = _rule(Severity.P3, _SEARCH, live=Severity.P2)
    # what a job could not say of what it watches
    not_evidenced: Rule = _rule(Severity.P3, OWNER)
    not_asked: Rule = _rule(Severity.P2, OWNER)
    # the machinery itself
    job_failed: Rule = _rule(Severity.P1, OWNER)
    job_lost: Rule = _rule(Severity.P2, OWNER)
    slot_missed: Rule = _rule(Severity.P1, OWNER)
    heartbeat_late: Rule = _rule(Severity.P1, _DEVOPS)


KINDS = tuple(Rules.model_fields)
DECISIONS = ("rollback", "hold", "promote")
#: News of something that is over when it is told; it ends by itself when the time to act is.
NOTICES = ("promote", "job_lost", "heartbeat_late")


def host_of(url: str) -> str:
    """The host that a URL names; "" where it names none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_link(text: str) -> bool:
    """Can a browser open it?"""
    return urlsplit(text).scheme in ("http", "https")


def is_loopback(host: str) -> bool:
    """Does this host name the machine itself?"""
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None


class Alertmanager(Document):
    """An Alertmanager, version 2 of its API."""

    url: str  # http://127.0.0.1:9093


class Apprise(Document):
    """Anything that Apprise knows: PagerDuty, chat, mail, a webhook."""

    urls_env: str  # the NAME of an environment variable that holds URLs, with white space between them


class Delivery(Document):
    """Where alerts are told. Nothing named: they stand in alerts.jsonl and nowhere else."""

    alertmanager: Alertmanager | None = None
    apprise: Apprise | None = None
    allow_remote: bool = False  # else every endpoint must be on this machine

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        """No message shows a value: what stands here by mistake may be a secret."""
        if self.apprise is not None and self.alertmanager is not None:
            raise ValueError("names alertmanager and apprise; name one, or an alert is told twice")
        if self.apprise is not None and not re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", self.apprise.urls_env):
            raise ValueError(
                "apprise.urls_env should be the name of an environment variable, e.g. HERO_GATE_APPRISE_URLS; "
                "the secret itself never stands in a file"
            )
        if self.alertmanager is not None:
            self._check_url("alertmanager.url", self.alertmanager.url)
        return self

    def _check_url(self, field: str, url: str) -> None:
        host = host_of(url)
        if not is_link(url) or not host:
            raise ValueError(f"{field} should be http://HOST:PORT or https://HOST")
        if urlsplit(url).username is not None or urlsplit(url).query:
            raise ValueError(f"{field} should hold neither a password nor a query; a secret never stands in a file")
        if not self.allow_remote and not is_loopback(host):
            raise ValueError(f"{field} names {host}, not this machine; write allow_remote: true where that is meant")


class AlertRules(Document):
    """The whole of alerts.yaml."""

    schema_: Literal["hero-gate/alerts/v1"] = Field(alias="schema")
    timezone: Zone = "America/New_York"  # of business days
    day_ends: str = "17:00"
    holidays: tuple[date, ...] = ()
    no_owner: Annotated[str, Field(min_length=1)] = _SEARCH  # acts where a pack that cannot be read names the owner
    runbook: str = "docs/runbook.md"  # or where it is published
    severities: Levels = Levels()
    rules: Rules = Rules()
    delivery: Delivery = Delivery()

    @field_validator("day_ends", mode="before")
    @classmethod
    def _a_time(cls, words: Any) -> Any:
        if not isinstance(words, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", words):
            raise ValueError('should be a time in quotes, e.g. "17:00" (without them YAML reads a number)')
        return words

    def severity_of(self, kind: str, exposure: str) -> Severity:
        """How urgent a kind is where it happened."""
        rule = self.rule(kind)
        return rule.live if exposure == "live" and rule.live is not None else rule.severity

    def rule(self, kind: str) -> Rule:
        """The rule of a kind. Raises AttributeError for a kind that does not exist."""
        found: Rule = getattr(self.rules, kind)
        return found

    def act_by(self, severity: Severity, told: datetime) -> datetime:
        """When somebody must have acted on what is told now."""
        words: str = getattr(self.severities, severity)
        if words == "immediately":
            return told
        if span := _SPAN.fullmatch(words):
            return told + timedelta(**{"min": {"minutes": int(span[1])}, "h": {"hours": int(span[1])}}[span[2]])
        zone = ZoneInfo(self.timezone)
        day = told.astimezone(zone).date() + timedelta(days=1)
        while day.weekday() >= _SATURDAY or day in self.holidays:
            day += timedelta(days=1)
        return datetime.combine(day, time.fromisoformat(self.day_ends), zone)


def built_in() -> AlertRules:
    """The rules of a folder without alerts.yaml: those that `configs/alerts.yaml` ships, told to nobody."""
    return AlertRules.model_validate({"schema": "hero-gate/alerts/v1"})


def load_alert_rules(configs: Path) -> AlertRules:
    """The rules of a configuration folder. Raises ConfigError with one line for each mistake of the file."""
    path = configs / FILE
    return read_model(path, AlertRules) if path.exists() else built_in()
