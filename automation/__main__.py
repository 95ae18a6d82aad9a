"""What is due, what ran, and how is it made to run?

    python -m automation tick                        run whatever is due (what cron calls every minute)
    python -m automation list                        the jobs: cron line, next and last run, owner
    python -m automation status                      what is late, running, missed or failed
    python -m automation install crontab|systemd     make this machine tick, uninstall undoes it
    python -m automation emit k8s|github-actions     print what makes others tick

Exit status: 0 all is well; 1 something is late, missed, failed or could not be done; 2 a mistake in the command line
or in the schedule. A tick ends with 0 when it did its own work, whatever the jobs say; with --wait also they count.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from automation.schedule import ROOT, Job, Schedule, quick_schedule
from gates.errors import ConfigError, GateError

if TYPE_CHECKING:  # a tick must be light: each command imports what it needs
    from automation.keeper import Detach
    from automation.tick import Automation

SCHEDULE = ROOT / "configs" / "schedule.yaml"
LEDGER = ROOT / "reports" / "out" / "automation" / "slots.sqlite"
#: tick.log is put aside when it is larger than this: a line a minute is 40 MB a year.
LOG_BYTES = 1_000_000


def main(arguments: Sequence[str]) -> int:
    """Answer one command; see the module's docstring for its exit status."""
    asked = _parser().parse_args(arguments)
    try:
        return _answer(asked)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except (GateError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except sqlite3.Error as error:
        print(f"{asked.ledger}: {error}; nothing is lost, the next tick goes on from here", file=sys.stderr)
        return 1


def _answer(asked: argparse.Namespace) -> int:
    schedule_path, ledger_path = asked.schedule.resolve(), asked.ledger.resolve()
    if asked.command == "tick":
        return _tick(schedule_path, ledger_path, asked.job, asked.wait)
    if asked.command == "uninstall":
        return _uninstall(asked.target)
    from automation.schedule_file import load_schedule
    from automation.slots import dst_warnings

    schedule = load_schedule(schedule_path)
    now = asked.now if asked.command != "install" else datetime.now(UTC)
    for warning in dst_warnings(schedule, now):
        print(f"note: {warning}", file=sys.stderr)
    if asked.command == "install":
        return _install(asked.target, schedule_path, ledger_path)
    if asked.command == "emit":
        return _emit(asked.target, schedule, asked.image, now)
    return _show(asked.command, schedule, ledger_path, now)


def _tick(schedule_path: Path, ledger_path: Path, names: list[str], wait: bool) -> int:
    from automation.keeper import Detach
    from automation.ledger import Ledger
    from automation.listener import Listener
    from automation.tick import Automation, tick

    now = datetime.now(UTC).replace(microsecond=0)
    ledger_path.parent.mkdir(parents=True, exist_ok=True)
    reading = quick_schedule(schedule_path, ledger_path.parent)
    schedule = reading.schedule
    if reading.changed:
        from automation.slots import dst_warnings

        for warning in dst_warnings(schedule, now):
            _say(f"note: {warning}")
    jobs = [schedule.job(name) for name in names]
    listener, detach = Listener(ledger_path.parent.parent, schedule), Detach(ledger_path)
    with Ledger(ledger_path) as ledger:
        automation = Automation(schedule=schedule, ledger=ledger, start=detach, told=listener)
        done = tick(automation, now, jobs or None)
        for line in (*(f"started {slot}" for slot in done.started), *done.notes, *done.problems):
            _say(line)
        problems = list(done.problems)
        well = _wait(automation, detach, jobs or schedule.jobs, done.started) if wait else True
    try:
        for line in listener.deliver(now):
            _say(line)
    except (GateError, OSError, ValueError) as error:
        problems.append(f"alerts: {error}")
        _say(problems[-1])
    _put_aside(ledger_path.parent / "tick.log")
    return 0 if well and not problems else 1


def _wait(automation: Automation, detach: Detach, jobs: Sequence[Job], started: Sequence[str]) -> bool:
    """Stay until nothing of these jobs waits or runs, looking at nothing that comes due meanwhile; did all succeed?"""
    from automation.tell import tell
    from automation.tick import Ticked, turns

    names, slots = {job.name for job in jobs}, set(started)
    while True:
        for keeper in detach.keepers:
            keeper.wait()
        mine = [entry.slot for entry in automation.ledger.unsettled() if entry.job in names]
        slots |= set(mine)
        if not mine:
            break
        again = Ticked()
        turns(automation, datetime.now(UTC).replace(microsecond=0), jobs, again)
        for line in (*(f"started {slot}" for slot in again.started), *again.problems):
            _say(line)
        if not again.started:
            time.sleep(1)
    for problem in tell(automation.ledger, automation.told):
        _say(problem)
    ended = [automation.ledger.entry(slot) for slot in sorted(slots)]
    for entry in ended:
        if entry is not None:
            _say(f"{entry.slot}: {entry.state}")
    return all(entry is not None and entry.state == "succeeded" for entry in ended)


def _show(command: str, schedule: Schedule, ledger_path: Path, now: datetime) -> int:
    from automation.status import list_jobs, open_ledger, report

    ledger = open_ledger(ledger_path)
    try:
        if command == "list":
            print("\n".join(list_jobs(schedule, ledger, now)))
            return 0
        found = report(schedule, ledger, now)
        print("\n".join(found.lines))
        return 0 if found.well else 1
    finally:
        if ledger is not None:
            ledger.close()


def _install(target: str, schedule_path: Path, ledger_path: Path) -> int:
    from automation import crontab, systemd

    defaults = (schedule_path, ledger_path) == (SCHEDULE, LEDGER)
    module = crontab if target == "crontab" else systemd
    print(module.install(ROOT, schedule_path, ledger_path, defaults))
    print("python -m automation status tells, after two minutes, whether it ticks")
    return 0


def _uninstall(target: str) -> int:
    from automation import crontab, systemd

    print((crontab if target == "crontab" else systemd).uninstall(ROOT))
    return 0


def _emit(target: str, schedule: Schedule, image: str | None, now: datetime) -> int:
    from automation.emit import github_actions, k8s

    if target == "github-actions":
        print(github_actions(schedule, now), end="")
        return 0
    if image is None:
        print("--image: missing, but a CronJob needs one; add --image=REGISTRY/NAME@sha256:...", file=sys.stderr)
        return 2
    print(k8s(schedule, image, now), end="")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m automation", description="run what is due")
    parser.add_argument("--schedule", type=Path, default=SCHEDULE, help="default: configs/schedule.yaml")
    parser.add_argument("--ledger", type=Path, default=LEDGER, help="default: reports/out/automation/slots.sqlite")
    commands = parser.add_subparsers(dest="command", required=True)
    ticking = commands.add_parser("tick", help="run whatever is due; what cron calls every minute")
    ticking.add_argument("--job", action="append", default=[], help="look at this job alone (may be given repeatedly)")
    ticking.add_argument("--wait", action="store_true", help="stay until these jobs' slots have ended; 1 if one failed")
    for name, help_text in (
        ("list", "the jobs: cron line, next and last run, owner"),
        ("status", "what is late, running, missed or failed; 1 if something is"),
    ):
        commands.add_parser(name, help=help_text).add_argument("--now", type=_moment, default=datetime.now(UTC))
    for name, targets, help_text in (
        ("install", ("crontab", "systemd"), "make this machine tick"),
        ("uninstall", ("crontab", "systemd"), "undo install"),
        ("emit", ("k8s", "github-actions"), "print what makes others tick"),
    ):
        commands.add_parser(name, help=help_text).add_argument("target", choices=targets)
    emitting = commands.choices["emit"]
    emitting.add_argument("--image", help="k8s: the container image, by digest")
    emitting.add_argument("--now", type=_moment, default=datetime.now(UTC))
    return parser


def _moment(written: str) -> datetime:
    try:
        moment = datetime.fromisoformat(written)
        if moment.tzinfo is None:
            raise ValueError
    except ValueError:
        message = f"{written!r}: a moment with its offset is expected, as 2027-03-14T02:15-05:00"
        raise argparse.ArgumentTypeError(message) from None
    return moment.astimezone(UTC)


def _say(line: str) -> None:
    """One line of tick.log."""
    print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}", flush=True)


def _put_aside(log: Path) -> None:
    try:
        if log.stat().st_size > LOG_BYTES:
            os.replace(log, log.with_name("tick.log.1"))
    except FileNotFoundError:
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
