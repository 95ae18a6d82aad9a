"""What is due, what ran, and how is it made to run?

    python -m automation tick                        run whatever is due (what cron calls every minute)
    python -m automation list                        the jobs: cron line, next and last run, owner
    python -m automation status                      what is late, running, missed or failed
    python -m automation dashboard                   write state/dashboard.html beside the schedule, as each tick does
    python -m automation install crontab             make this machine tick, uninstall undoes it
    python -m automation emit systemd|k8s|...        print what makes others tick

Exit status: 0 all is well; 1 something is late, missed, failed or could not be done; 2 a mistake in the command line
or in the schedule. A tick ends with 0 when it did its own work, whatever the jobs say; with --wait also they count.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gates.archive import folder, mark, state_of
from gates.errors import ConfigError, GateError
from gates.place import HERE

if TYPE_CHECKING:  # a tick must be light: each command imports what it needs
    from automation.supervisor import Supervisors
    from automation.tick import Tick
    from reports.alerts.event import Event
    from reports.model.dashboard import Standing

SCHEDULE = HERE.home / "configs" / "schedule.yaml"
ARTIFACTS = HERE.home / "reports" / "out"
LEDGER = state_of(SCHEDULE.parent) / "automation" / "slots.sqlite"
#: Names a URL that each completed tick asks for: a service that misses it tells that nothing ticks.
PING = "HERO_GATE_PING_URL"
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
        from automation.ledger import trouble

        print(trouble(asked.ledger, error), file=sys.stderr)
        return 1


def _tick(asked: argparse.Namespace) -> int:
    from automation.deliver import ask
    from automation.ledger import Ledger
    from automation.outbox import EVERY_MINUTES, tick_alerts
    from automation.schedule_file import load_schedule
    from automation.supervisor import Supervisors
    from automation.tick import Tick

    now, artifacts, configs = datetime.now(UTC).replace(microsecond=0), _artifacts(asked), asked.schedule.parent
    if asked.ledger == LEDGER:
        mark(LEDGER.parents[1])
    asked.ledger.parent.mkdir(parents=True, exist_ok=True)
    schedule = load_schedule(asked.schedule)
    without = [schedule.job(name) for name in asked.without]
    schedule = replace(schedule, jobs=tuple(job for job in schedule.jobs if job not in without))
    start = Supervisors(asked.ledger)
    with Ledger(asked.ledger) as ledger:

        def listener(events: Sequence[Event]) -> None:
            from automation.alerts import is_fresh, tell

            tell(events, artifacts, configs, is_fresh(schedule, ledger, now))

        tick = Tick(schedule=schedule, ledger=ledger, start=start, now=now, listener=listener).run()
        for line in (*(f"started {slot}" for slot in tick.started), *tick.notes, *tick.problems):
            _say(line)
        well = _wait(tick, start) if asked.wait else True
    try:
        flushed = tick_alerts(artifacts, configs, now, look=now.minute % EVERY_MINUTES == 0)
        for line in flushed.words if flushed.told or flushed.delivered or flushed.waiting else ():
            _say(line)
    except (GateError, OSError, ValueError) as error:
        well = False
        _say(f"alerts: {error}")
    log = asked.ledger.with_name("tick.log")
    if log.exists() and log.stat().st_size > LOG_BYTES:
        os.replace(log, log.with_name("tick.log.1"))
    _show(asked)
    if not tick.problems and (url := os.environ.get(PING)) and (why := ask(url, None).why):
        _say(f"{PING}: {why}")
    return 0 if well and not tick.problems else 1


def _artifacts(asked: argparse.Namespace) -> Path:
    """The alerts of a ledger elsewhere lie two above it."""
    return ARTIFACTS if asked.ledger == LEDGER else asked.ledger.parents[1]


def _show(asked: argparse.Namespace) -> None:
    """Have the dashboard written behind everything else: what reads the chain and the history is no light tick."""
    if not (asked.schedule.parent / "policy.yaml").exists():
        return  # a schedule alone: nothing serves there
    places = ("--schedule", str(asked.schedule), "--ledger", str(asked.ledger))
    words = HERE.argv("python", "-m", "automation", *places, "dashboard", "--by=tick")
    try:
        writing = subprocess.Popen(("nice", *words), cwd=HERE.home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        if asked.wait:
            writing.wait()
        else:
            writing.returncode = 0  # nobody waits for it
    except OSError as error:
        _say(f"dashboard: {error}")


def _dashboard(asked: argparse.Namespace) -> int:
    """Leave what only the schedule knows where the page finds it, write the page, print where it lies."""
    from reports.dashboard.writing import PAGE, looked_at, write_dashboard

    configs, artifacts = asked.configs or asked.schedule.parent, asked.artifacts or _artifacts(asked)
    state = state_of(configs)
    try:
        if asked.schedule.parent == configs.resolve():
            _standing(asked, artifacts).write(mark(state))
    except (GateError, OSError, sqlite3.Error) as error:
        print(f"dashboard: jobs as of the last tick ({error})", file=sys.stderr)
    trouble = write_dashboard(looked_at(configs, artifacts), asked.by)
    print(trouble or state / PAGE, file=sys.stderr if trouble else sys.stdout)
    return int(bool(trouble))


def _standing(asked: argparse.Namespace, artifacts: Path) -> Standing:
    from automation.ledger import Ledger
    from automation.outbox import read_state, undelivered
    from automation.schedule_file import load_schedule
    from automation.status import standing
    from reports.alerts.log import read_log

    with Ledger(asked.ledger) if asked.ledger.exists() else nullcontext() as ledger:  # a look must not make it
        untold = undelivered(read_log(artifacts), read_state(artifacts))
        return standing(load_schedule(asked.schedule), ledger, datetime.now(UTC), tuple(untold))


def _wait(tick: Tick, start: Supervisors) -> bool:
    """Stay until what was started has ended, and what waited for that as well; did all succeed?"""
    from automation.tick import notify, turns

    slots = list[str]()
    while tick.started:
        for process in start.processes:
            process.wait()
        slots += tick.started
        tick = replace(tick, now=datetime.now(UTC).replace(microsecond=0), started=[], notes=[], problems=[])
        turns(tick)
        for line in (*(f"started {slot}" for slot in tick.started), *tick.problems):
            _say(line)
    for problem in notify(tick.ledger, tick.listener):
        _say(problem)
    states = {slot: entry.state for slot in slots if (entry := tick.ledger.entry(slot)) is not None}
    for slot, state in states.items():
        _say(f"{slot}: {state}")
    return set(states.values()) <= {"succeeded"}


def _look(asked: argparse.Namespace) -> int:
    """Everything but a tick looks at the schedule alone."""
    from automation.schedule_file import load_schedule

    schedule = load_schedule(asked.schedule)
    if asked.target in ("crontab", "systemd"):
        return _install(asked)
    if asked.command == "emit":
        from automation.emit import github_actions, k8s

        if asked.target == "github-actions":
            print(github_actions(schedule), end="")
            return 0
        if asked.image is None:
            raise ConfigError(["--image: missing, but a CronJob needs one; add --image=REGISTRY/NAME@sha256:..."])
        print(k8s(schedule, asked.image), end="")
        return 0
    from automation.ledger import Ledger
    from automation.status import list_jobs, report

    with Ledger(asked.ledger) if asked.ledger.exists() else nullcontext() as ledger:  # a look must not make it
        lines, well = (list_jobs if asked.command == "list" else report)(schedule, ledger, asked.now)
    print("\n".join(lines))
    return 0 if well else 1


def _install(asked: argparse.Namespace) -> int:
    """Have cron run the line that ticks, or print what has systemd run it; what jobs need is kept beside it."""
    from automation import crontab
    from automation.emit import systemd

    defaults = (asked.schedule, asked.ledger) == (SCHEDULE, LEDGER)
    options = () if defaults else ("--schedule", str(asked.schedule), "--ledger", str(asked.ledger))
    words = HERE.argv("python", "-m", "automation", *options, "tick")
    variables, kept = crontab.needed(asked.schedule.parent, os.environ), crontab.kept_by(asked.schedule)
    line = crontab.line(HERE.home, words, asked.ledger, kept)
    print((crontab.install if asked.target == "crontab" else systemd)(HERE.home, line))
    crontab.keep(kept, variables)
    print(f"# {kept} keeps for the jobs: {', '.join(variables)}; say this again where one of them changes")
    print(f"# {HERE.typed('python -m automation status')} tells, after two minutes, whether it ticks")
    return 0


def _uninstall(asked: argparse.Namespace) -> int:
    from automation import crontab

    print(crontab.uninstall(HERE.home))
    crontab.kept_by(asked.schedule).unlink(missing_ok=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=HERE.typed("python -m automation"),
        description=HERE.typed(__doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--schedule", type=Path, default=SCHEDULE, help="default: configs/schedule.yaml")
    parser.add_argument("--ledger", type=Path, default=LEDGER, help="default: configs/state/automation/slots.sqlite")
    commands = parser.add_subparsers(dest="command", required=True)
    ticking = commands.add_parser("tick")
    leave = "a job that another timer runs, or none (may be given repeatedly)"
    ticking.add_argument("--without", action="append", default=[], metavar="JOB", help=leave)
    ticking.add_argument("--wait", action="store_true", help="stay until what was started has ended; 1 if one failed")
    ticking.set_defaults(answer=_tick)
    for name, targets, answer in (
        ("list", (), _look),
        ("status", (), _look),
        ("dashboard", (), _dashboard),
        ("install", ("crontab",), _look),
        ("uninstall", ("crontab",), _uninstall),
        ("emit", ("systemd", "k8s", "github-actions"), _look),
    ):
        command = commands.add_parser(name)
        command.set_defaults(answer=answer, now=datetime.now(UTC), target="")
        if targets:
            command.add_argument("target", choices=targets)
        if name in ("list", "status"):
            command.add_argument("--now", type=_moment, help="as if it were then, e.g. 2027-03-14T01:00-05:00")
    showing = commands.choices["dashboard"]
    showing.add_argument("--configs", type=Path, help="default: where the schedule lies")
    showing.add_argument("--artifacts", type=folder, help="default: reports/out")
    showing.add_argument("--by", default="hand", help=argparse.SUPPRESS)
    commands.choices["emit"].add_argument("--image", help="k8s: the container image, by digest")
    return parser


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written).astimezone(UTC)


def _say(line: str) -> None:
    """One line of tick.log; a full disk keeps it from the log, not the tick from its work."""
    with suppress(OSError):
        print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
