"""Which moments of telling and delivering are there? A process of its own that is killed by SIGKILL in each of them.

    python -m tests.automation.alert_killer FOLDER RECEIVER

Forks one child for each moment: before and after each call to the system. Between two of them nothing changes that
outlives a process, and half a line is tried in tests/reports/test_alerts.py. Each child works in a folder of its own,
whose name is also that of its hero.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import automation.deliver
from automation.outbox import flush
from reports.alerts.event import Event
from reports.alerts.log import emit
from reports.alerts.rules import built_in
from tests.automation.alert_receiver import delivery, rollback

CALLS = ("open", "write", "fsync", "close", "fstat")


def events(hero: str) -> list[Event]:
    """A decision that takes the place of an earlier one, and a job that failed."""
    return [
        rollback(hero=hero, run_id="20261201T111500Z-beef", exposure="live"),
        rollback(hero="", kind="job_failed", check=hero, config="", run_id="", exposure=""),
    ]


def before(artifacts: Path, url: str) -> None:
    """What was told and delivered earlier: the hero was held."""
    earlier = rollback(
        hero=artifacts.name, kind="hold", check="aece_tau", exposure="live",
        since="2026-01-01T00:00:00+00:00", seen_at="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    emit([earlier], artifacts, built_in(), datetime.now(UTC))
    flush(artifacts, delivery(alertmanager={"url": url}), datetime.now(UTC))


def job(artifacts: Path, url: str) -> None:
    """Tell and deliver."""
    now = datetime.now(UTC)
    emit(events(artifacts.name), artifacts, built_in(), now)
    flush(artifacts, delivery(alertmanager={"url": url}), now)


class Moments:
    """Counts moments, and kills this process in one of them."""

    def __init__(self, at: int) -> None:
        self._at, self._count = at, 0

    def pass_by(self) -> None:
        self._count += 1
        if self._count == self._at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch_calls(self) -> None:
        """Before and after each call to the system."""
        for name in CALLS:
            setattr(os, name, self._around(getattr(os, name)))
        automation.deliver.ask = self._around(automation.deliver.ask)

    def _around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            self.pass_by()
            result = call(*arguments, **named)
            self.pass_by()
            return result

        return watched


def main(folder: Path, url: str) -> None:
    """Work in a child until each moment there is."""
    for moment in itertools.count(1):
        artifacts = folder / f"job_{moment}"
        artifacts.mkdir()
        before(artifacts, url)
        child = os.fork()
        if child == 0:
            Moments(moment).watch_calls()
            job(artifacts, url)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != -signal.SIGKILL:
            sys.exit(status)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
