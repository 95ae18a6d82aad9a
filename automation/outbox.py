"""Which alerts were not delivered yet? Delivers them, remembers it, and tries again at the next tick what failed.

`alerts.jsonl` says what was told, `alerts-delivery.jsonl` beside it what came of that; both are only appended to. An
alert is sent, then noted: a process killed between the two sends it once more, under the same key.

    python -m automation.outbox show              what is firing, what waits
    python -m automation.outbox flush             tell and deliver now what the next tick would
    python -m automation.outbox close ID --why    end an alert by hand
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from automation.alerts import find_events
from automation.deliver import LONGEST_WAIT, Answer, Target, targets_of
from evidence.files import append_lines, read_lines
from gates.errors import ConfigError
from reports.alerts.log import LOG, Alert, Log, close, emit, read_log, words_of
from reports.alerts.rules import Delivery, load_alert_rules
from reports.escaping import typed

STATE = "alerts-delivery.jsonl"
#: The receiver where none is configured: nothing is sent, and one that is named later does not tell old news.
_NOBODY = Target(name=LOG, send=lambda alert, before: Answer(True))
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


@dataclass(slots=True)
class _State:
    """What alerts-delivery.jsonl says."""

    done: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # target -> digests
    begun: set[str] = field(default_factory=set)  # targets
    wait: dict[str, datetime] = field(default_factory=dict)  # target -> not before
    why: dict[tuple[str, str], str] = field(default_factory=dict)  # (target, digest) -> the last failure


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
    log = read_log(artifacts)
    targets, why_none = targets_of(delivery, environment, now)
    named = any((delivery.alertmanager, delivery.pagerduty, delivery.apprise))
    trouble = _unreadable(log)
    if why_none:
        trouble.append(f"{why_none}: they stand in {typed(artifacts / LOG)} alone")
    state = _begin(artifacts, targets if named else (_NOBODY,))
    delivered, waiting, ends = 0, list[Waiting](), time.monotonic() + _BUDGET
    if named and not targets:
        waiting = [Waiting(alert=a, target="its receiver", why=why_none) for a in _undelivered(log, state)]
    for target in targets if named else (_NOBODY,):
        sent, left = _deliver(artifacts, log, target, state, now, ends)
        delivered += sent if named else 0
        waiting += left
        if target.keep is not None and not left and log.open:
            kept = target.keep(log.open)
            trouble += [] if kept.done else [f"{len(log.open)} still firing, but {kept.why}"]
    return Flushed(delivered=delivered, waiting=tuple(waiting), trouble=tuple(trouble))


def _deliver(
    artifacts: Path, log: Log, target: Target, state: _State, now: datetime, ends: float
) -> tuple[int, list[Waiting]]:
    """Tell one receiver what it was not told: how many it took, and what waits."""
    done, before = state.done[target.name], dict[str, Alert]()
    sent, waiting, stopped, blocked = 0, list[Waiting](), "", set[str]()
    until = state.wait.get(target.name, now)
    if now < until <= now + timedelta(seconds=LONGEST_WAIT):  # later than that was said by another clock
        stopped = f"asked to wait until {until.isoformat(timespec='seconds')}"
    for alert in _urgent_first(log):
        digest, last = alert.digest, before.get(alert.id)
        before[alert.id] = alert
        if digest in done:
            continue
        if not stopped and time.monotonic() > ends:
            stopped = f"this flush took {_BUDGET:.0f} s"
        if stopped or alert.id in blocked:  # "resolved" must not come before "firing"
            why = stopped or "an earlier alert of this key was not delivered"
            waiting.append(Waiting(alert=alert, target=target.name, why=why))
            continue
        answer = target.send(alert, last)
        note = {"record": digest, "target": target.name, "at": _now(), "done": answer.done, "why": answer.why}
        if answer.done:
            sent += 1
            done.add(digest)
            _note(artifacts, note)
            continue
        blocked.add(alert.id)
        stopped = answer.why if answer.stop else ""
        waiting.append(Waiting(alert=alert, target=target.name, why=answer.why))
        if state.why.get((target.name, digest)) != answer.why:  # a receiver that is down for a day is one line
            _note(artifacts, note)
        if answer.wait:
            until = now + timedelta(seconds=answer.wait)
            _note(artifacts, {"target": target.name, "at": _now(), "wait_until": until.isoformat()})
    return sent, waiting


def _urgent_first(log: Log) -> list[Alert]:
    """Whole keys, those with the most urgent alert first; within a key the order in which it was told."""
    urgency: dict[str, str] = {}
    for alert in log.alerts:
        urgency[alert.id] = min(alert.severity, urgency.get(alert.id, alert.severity))
    return sorted(log.alerts, key=lambda alert: urgency[alert.id])


def _begin(artifacts: Path, targets: Sequence[Target]) -> _State:
    """The state so far. A receiver that is new is not told what another one was told before."""
    state = read_state(artifacts)
    fresh = [target.name for target in targets if target.name not in state.begun]
    for name in fresh:
        _note(artifacts, {"target": name, "at": _now(), "begun": True})
    return read_state(artifacts) if fresh else state


def read_state(artifacts: Path) -> _State:
    """What alerts-delivery.jsonl says; a line that cannot be read says nothing, so its alert is told once more."""
    state = _State()
    for line in read_lines(artifacts / STATE):
        try:
            note = json.loads(line)
            target = str(note["target"])
            if "begun" in note:
                state.begun.add(target)
                state.done[target] |= set().union(*state.done.values())
            elif "wait_until" in note:
                state.wait[target] = datetime.fromisoformat(note["wait_until"])
            elif note["done"]:
                state.done[target].add(str(note["record"]))
            else:
                state.why[target, str(note["record"])] = str(note["why"])
        except (ValueError, KeyError, TypeError):
            continue
    return state


def _undelivered(log: Log, state: _State) -> list[Alert]:
    """What no receiver was told."""
    done = set().union(*state.done.values())
    return [alert for alert in log.alerts if alert.digest not in done]


def _unreadable(log: Log) -> list[str]:
    count = log.unreadable
    return [f"{count} lines of {LOG} cannot be read (half written by a killed process?)"] if count else []


def _note(artifacts: Path, note: Mapping[str, Any]) -> None:
    append_lines(artifacts / STATE, [json.dumps(note, sort_keys=True)])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def main(arguments: Sequence[str]) -> int:
    """Answer one command; 1 where something waits or fires, or cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m automation.outbox", description="alerts: show, flush, close")
    parser.add_argument("--artifacts", type=Path, default=Path("reports/out"))
    parser.add_argument("--configs", type=Path, default=Path("configs"))
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("show", help="what is firing and what was not delivered; 1 where there is any")
    commands.add_parser("flush", help="tell and deliver what the next tick would; 1 where something waits")
    closing = commands.add_parser("close", help="end an alert by hand")
    closing.add_argument("id", help="as show prints it")
    closing.add_argument("--why", required=True, help="who ended it, and why")
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
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{asked.artifacts}: {words_of(error)}", file=sys.stderr)
        return 1


def _show(artifacts: Path) -> int:
    log, state = read_log(artifacts), read_state(artifacts)
    for alert in sorted(log.open, key=lambda a: a.severity):
        print(f"{alert.severity}  {alert.title}\n    {alert.owner}, by {alert.act_by}   {alert.id}")
    untold, failed = {alert.digest for alert in _undelivered(log, state)}, dict[str, list[str]]()
    for (target, digest), why in state.why.items():
        if digest not in state.done[target]:
            failed.setdefault(digest, []).append(f"{target}: {why}")
    waiting = [alert for alert in log.alerts if alert.digest in untold | failed.keys()]
    for alert in waiting:
        whys = "; ".join(failed.get(alert.digest, ["not tried yet"]))
        print(f"not delivered: {alert.status} {alert.id}  {whys}")
    print("\n".join([*_unreadable(log), f"{len(log.open)} firing, {len(waiting)} not delivered"]))
    return int(bool(log.open or waiting))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
