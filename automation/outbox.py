"""Which alerts were not delivered yet? Delivers them, remembers it, and tries again at the next tick what failed.

`alerts.jsonl` says what was told, `alerts-delivery.jsonl` beside it what came of that; both are only appended to. An
alert is sent, then noted: a process killed between the two sends it once more, under the same key.

    python -m automation.outbox show              what is firing, what waits; 1 where there is any
    python -m automation.outbox flush             tell and deliver now what the next tick would; 1 where something waits
    python -m automation.outbox close ID --why    end an alert by hand: ID as show prints it, and who ended it, and why
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import AwareDatetime

from automation.deliver import NOBODY, Receiver, receivers_of
from evidence.files import append_lines, read_lines
from gates.archive import folder, mark
from gates.documents import Document
from gates.errors import ConfigError
from gates.place import HERE
from reports.alerts.log import LOG, Alert, Log, close, emit, read_log, words_of
from reports.alerts.rules import Delivery, load_alert_rules
from reports.escaping import clean, typed

STATE = "alerts-delivery.jsonl"
#: Between two looks of ticks for what nobody told.
EVERY_MINUTES = 5
#: Seconds that one flush may take: the tick has other work.
_BUDGET = 60.0
#: Seconds after which what failed is tried again: a tick later, then twice as late each time, up to an hour.
_PAUSE, _LONGEST = 50.0, 3600.0
#: What could not be delivered for so long is given up; it stands in alerts.jsonl.
_END = timedelta(days=3)
_AGAIN = "tried again after growing pauses, the longest an hour, for 3 days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An alert that a receiver has not been told, and why."""

    alert: Alert
    target: str
    why: str


@dataclass(slots=True, kw_only=True)
class Flushed:
    """What came of one flush."""

    told: int = 0  # appended to alerts.jsonl by this tick
    delivered: int = 0
    waiting: list[Waiting] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)  # what somebody should mend or know

    @property
    def words(self) -> list[str]:
        """What the tick says of it, one line each."""
        lines = [f"alerts: {self.told} told, {self.delivered} delivered, {len(self.waiting)} waiting"]
        lines += [f"alerts: {why}" for why in self.trouble]
        for target, why in dict.fromkeys((w.target, w.why) for w in self.waiting):
            kept = [w.alert for w in self.waiting if (w.target, w.why) == (target, why)]
            count = f"{len(kept)} not delivered to {target}, the oldest {kept[0].severity} {kept[0].id}"
            lines.append(f"alerts: {count}: {why}; {_AGAIN}")
        return lines


class DeliveryNote(Document):
    """One line of alerts-delivery.jsonl: a receiver is new, or what came of telling it an alert."""

    target: str
    at: AwareDatetime
    begun: bool = False
    record: str = ""  # the alert's digest; "" where the receiver takes none
    done: bool = False
    why: str = ""


@dataclass(slots=True)
class DeliveryState:
    """What alerts-delivery.jsonl says."""

    path: Path
    done: dict[str, set[str]] = field(default_factory=dict)  # target -> digests
    failed: dict[tuple[str, str], list[DeliveryNote]] = field(default_factory=dict)  # (target, record) -> tries

    def note(self, target: str, at: datetime, **said: Any) -> None:
        """Write it down and remember it."""
        note = DeliveryNote(target=target, at=at, **said)
        append_lines(self.path, [note.model_dump_json(exclude_defaults=True)])
        self.take(note)

    def take(self, note: DeliveryNote) -> None:
        """A receiver that is new is not told what another one was told before."""
        done = self.done.setdefault(note.target, set())
        if note.begun:
            done |= self.delivered
        elif note.done:
            done.add(note.record)
            self.failed.pop((note.target, ""), None)
        else:
            self.failed.setdefault((note.target, note.record), []).append(note)

    @property
    def delivered(self) -> set[str]:
        """What at least one receiver was told."""
        return set().union(*self.done.values())

    def failures(self, target: str, record: str) -> list[DeliveryNote]:
        """Each time that this alert was not told, or that nothing was."""
        return self.failed.get((target, "")) or self.failed.get((target, record), [])

    def paused(self, target: str, record: str, now: datetime) -> str:
        """Why it is not tried now, "" where it is: it waits twice as long with each time that it failed."""
        for last in self.failures(target, record)[-1:]:
            tries = min(len(self.failures(target, record)), 10)
            until = last.at + timedelta(seconds=min(_PAUSE * 2.0 ** (tries - 1), _LONGEST))
            if last.at <= now < until:  # what failed later than now was noted by another clock
                return f"{last.why}; not before {until:%H:%M:%S}Z"
        return ""


def read_state(artifacts: Path) -> DeliveryState:
    """What alerts-delivery.jsonl says; a line that cannot be read says nothing, so its alert is told once more."""
    state = DeliveryState(artifacts / STATE)
    for line in read_lines(state.path):
        with suppress(ValueError):
            state.take(DeliveryNote.model_validate_json(line))
    return state


def tick_alerts(
    artifacts: Path, configs: Path, now: datetime, environment: Mapping[str, str] = os.environ, *, look: bool = True
) -> Flushed:
    """What a tick does about alerts once it has started what is due: find what was not told, tell it, deliver it.

    Looking for it takes longer than the rest, so not every tick does. Raises ConfigError where alerts.yaml cannot be
    read, OSError where nothing can be written.
    """
    rules, told = load_alert_rules(configs), 0
    if look:
        from automation.alerts import find_events  # what reads attestations: a fifth of a second

        told = len(emit(find_events(artifacts, configs, now), artifacts, rules, now))
    return replace(flush(artifacts, rules.delivery, now, environment), told=told)


def flush(artifacts: Path, delivery: Delivery, now: datetime, environment: Mapping[str, str] = os.environ) -> Flushed:
    """Deliver what was not delivered, the most urgent first. Nothing is raised for a receiver that fails."""
    flushed, ends = Flushed(), time.monotonic() + _BUDGET
    if not artifacts.exists():
        mark(artifacts)  # a job that comes later must know it for ours
    try:
        with FileLock(artifacts / ".alerts-delivery.lock", timeout=0):
            log, state = read_log(artifacts), read_state(artifacts)
            receivers, why_none = receivers_of(delivery, environment, now)
            flushed.trouble += log.trouble
            if why_none:
                flushed.trouble.append(f"{why_none}: they stand in {typed(artifacts / LOG)} alone")
            if not receivers:
                known = state.delivered
                untold = [alert for alert in log.alerts if alert.digest not in known]
                flushed.waiting += [Waiting(alert=alert, target="its receiver", why=why_none) for alert in untold]
            for name in [receiver.name for receiver in receivers if receiver.name not in state.done]:
                state.note(name, now, begun=True)
            for receiver in receivers:
                _deliver(log, receiver, state, now, ends, flushed)
    except Timeout:
        flushed.trouble.append("another flush is at work")
    return flushed


def _deliver(log: Log, receiver: Receiver, state: DeliveryState, now: datetime, ends: float, flushed: Flushed) -> None:
    """Tell one receiver what it was not told."""
    name, before, waiting, stopped = receiver.name, dict[str, Alert](), list[Waiting](), ""
    blocked = set[str]()
    for alert in _urgent_first(log):
        digest, last = alert.digest, before.get(alert.id)
        before[alert.id] = alert
        if digest in state.done[name]:
            continue
        why = stopped or state.paused(name, digest, now)
        if not why and alert.id in blocked:
            why = "an earlier alert of this key was not delivered"  # "resolved" must not come before "firing"
        if not why and time.monotonic() > ends:
            why = stopped = f"this flush took {_BUDGET:.0f} s"
        if not why:
            result = receiver.send(alert, last)
            if result.done or now - datetime.fromisoformat(alert.told_at) > _END:
                why = result.why if result.done else f"given up: {result.why}"
                state.note(name, now, record=digest, done=True, why=why)
                flushed.delivered += result.done and receiver is not NOBODY
                flushed.trouble += [f"{alert.severity} {alert.id}: {why}"] if why else []
                continue
            why, stopped = result.why, result.why if result.stop else ""
            state.note(name, now, record="" if result.stop else digest, why=why)
        blocked.add(alert.id)
        waiting.append(Waiting(alert=alert, target=name, why=why))
    flushed.waiting += waiting
    if receiver.keep is not None and not waiting and log.open:
        kept = receiver.keep(log.open)
        flushed.trouble += [] if kept.done else [f"{len(log.open)} still firing, but {kept.why}"]


def _urgent_first(log: Log) -> list[Alert]:
    """Whole keys, those with the most urgent alert first; within a key the order in which it was told."""
    urgency: dict[str, str] = {}
    for alert in log.alerts:
        urgency[alert.id] = min(alert.severity, urgency.get(alert.id, alert.severity))
    return sorted(log.alerts, key=lambda alert: urgency[alert.id])


def main(arguments: Sequence[str]) -> int:
    """Answer one command; 1 where something waits or fires, or cannot be done."""
    parser = argparse.ArgumentParser(
        prog=HERE.typed("python -m automation.outbox"),
        description=HERE.typed(__doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--artifacts", type=folder, default=Path("reports/out"))
    parser.add_argument("--configs", type=Path, default=Path("configs"))
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("show")
    commands.add_parser("flush")
    closing = commands.add_parser("close")
    closing.add_argument("id")
    closing.add_argument("--why", required=True)
    asked = parser.parse_args(arguments)
    now = datetime.now(UTC)
    try:
        if asked.command == "show":
            return _show(asked.artifacts)
        if asked.command == "flush":
            flushed = tick_alerts(asked.artifacts, asked.configs, now)
            print("\n".join(flushed.words))
            return int(bool(flushed.waiting))
        if close(asked.id, asked.why, asked.artifacts, now) is None:
            print(f"{asked.id}: nothing of this id is firing; `show` names what is", file=sys.stderr)
            return 1
        return 0
    except (ConfigError, OSError) as error:
        print(f"{asked.artifacts}: {words_of(error)}" if isinstance(error, OSError) else error, file=sys.stderr)
        return 1


def _show(artifacts: Path) -> int:
    log, state = read_log(artifacts), read_state(artifacts)
    for alert in sorted(log.open, key=lambda a: a.severity):
        print(f"{alert.severity}  {clean(alert.title)}\n    {clean(f'{alert.owner}, by {alert.act_by}   {alert.id}')}")
    waiting = undelivered(log, state)
    print("\n".join([*waiting, *log.trouble, f"{len(log.open)} firing, {len(waiting)} not delivered"]))
    return int(bool(log.open or waiting))


def undelivered(log: Log, state: DeliveryState) -> list[str]:
    """One line for each alert that somebody was not told, with why."""
    lines, delivered = list[str](), state.delivered
    for alert in log.alerts:
        left = [target for target, done in state.done.items() if alert.digest not in done]
        whys = [f"{one.target}: {one.why}" for to in left for one in state.failures(to, alert.digest)[-1:]]
        if whys or alert.digest not in delivered:
            lines.append(clean(f"not delivered: {alert.status} {alert.id}  {'; '.join(whys) or 'not tried yet'}"))
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
