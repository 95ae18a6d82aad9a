"""Which alerts were not delivered yet? Delivers them, remembers it, and tries again at the next tick what failed.

`alerts.jsonl` says what was told, `alerts-delivery.jsonl` beside it what came of that; both are only appended to. An
alert is sent, then noted: a process killed between the two sends it once more, under the same key.

    python -m automation.outbox show              what is firing, what waits; 1 where there is any
    python -m automation.outbox flush             tell and deliver now what the next tick would; 1 where something waits
    python -m automation.outbox close ID --why    end an alert by hand: ID as show prints it, and who ended it, and why
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from automation.alerts import find_events
from automation.deliver import LONGEST_WAIT, NOBODY, Receiver, receivers_of
from evidence.files import append_lines, read_lines
from gates.errors import ConfigError
from reports.alerts.log import LOG, Alert, Log, close, emit, read_log, words_of
from reports.alerts.rules import Delivery, load_alert_rules
from reports.escaping import typed

STATE = "alerts-delivery.jsonl"
#: Seconds that one flush may take: the tick has other work.
_BUDGET = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An alert that a receiver has not been told, and why."""

    alert: Alert
    target: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flushed:
    """What came of one flush."""

    told: int = 0  # appended to alerts.jsonl by this tick
    delivered: int = 0
    waiting: tuple[Waiting, ...] = ()
    trouble: tuple[str, ...] = ()  # what somebody should mend

    @property
    def words(self) -> list[str]:
        """What the tick says of it, one line each."""
        lines = [f"alerts: {self.told} told, {self.delivered} delivered, {len(self.waiting)} waiting"]
        lines += [f"alerts: {why}" for why in self.trouble]
        for target, why in dict.fromkeys((w.target, w.why) for w in self.waiting):
            kept = [w.alert for w in self.waiting if (w.target, w.why) == (target, why)]
            count = f"{len(kept)} not delivered to {target}, the oldest {kept[0].severity} {kept[0].id}"
            lines.append(f"alerts: {count}: {why}; tried again at the next tick")
        return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryNote:
    """One line of alerts-delivery.jsonl: a receiver is new, asks to wait, or what came of telling it an alert."""

    target: str
    at: str
    begun: bool = False
    wait_until: str = ""
    record: str = ""  # the alert's digest
    done: bool = False
    why: str = ""


@dataclass(slots=True)
class DeliveryState:
    """What alerts-delivery.jsonl says."""

    path: Path
    done: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # target -> digests
    begun: set[str] = field(default_factory=set)  # targets
    wait: dict[str, datetime] = field(default_factory=dict)  # target -> not before
    why: dict[tuple[str, str], str] = field(default_factory=dict)  # (target, digest) -> the last failure

    def note(self, target: str, **said: Any) -> None:
        """Write it down and remember it."""
        note = DeliveryNote(target=target, at=datetime.now(UTC).isoformat(timespec="seconds"), **said)
        append_lines(self.path, [json.dumps({k: v for k, v in asdict(note).items() if v}, sort_keys=True)])
        self.take(note)

    def take(self, note: DeliveryNote) -> None:
        """A receiver that is new is not told what another one was told before."""
        if note.begun:
            self.begun.add(note.target)
            self.done[note.target] |= self.delivered
        elif note.wait_until:
            self.wait[note.target] = datetime.fromisoformat(note.wait_until)
        elif note.done:
            self.done[note.target].add(note.record)
        else:
            self.why[note.target, note.record] = note.why

    @property
    def delivered(self) -> set[str]:
        """What at least one receiver was told."""
        return set().union(*self.done.values())


def read_state(artifacts: Path) -> DeliveryState:
    """What alerts-delivery.jsonl says; a line that cannot be read says nothing, so its alert is told once more."""
    state = DeliveryState(artifacts / STATE)
    for line in read_lines(state.path):
        try:
            state.take(DeliveryNote(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return state


def tick_alerts(artifacts: Path, configs: Path, now: datetime, environment: Mapping[str, str] = os.environ) -> Flushed:
    """What a tick does about alerts once it has started what is due: find what was not told, tell it, deliver it.

    The folders of jobs under `artifacts` have alerts of their own. Raises ConfigError where alerts.yaml cannot be read.
    """
    rules, told, flushed = load_alert_rules(configs), 0, list[Flushed]()
    for folder in (artifacts, *sorted(path for path in artifacts.glob("jobs/*") if path.is_dir())):
        try:
            events = find_events(folder, configs, now)
            told += len(emit(events, folder, rules, now)) if events else 0
            if folder == artifacts or (folder / LOG).exists():
                flushed.append(flush(folder, rules.delivery, now, environment))
        except OSError as error:  # must not keep the alerts of the other folders
            flushed.append(Flushed(trouble=(f"{typed(folder)}: {words_of(error)}",)))
    return Flushed(
        told=told,
        delivered=sum(one.delivered for one in flushed),
        waiting=tuple(waiting for one in flushed for waiting in one.waiting),
        trouble=tuple(dict.fromkeys(trouble for one in flushed for trouble in one.trouble)),
    )


def flush(artifacts: Path, delivery: Delivery, now: datetime, environment: Mapping[str, str] = os.environ) -> Flushed:
    """Deliver what was not delivered, the most urgent first. Nothing is raised for a receiver that fails."""
    try:
        artifacts.mkdir(parents=True, exist_ok=True)
        with FileLock(artifacts / ".alerts-delivery.lock", timeout=0):
            return _flush(artifacts, delivery, now, environment)
    except Timeout:
        return Flushed(trouble=("another flush is at work",))


def _flush(artifacts: Path, delivery: Delivery, now: datetime, environment: Mapping[str, str]) -> Flushed:
    log, state = read_log(artifacts), read_state(artifacts)
    receivers, why_none = receivers_of(delivery, environment, now)
    trouble = log.trouble + ([f"{why_none}: they stand in {typed(artifacts / LOG)} alone"] if why_none else [])
    for receiver in receivers:
        if receiver.name not in state.begun:
            state.note(receiver.name, begun=True)
    delivered, waiting, ends = 0, list[Waiting](), time.monotonic() + _BUDGET
    if not receivers:
        known = state.delivered
        untold = [alert for alert in log.alerts if alert.digest not in known]
        waiting = [Waiting(alert=alert, target="its receiver", why=why_none) for alert in untold]
    for receiver in receivers:
        sent, left = _deliver(log, receiver, state, now, ends)
        delivered += 0 if receiver is NOBODY else sent
        waiting += left
        if receiver.keep is not None and not left and log.open:
            kept = receiver.keep(log.open)
            trouble += [] if kept.done else [f"{len(log.open)} still firing, but {kept.why}"]
    return Flushed(delivered=delivered, waiting=tuple(waiting), trouble=tuple(trouble))


def _deliver(
    log: Log, receiver: Receiver, state: DeliveryState, now: datetime, ends: float
) -> tuple[int, list[Waiting]]:
    """Tell one receiver what it was not told: how many it took, and what waits."""
    name, before = receiver.name, dict[str, Alert]()
    sent, waiting, stopped, blocked = 0, list[Waiting](), "", set[str]()
    until = state.wait.get(name, now)
    if now < until <= now + timedelta(seconds=LONGEST_WAIT):  # later than that was said by another clock
        stopped = f"asked to wait until {until.isoformat(timespec='seconds')}"
    for alert in _urgent_first(log):
        digest, last = alert.digest, before.get(alert.id)
        before[alert.id] = alert
        if digest in state.done[name]:
            continue
        if not stopped and time.monotonic() > ends:
            stopped = f"this flush took {_BUDGET:.0f} s"
        if stopped or alert.id in blocked:  # "resolved" must not come before "firing"
            why = stopped or "an earlier alert of this key was not delivered"
            waiting.append(Waiting(alert=alert, target=name, why=why))
            continue
        result = receiver.send(alert, last)
        if result.done or state.why.get((name, digest)) != result.why:  # down for a day is one line
            state.note(name, record=digest, done=result.done, why=result.why)
        if result.done:
            sent += 1
            continue
        blocked.add(alert.id)
        stopped = result.why if result.stop else ""
        waiting.append(Waiting(alert=alert, target=name, why=result.why))
        if result.wait:
            state.note(name, wait_until=(now + timedelta(seconds=result.wait)).isoformat())
    return sent, waiting


def _urgent_first(log: Log) -> list[Alert]:
    """Whole keys, those with the most urgent alert first; within a key the order in which it was told."""
    urgency: dict[str, str] = {}
    for alert in log.alerts:
        urgency[alert.id] = min(alert.severity, urgency.get(alert.id, alert.severity))
    return sorted(log.alerts, key=lambda alert: urgency[alert.id])


def main(arguments: Sequence[str]) -> int:
    """Answer one command; 1 where something waits or fires, or cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m automation.outbox", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--artifacts", type=Path, default=Path("reports/out"))
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
        print(f"{alert.severity}  {alert.title}\n    {alert.owner}, by {alert.act_by}   {alert.id}")
    waiting, delivered = 0, state.delivered
    for alert in log.alerts:
        whys = [
            f"{target}: {why}"
            for (target, digest), why in state.why.items()
            if digest == alert.digest and digest not in state.done[target]
        ]
        if whys or alert.digest not in delivered:
            print(f"not delivered: {alert.status} {alert.id}  {'; '.join(whys or ['not tried yet'])}")
            waiting += 1
    print("\n".join([*log.trouble, f"{len(log.open)} firing, {waiting} not delivered"]))
    return int(bool(log.open or waiting))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
