"""How is one alert told to Alertmanager, or through Apprise?

Nothing here raises and nothing here names a secret: what went wrong comes back as one line, without any URL of the
environment.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import Message
from http.client import HTTPException
from threading import Thread
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from gates.extras import lacking
from reports.alerts.log import LOG, Alert
from reports.alerts.rules import Delivery, host_of, is_link, is_loopback
from reports.escaping import cut

#: Seconds for one connection, and for each wait for an answer on it; all of an answer may take twice as long.
TIMEOUT = 5.0
#: An alert that nobody keeps alive ends by itself in Alertmanager; ticks that are down over night lose none.
_ALIVE = timedelta(hours=24)
_ANSWER_LENGTH = 160
#: How `requests`, which Apprise's plugins use, says that what was sent was not answered.
_NO_ANSWER = "Read timed out"
#: Apprise's own schemes whose host is the receiver's.
_PLAIN_SCHEMES = ("json", "jsons", "xml", "xmls", "form", "forms")
_APPRISE_TYPE = {"P0": "FAILURE", "P1": "FAILURE", "P2": "WARNING", "P3": "INFO"}
#: The labels by which Alertmanager knows an alert, routes and silences it, beside `alertname` and `dedup`.
LABELS = ("severity", "hero", "check", "exposure", "owner")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """What came of telling one alert."""

    done: bool = False
    why: str = ""  # where it is not done, or not everywhere
    stop: bool = False  # the receiver is not there, or wants no more for now: the next alert would fare the same


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
        return (_alertmanager(delivery.alertmanager.url, now),), ""
    if delivery.apprise is not None:
        name = delivery.apprise.urls_env
        urls = environment.get(name, "").split()
        if not urls:
            return (), f"{name} is not set, but delivery.apprise names it; export it and install the schedule again"
        here = (url.partition("://")[0] in _PLAIN_SCHEMES and is_loopback(host_of(url)) for url in urls)
        if not delivery.allow_remote and not all(here):
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
        f"serves: {alert.serves}" if alert.serves else "",
        f"acts: {alert.owner}, by {alert.act_by}",
        f"closer: {alert.command}",
        f"runbook: {alert.runbook}",
        alert.id,
    )
    return "\n".join(line for line in lines if line)


def _alertmanager(base: str, now: datetime) -> Receiver:
    url = base.rstrip("/") + "/api/v2/alerts"

    def send(alert: Alert, before: Alert | None) -> DeliveryResult:
        entries = [alertmanager_entry(alert, now)]
        over = alertmanager_entry(before, now) if before is not None else entries[0]
        if over["labels"] != entries[0]["labels"]:  # there it is another alert
            entries.insert(0, {**over, "endsAt": _not_before(alert.told_at, alert.since)})
        return ask(url, entries)

    def keep(alerts: Sequence[Alert]) -> DeliveryResult:
        return ask(url, [alertmanager_entry(alert, now) for alert in alerts])

    return Receiver(name="alertmanager", send=send, keep=keep)


def alertmanager_entry(alert: Alert, now: datetime) -> dict[str, Any]:
    """One alert of POST /api/v2/alerts. Without an end of its own it would end after 5 minutes (resolve_timeout)."""
    labels = {"alertname": alert.kind, "dedup": alert.id}
    labels |= _named(alert, *LABELS)
    annotations = _named(alert, "title", "observed", "limit", "act_by", "command", "runbook", "run_id")
    ends = (now + _ALIVE).isoformat() if alert.firing else _not_before(alert.told_at, alert.since)
    entry: dict[str, Any] = {
        "labels": labels,
        "annotations": {**annotations, "summary": alert.title, "text": body(alert)},
        "startsAt": alert.since,
        "endsAt": ends,
    }
    return {**entry, "generatorURL": alert.runbook} if is_link(alert.runbook) else entry


def _named(alert: Alert, *names: str) -> dict[str, str]:
    return {name: getattr(alert, name) for name in names if getattr(alert, name)}


def _not_before(time: str, other: str) -> str:
    """Alertmanager refuses an alert that ends before it begins."""
    return max(time, other, key=datetime.fromisoformat)


def _apprise(url: str) -> Receiver:
    def send(alert: Alert, _: Alert | None) -> DeliveryResult:
        if gone := lacking("alerts"):
            return DeliveryResult(why=gone, stop=True)
        import apprise  # with all its plugins 2 s, for whom uses it and has news to tell

        unanswered = list[str]()

        def heed(record: logging.LogRecord) -> bool:
            """Nothing of its log gets out, since it writes URLs; it alone says what was not answered."""
            unanswered.extend(word for word in (_NO_ANSWER,) if word in record.getMessage())
            return False

        log = logging.getLogger("apprise")
        log.setLevel(logging.DEBUG)
        log.addFilter(heed)
        logging.getLogger("urllib3").setLevel(logging.WARNING)
        title = f"{alert.severity} {alert.title}" if alert.firing else f"resolved: {alert.title}"
        kind = apprise.NotifyType[_APPRISE_TYPE[alert.severity] if alert.firing else "SUCCESS"]
        sender = apprise.Apprise()
        try:
            if not sender.add(url):
                return DeliveryResult(why="Apprise does not understand this URL")
            with sender.notify(body=body(alert), title=title, notify_type=kind, timeout=2 * TIMEOUT) as result:
                status, failed = result.status.name, result.failed_count
        except Exception as error:  # a plugin of Apprise may raise anything, with a URL in it
            return DeliveryResult(why=f"Apprise: {type(error).__name__}")
        finally:
            log.removeFilter(heed)
        # the result is no bool: PARTIAL is false as well, but telling it again would tell some twice
        if status == "PARTIAL":
            return DeliveryResult(done=True, why=f"Apprise: {failed} of its channels failed and were not asked again")
        if status == "TIMEOUT" or unanswered:
            return DeliveryResult(done=True, why="may have been told: it was sent, and nothing was answered")
        return DONE if status == "SUCCESS" else DeliveryResult(why=f"Apprise: {status}")

    return Receiver(name=f"apprise {hashlib.sha256(url.encode()).hexdigest()[:8]}", send=send)


class _NoRedirect(HTTPRedirectHandler):
    """An alert goes where the configuration says and nowhere else."""

    def redirect_request(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str) -> None:
        return None


def ask(url: str, content: object) -> DeliveryResult:
    """POST JSON once, or GET where there is none; a receiver that answers for ever is waited for no longer."""
    answered = list[DeliveryResult]()
    asking = Thread(target=lambda: answered.append(_ask(url, content)), daemon=True)
    asking.start()
    asking.join(2 * TIMEOUT)
    host = urlsplit(url).netloc.rpartition("@")[2]
    return next(iter(answered), DeliveryResult(why=f"{host}: no answer within {2 * TIMEOUT:.0f} s", stop=True))


def _ask(url: str, content: object) -> DeliveryResult:
    """A 4xx is about this alert, what else fails about the receiver."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    data = None if content is None else json.dumps(content).encode()
    direct = [ProxyHandler({})] if is_loopback(host_of(url)) else []  # no proxy of the environment for this machine
    try:
        request = Request(url, data, {"Content-Type": "application/json"})
        with build_opener(_NoRedirect, *direct).open(request, timeout=TIMEOUT):
            return DONE
    except HTTPError as error:
        said = ""
        with error, suppress(OSError, HTTPException):
            said = cut(" ".join(error.read(4096).decode(errors="replace").split()), _ANSWER_LENGTH)
        stop = error.code == 429 or not 400 <= error.code < 500
        return DeliveryResult(why=f"{host} answers {error.code}{': ' if said else ''}{said}", stop=stop)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            return DeliveryResult(why=f"{host}: no answer within {TIMEOUT:.0f} s", stop=True)
        why = getattr(reason, "strerror", None) or type(reason).__name__
        return DeliveryResult(why=f"{host} is not reached ({why})", stop=True)
