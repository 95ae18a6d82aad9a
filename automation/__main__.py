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

from automation.schedule import ROOT, dst_warnings
from automation.schedule_cache import quick_schedule
from gates.errors import ConfigError, GateError

if TYPE_CHECKING:  # a tick must be light: each command imports what it needs
    from automation.supervisor import Supervisors
    from automation.tick import Tick

SCHEDULE = ROOT / "configs" / "schedule.yaml"
LEDGER = ROOT / "reports" / "out" / "automation" / "slots.sqlite"
#: tick.log is put aside when it is larger than this: a line a minute is 40 MB a year.
LOG_BYTES = 1_000_000


def main(arguments: Sequence[str]) -> int:
    """Answer one command; see the module's docstring for its exit status."""
    asked = _parser().parse_args(arguments)
    asked.schedule, asked.ledger = asked.schedule.resolve(), asked.ledger.resolve()
    try:
        return int(asked.answer(asked))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except (GateError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except sqlite3.Error as error:
        print(f"{asked.ledger}: {error}; nothing is lost, the next tick goes on from here", file=sys.stderr)
        return 1


def _tick(asked: argparse.Namespace) -> int:
    from automation.ledger import Ledger
    from automation.notify import AlertListener
    from automation.supervisor import Supervisors
    from automation.tick import Tick

    now, folder = datetime.now(UTC).replace(microsecond=0), asked.ledger.parent
    folder.mkdir(parents=True, exist_ok=True)
    schedule, changed = quick_schedule(asked.schedule, folder)
    for warning in dst_warnings(schedule, now) if changed else ():
        _say(f"note: {warning}")
    only = [schedule.job(name) for name in asked.job] or None
    listener, start = AlertListener(folder.parent, schedule), Supervisors(asked.ledger)
    with Ledger(asked.ledger) as ledger:
        tick = Tick(schedule=schedule, ledger=ledger, start=start, now=now, only=only, listener=listener).run()
        for line in (*(f"started {slot}" for slot in tick.started), *tick.notes, *tick.problems):
            _say(line)
        well = _wait(tick, start) if asked.wait else True
    try:
        for line in listener.deliver(now):
            _say(line)
    except (GateError, OSError, ValueError) as error:
        well = False
        _say(f"alerts: {error}")
    log = folder / "tick.log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        os.replace(log, log.with_name("tick.log.1"))
    return 0 if well and not tick.problems else 1


def _wait(tick: Tick, start: Supervisors) -> bool:
    """Stay until nothing of these jobs waits or runs, looking at nothing that comes due meanwhile; did all succeed?"""
    from dataclasses import replace

    from automation.ledger import UNSETTLED
    from automation.notify import notify
    from automation.tick import turns

    names, slots = {job.name for job in tick.jobs}, set(tick.started)
    while True:
        for process in start.processes:
            process.wait()
        mine = [entry.slot for entry in tick.ledger.entries(UNSETTLED) if entry.job in names]
        slots |= set(mine)
        if not mine:
            break
        again = replace(tick, now=datetime.now(UTC).replace(microsecond=0), started=[], notes=[], problems=[])
        turns(again)
        for line in (*(f"started {slot}" for slot in again.started), *again.problems):
            _say(line)
        if not again.started:
            time.sleep(1)
    for problem in notify(tick.ledger, tick.listener):
        _say(problem)
    ended = [entry for slot in sorted(slots) if (entry := tick.ledger.entry(slot)) is not None]
    for entry in ended:
        _say(f"{entry.slot}: {entry.state}")
    return all(entry.state == "succeeded" for entry in ended)


def _look(asked: argparse.Namespace) -> int:
    """Everything but a tick reads the schedule strictly, and warns."""
    from automation.schedule_file import load_schedule

    schedule = load_schedule(asked.schedule)
    for warning in dst_warnings(schedule, asked.now):
        print(f"note: {warning}", file=sys.stderr)
    if asked.command == "install":
        from automation import crontab, systemd

        defaults = (asked.schedule, asked.ledger) == (SCHEDULE, LEDGER)
        options = () if defaults else ("--schedule", str(asked.schedule), "--ledger", str(asked.ledger))
        module = crontab if asked.target == "crontab" else systemd
        print(module.install(ROOT, (sys.executable, "-m", "automation", *options, "tick"), asked.ledger))
        print("python -m automation status tells, after two minutes, whether it ticks")
        return 0
    if asked.command == "emit":
        from automation.emit import github_actions, k8s

        if asked.target == "github-actions":
            print(github_actions(schedule, asked.now), end="")
            return 0
        if asked.image is None:
            raise ConfigError(["--image: missing, but a CronJob needs one; add --image=REGISTRY/NAME@sha256:..."])
        print(k8s(schedule, asked.image, asked.now), end="")
        return 0
    from automation.ledger import Ledger
    from automation.status import list_jobs, report

    ledger = Ledger(asked.ledger) if asked.ledger.exists() else None  # a look must not make it
    try:
        lines, well = (list_jobs if asked.command == "list" else report)(schedule, ledger, asked.now)
        print("\n".join(lines))
        return 0 if well else 1
    finally:
        if ledger is not None:
            ledger.close()


def _uninstall(asked: argparse.Namespace) -> int:
    from automation import crontab, systemd

    print((crontab if asked.target == "crontab" else systemd).uninstall(ROOT))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m automation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--schedule", type=Path, default=SCHEDULE, help="default: configs/schedule.yaml")
    parser.add_argument("--ledger", type=Path, default=LEDGER, help="default: reports/out/automation/slots.sqlite")
    commands = parser.add_subparsers(dest="command", required=True)
    ticking = commands.add_parser("tick")
    ticking.add_argument("--job", action="append", default=[], help="look at this job alone (may be given repeatedly)")
    ticking.add_argument("--wait", action="store_true", help="stay until these jobs' slots have ended; 1 if one failed")
    ticking.set_defaults(answer=_tick)
    for name, targets, answer in (
        ("list", (), _look),
        ("status", (), _look),
        ("install", ("crontab", "systemd"), _look),
        ("uninstall", ("crontab", "systemd"), _uninstall),
        ("emit", ("k8s", "github-actions"), _look),
    ):
        command = commands.add_parser(name)
        command.set_defaults(answer=answer, now=datetime.now(UTC))
        if targets:
            command.add_argument("target", choices=targets)
        if name in ("list", "status", "emit"):
            command.add_argument("--now", type=_moment, help="as if it were then, e.g. 2027-03-14T01:00-05:00")
    commands.choices["emit"].add_argument("--image", help="k8s: the container image, by digest")
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
