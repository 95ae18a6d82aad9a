"""How is one alert told to Alertmanager, to PagerDuty, or through Apprise?

Nothing here raises and nothing here names a secret: what went wrong comes back as one line, with every routing key and
every URL of the environment taken out of it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import Message
from http.client import HTTPException
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from reports.alerts.log import LOG, Alert
from reports.alerts.rules import Alertmanager, Delivery, PagerDuty, host_of, is_loopback
from reports.escaping import cut

#: Seconds for one connection, and for each wait for an answer on it.
TIMEOUT = 5.0
#: An alert that nobody keeps alive ends by itself in Alertmanager; ticks that are down over night lose none.
_ALIVE = timedelta(hours=24)
#: Seconds to wait where the receiver asks for it: without a number, and at most.
_WAIT, LONGEST_WAIT = 60.0, 3600.0
_ANSWER_LENGTH = 160
#: Apprise's own schemes whose host is the receiver's.
_PLAIN_SCHEMES = ("json", "jsons", "xml", "xmls", "form", "forms")
_PAGERDUTY_SEVERITY = {"P0": "critical", "P1": "error", "P2": "warning", "P3": "info"}
_APPRISE_TYPE = {"P0": "FAILURE", "P1": "FAILURE", "P2": "WARNING", "P3": "INFO"}
#: PagerDuty refuses longer summaries.
_SUMMARY_LENGTH = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """What came of telling one alert."""

    done: bool = False
    why: str = ""  # where it is not done, or not everywhere
    stop: bool = False  # the receiver is not there, or wants no more for now: the next alert would fare the same
    wait: float = 0.0  # seconds that the receiver asks to wait


DONE = DeliveryResult(done=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """One receiver. `send(alert, before)` is given the last alert of the same key that was told, too."""

    name: str
    send: Callable[[Alert, Alert | None], DeliveryResult]
    keep: Callable[[Sequence[Alert]], DeliveryResult] | None = None  # says again what is still firing


#: The receiver where none is configured: nothing is sent, and one that is named later does not tell old news.
NOBODY = Receiver(name=LOG, send=lambda alert, before: DONE)


def receivers_of(delivery: Delivery, environment: Mapping[str, str], now: datetime) -> tuple[tuple[Receiver, ...], str]:
    """The receivers that the configuration names, and "" or one line that says why nobody is told."""
    if delivery.alertmanager is not None:
        return (_alertmanager(delivery.alertmanager, now),), ""
    if delivery.pagerduty is not None:
        name = delivery.pagerduty.routing_key_env
        key = environment.get(name, "").strip()
        if not key:
            return (), f"{name} is not set, but delivery.pagerduty names it; export it for the tick"
        return (_pagerduty(delivery.pagerduty, key),), ""
    if delivery.apprise is not None:
        name = delivery.apprise.urls_env
        urls = environment.get(name, "").split()
        if not urls:
            return (), f"{name} is not set, but delivery.apprise names it; export it for the tick"
        if not delivery.allow_remote and not all(_stays_here(url) for url in urls):
            return (), f"{name} names another machine; write allow_remote: true where that is meant"
        # One receiver a URL, so that what one of them failed to tell is not told by the others again.
        return tuple(_apprise(url) for url in urls), ""
    return (NOBODY,), "delivery names no receiver (alerts.yaml)"


def body(alert: Alert) -> str:
    """An alert in full, as people read it."""
    if not alert.firing:
        return f"resolved {alert.told_at}: {alert.text or 'no longer so'}\n{alert.id}"
    numbers = [f"observed {alert.observed}"] * bool(alert.observed) + [f"limit {alert.limit}"] * bool(alert.limit)
    lines = (
        ", ".join([*numbers, f"since {alert.since}"]),
        alert.text,
        f"acts: {alert.owner}, by {alert.act_by}",
        f"closer: {alert.command}",
        f"runbook: {alert.runbook}",
        alert.id,
    )
    return "\n".join(line for line in lines if line)


def _alertmanager(service: Alertmanager, now: datetime) -> Receiver:
    url = service.url.rstrip("/") + "/api/v2/alerts"

    def send(alert: Alert, before: Alert | None) -> DeliveryResult:
        entries = [alertmanager_entry(alert, now)]
        if before is not None and before.severity != alert.severity:  # other labels: there it is another alert
            over = {**alertmanager_entry(before, now), "endsAt": _not_before(alert.told_at, before.since)}
            entries.insert(0, over)
        return _post(url, entries)

    def keep(alerts: Sequence[Alert]) -> DeliveryResult:
        return _post(url, [alertmanager_entry(alert, now) for alert in alerts])

    return Receiver(name="alertmanager", send=send, keep=keep)


def alertmanager_entry(alert: Alert, now: datetime) -> dict[str, Any]:
    """One alert of POST /api/v2/alerts. Without an end of its own it would end after 5 minutes (resolve_timeout)."""
    labels = {"alertname": alert.kind, "dedup": alert.id}
    labels |= _named(alert, "severity", "hero", "check", "exposure", "owner")
    annotations = _named(alert, "title", "observed", "limit", "act_by", "command", "runbook", "run_id")
    ends = (now + _ALIVE).isoformat() if alert.firing else _not_before(alert.told_at, alert.since)
    entry: dict[str, Any] = {
        "labels": labels,
        "annotations": {**annotations, "text": body(alert)},
        "startsAt": alert.since,
        "endsAt": ends,
    }
    return {**entry, "generatorURL": alert.runbook} if _is_link(alert.runbook) else entry


def _named(alert: Alert, *names: str) -> dict[str, str]:
    return {name: getattr(alert, name) for name in names if getattr(alert, name)}


def _not_before(time: str, other: str) -> str:
    """Alertmanager refuses an alert that ends before it begins."""
    return max(time, other, key=datetime.fromisoformat)


def _pagerduty(service: PagerDuty, key: str) -> Receiver:
    def send(alert: Alert, _: Alert | None) -> DeliveryResult:
        return _post(service.url, pagerduty_event(alert, key), secret=key)

    return Receiver(name="pagerduty", send=send)


def pagerduty_event(alert: Alert, key: str) -> dict[str, Any]:
    """The event of the Events API v2: `trigger` opens or folds into the incident of the key, `resolve` ends it."""
    event = {"routing_key": key, "dedup_key": alert.id}
    if not alert.firing:
        return {**event, "event_action": "resolve"}
    named = ("observed", "limit", "since", "owner", "act_by", "command", "runbook", "run_id", "exposure", "text")
    links = [{"href": alert.runbook, "text": f"runbook: {alert.kind}"}] if _is_link(alert.runbook) else []
    return {
        **event,
        "event_action": "trigger",
        "client": "Hero Gate",
        "links": links,
        "payload": {
            "summary": cut(f"{alert.severity} {alert.title}", _SUMMARY_LENGTH),
            "source": alert.hero or "hero-gate",
            "severity": _PAGERDUTY_SEVERITY[alert.severity],
            "timestamp": alert.since,
            "component": alert.check or alert.kind,
            "group": alert.hero or "hero-gate",
            "class": alert.kind,
            "custom_details": {name: getattr(alert, name) for name in named},
        },
    }


def _stays_here(url: str) -> bool:
    return url.partition("://")[0] in _PLAIN_SCHEMES and is_loopback(host_of(url))


def _apprise(url: str) -> Receiver:
    def send(alert: Alert, _: Alert | None) -> DeliveryResult:
        import apprise  # with all its plugins 2 s, for whom uses it and has news to tell

        logging.getLogger("apprise").disabled = True  # both write URLs
        logging.getLogger("urllib3").setLevel(logging.WARNING)
        sender = apprise.Apprise()
        title = f"{alert.severity} {alert.title}" if alert.firing else f"resolved: {alert.title}"
        kind = apprise.NotifyType[_APPRISE_TYPE[alert.severity] if alert.firing else "SUCCESS"]
        try:
            if not sender.add(url):
                return DeliveryResult(why="Apprise does not understand this URL")
            with sender.notify(body=body(alert), title=title, notify_type=kind, timeout=TIMEOUT) as result:
                status, failed = result.status.name, result.failed_count
        except Exception as error:  # a plugin of Apprise may raise anything, with a URL in it
            return DeliveryResult(why=f"Apprise: {type(error).__name__}")
        # the result is no bool: PARTIAL is false as well, but telling it again would tell some twice
        if status == "PARTIAL":
            return DeliveryResult(done=True, why=f"Apprise: {failed} of its channels failed and were not asked again")
        return DONE if status == "SUCCESS" else DeliveryResult(why=f"Apprise: {status}")

    return Receiver(name=f"apprise {hashlib.sha256(url.encode()).hexdigest()[:8]}", send=send)


class _NoRedirect(HTTPRedirectHandler):
    """An alert goes where the configuration says and nowhere else."""

    def redirect_request(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str) -> None:
        return None


def _post(url: str, content: object, secret: str = "") -> DeliveryResult:
    """POST JSON once. A 4xx is about this alert; anything else that is no success is about the receiver."""
    host = urlsplit(url).netloc
    request = Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"}, method="POST")
    direct = [ProxyHandler({})] if is_loopback(host_of(url)) else []  # no proxy of the environment for this machine
    try:
        with build_opener(_NoRedirect, *direct).open(request, timeout=TIMEOUT):
            return DONE
    except HTTPError as error:
        with error:
            said = _first_line(error, secret)
        busy = error.code == 429
        stop = busy or not 400 <= error.code < 500
        wait = _wait(error.headers) if busy else 0.0
        return DeliveryResult(why=f"{host} answers {error.code}{said}", stop=stop, wait=wait)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            return DeliveryResult(why=f"{host}: no answer within {TIMEOUT:.0f} s", stop=True)
        why = getattr(reason, "strerror", None) or type(reason).__name__
        return DeliveryResult(why=f"{host} is not reached ({why})", stop=True)


def _first_line(error: HTTPError, secret: str) -> str:
    """What the receiver says of its refusal, without the secret."""
    try:
        text = error.read(4096).decode(errors="replace")
    except (OSError, HTTPException):
        return ""
    line = cut(" ".join((text.replace(secret, "***") if secret else text).split()), _ANSWER_LENGTH)
    return f": {line}" if line else ""


def _wait(headers: Message) -> float:
    """Seconds of Retry-After, within reason."""
    asked = str(headers.get("Retry-After", "")).strip()
    return min(float(asked), LONGEST_WAIT) if asked.isdigit() else _WAIT


def _is_link(text: str) -> bool:
    return urlsplit(text).scheme in ("http", "https")
