"""How urgent is each kind of alert, who acts by when, and where is it told? The model of `alerts.yaml`."""

import re
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from gates.documents import Document, Text, Zone, read_model

FILE = "alerts.yaml"
#: In place of a team: the owner that the hero's pack or the job's line in the schedule names.
OWNER = "owner"
Severity = Literal["P0", "P1", "P2", "P3"]  # the most urgent first, as text is sorted
_SPAN = re.compile(r"([1-9][0-9]*) (min|h)")
_SATURDAY = 5


def _within(words: str) -> str:
    if words not in ("immediately", "next business day") and not _SPAN.fullmatch(words):
        raise ValueError('should be immediately, a time such as "30 min" or "4 h", or next business day')
    return words


def _kind(name: str) -> str:
    if name not in RULES:
        raise ValueError(f"no kind of alert; there are {', '.join(RULES)}")
    return name


def check_team(name: str) -> str:
    """Raises ValueError for what is nearly the word for the owner, but would be a team of that name."""
    if name != OWNER and name.strip().lower() == OWNER:
        raise ValueError(f"no team is called that; write {OWNER} for the one that the pack or the job's line names")
    return name


class Rule(Document):
    """How one kind of alert is treated."""

    severity: Severity
    live: Severity | None = None  # in place of it where live traffic is served
    who: Annotated[Text, AfterValidator(check_team)]  # the team that acts, or "owner": the pack's, or the job's


_SEARCH, _SRE = "Search Engineering", "Site Reliability"
#: Kind of alert -> severity, that where traffic is live, who acts; each has its section in the runbook.
RULES = {
    kind: Rule.model_validate({"severity": severity, "live": live, "who": who})
    for kind, severity, live, who in (
        ("rollback", "P2", "P0", OWNER),
        ("hold", "P3", None, OWNER),
        ("promote", "P3", None, OWNER),
        ("review_due", "P3", None, OWNER),
        ("exception", "P1", None, OWNER),  # it serves without a PROMOTE
        # what is watched between decisions
        ("emergency", "P0", None, _SRE),  # calibrator_p99, errors, latency or zero_results
        ("performance", "P1", None, _SEARCH),
        ("health", "P1", None, _SRE),
        ("gate_monitor", "P1", None, _SRE),
        ("tripwire", "P1", "P0", _SEARCH),  # leak, flatline
        ("parity", "P1", None, _SEARCH),
        ("pool", "P2", None, _SEARCH),
        ("drift", "P3", "P2", _SEARCH),
        # what a job could not say of what it watches
        ("not_evidenced", "P3", None, OWNER),
        ("not_asked", "P2", None, OWNER),
        # the machinery itself
        ("job_failed", "P1", None, OWNER),
        ("job_lost", "P2", None, OWNER),
        ("slot_missed", "P1", None, OWNER),
        ("heartbeat_late", "P1", None, "DevOps"),
    )
}
#: Severity -> within which time somebody must have acted.
WITHIN = {"P0": "immediately", "P1": "1 h", "P2": "4 h", "P3": "next business day"}
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
    """The whole of alerts.yaml. What `severities` and `rules` leave out is as in WITHIN and RULES."""

    schema_: Literal["hero-gate/alerts/v1"] = Field(alias="schema")
    timezone: Zone = "America/New_York"  # of business days
    day_ends: Annotated[Text, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "17:00"
    holidays: tuple[date, ...] = ()
    no_owner: Text = _SEARCH  # acts where a pack that cannot be read names the owner
    runbook: str = "docs/runbook.md"  # or where it is published
    severities: dict[Severity, Annotated[Text, AfterValidator(_within)]] = Field(default_factory=dict)
    rules: dict[Annotated[str, AfterValidator(_kind)], Rule] = Field(default_factory=dict)
    delivery: Delivery = Delivery()

    def rule(self, kind: str) -> Rule:
        """The rule of a kind. Raises KeyError for a kind that does not exist."""
        return self.rules.get(kind) or RULES[kind]

    def act_by(self, severity: str, told: datetime) -> datetime:
        """When somebody must have acted on what is told now."""
        words = dict(WITHIN, **self.severities)[severity]
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
