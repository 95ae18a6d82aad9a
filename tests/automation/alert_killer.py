"""Which moments of telling and delivering are there? A process of its own that is killed by SIGKILL in each of them.

    python -m tests.automation.alert_killer FOLDER RECEIVER

Forks one child for each moment: before and after each call to the system. Between two of them nothing changes that
outlives a process, and half a line is tried in tests/reports/test_alerts.py. Each child works in a folder of its own,
whose name is also that of its hero.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import automation.deliver
from automation.outbox import flush
from gates.policy import load_policy
from gates.release import Release
from gates.verdicts import Decision
from reports.alerts.decisions import tell_decisions
from reports.alerts.event import Event
from reports.alerts.log import emit
from reports.alerts.rules import built_in
from reports.attestation.document import attest_heroes, write_attestations
from tests.automation.alert_receiver import delivery, rollback
from tests.reports.handmade import release

ROOT = Path(__file__).parents[2]
CALLS = ("open", "write", "fsync", "close", "fstat")
#: Read once, before any child is forked.
POLICY = load_policy(ROOT / "configs" / "policy.yaml")


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


def gate(artifacts: Path, _: str) -> None:
    """A gate run that records a rollback and tells it."""
    whole = judged(artifacts)
    write_attestations(whole, attest_heroes(whole))
    tell_decisions(artifacts, artifacts / "no configs", datetime.now(UTC))


def judged(artifacts: Path) -> Release:
    """A release that is rolled back, a moment ago."""
    whole, _ = release(POLICY, Decision.ROLLBACK)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return replace(whole, artifacts=artifacts, finished_at=at)


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


def killed_at(moment: int, work: Callable[[Path, str], None], artifacts: Path, url: str) -> bool:
    """Was there such a moment? A child does the work until then."""
    child = os.fork()
    if child == 0:
        Moments(moment).watch_calls()
        work(artifacts, url)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise SystemExit(f"{work.__name__} at {moment} ended with {status}")
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def main(folder: Path, url: str) -> None:
    """Print the moments of each work, as JSON."""
    found = {}
    for work in (job, gate):
        moment, killed = 0, True
        while killed:
            moment += 1
            artifacts = folder / f"{work.__name__}_{moment}"
            artifacts.mkdir()
            if work is job:
                before(artifacts, url)
            killed = killed_at(moment, work, artifacts, url)
        found[work.__name__] = moment - 1
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
