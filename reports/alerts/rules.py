"""How urgent is each kind of alert, who acts by when, and where is it told? The model of `alerts.yaml`."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

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


class Level(Document):
    """What a severity asks for."""

    act_within: str  # "immediately", "30 min", "4 h" or "next business day"
    repeat_hours: Annotated[float, Field(gt=0)]  # what goes on is told again only after this

    @field_validator("act_within")
    @classmethod
    def _known(cls, words: str) -> str:
        if words not in ("immediately", "next business day") and not _SPAN.fullmatch(words):
            raise ValueError('should be immediately, a time such as "30 min" or "4 h", or next business day')
        return words


class Levels(Document):
    """The four severities."""

    P0: Level = Level(act_within="immediately", repeat_hours=1)
    P1: Level = Level(act_within="1 h", repeat_hours=4)
    P2: Level = Level(act_within="4 h", repeat_hours=8)
    P3: Level = Level(act_within="next business day", repeat_hours=24)


class Rule(Document):
    """How one kind of alert is treated."""

    severity: Severity
    live: Severity | None = None  # in place of it where live traffic is served
    who: Annotated[str, Field(min_length=1)]  # the team that acts, or "owner": the pack's, or the job's


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
    health: Rule = _rule(Severity.P1, _SRE)
    gate_monitor: Rule = _rule(Severity.P1, _SRE)
    tripwire: Rule = _rule(Severity.P1, _SEARCH, live=Severity.P0)  # leak, flatline
    parity: Rule = _rule(Severity.P1, _SEARCH)
    pool: Rule = _rule(Severity.P2, _SEARCH)
    drift: Rule = _rule(Severity.P3, _SEARCH, live=Severity.P2)
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


def is_loopback(host: str) -> bool:
    """Does this host name the machine itself?"""
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None


class Alertmanager(Document):
    """An Alertmanager, version 2 of its API."""

    url: str  # http://127.0.0.1:9093


class PagerDuty(Document):
    """PagerDuty's Events API v2."""

    routing_key_env: str  # the NAME of an environment variable
    url: str = "https://events.pagerduty.com/v2/enqueue"


class Apprise(Document):
    """Anything that Apprise knows: chat, mail, a webhook."""

    urls_env: str  # the NAME of an environment variable that holds URLs, with white space between them


class Delivery(Document):
    """Where alerts are told. Nothing named: they stand in alerts.jsonl and nowhere else."""

    alertmanager: Alertmanager | None = None
    pagerduty: PagerDuty | None = None
    apprise: Apprise | None = None
    allow_remote: bool = False  # else every endpoint must be on this machine

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        """No message shows a value: what stands here by mistake may be a secret."""
        named = [name for name in ("alertmanager", "pagerduty", "apprise") if getattr(self, name) is not None]
        if len(named) > 1:
            raise ValueError(f"names {' and '.join(named)}; name one, or an alert is told twice")
        if self.pagerduty is not None:
            _check_name("pagerduty.routing_key_env", self.pagerduty.routing_key_env)
        if self.apprise is not None:
            _check_name("apprise.urls_env", self.apprise.urls_env)
        for service in (self.alertmanager, self.pagerduty):
            if service is not None:
                self._check_url(f"{type(service).__name__.lower()}.url", service.url)
        return self

    def _check_url(self, field: str, url: str) -> None:
        host = host_of(url)
        if urlsplit(url).scheme not in ("http", "https") or not host:
            raise ValueError(f"{field} should be http://HOST:PORT or https://HOST")
        if urlsplit(url).username is not None or urlsplit(url).query:
            raise ValueError(f"{field} should hold neither a password nor a query; a secret never stands in a file")
        if not self.allow_remote and not is_loopback(host):
            raise ValueError(f"{field} names {host}, not this machine; write allow_remote: true where that is meant")


def _check_name(field: str, name: str) -> None:
    if not re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", name):
        raise ValueError(
            f"{field} should be the name of an environment variable, e.g. HERO_GATE_KEY; "
            "the secret itself never stands in a file"
        )


class AlertRules(Document):
    """The whole of alerts.yaml."""

    schema_: Literal["hero-gate/alerts/v1"] = Field(alias="schema")
    timezone: str = "America/New_York"  # of business days
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

    @field_validator("timezone")
    @classmethod
    def _a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError):  # no such name; a folder of names; a name that leaves the folder
            raise ValueError("no such timezone here; write one such as America/New_York") from None
        return name

    def severity_of(self, kind: str, exposure: str) -> Severity:
        """How urgent a kind is where it happened."""
        rule = self.rule(kind)
        return rule.live if exposure == "live" and rule.live is not None else rule.severity

    def rule(self, kind: str) -> Rule:
        """The rule of a kind. Raises AttributeError for a kind that does not exist."""
        found: Rule = getattr(self.rules, kind)
        return found

    def level(self, severity: Severity) -> Level:
        """What a severity asks for."""
        found: Level = getattr(self.severities, severity)
        return found

    def act_by(self, severity: Severity, told: datetime) -> datetime:
        """When somebody must have acted on what is told now."""
        words = self.level(severity).act_within
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
