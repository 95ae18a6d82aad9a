"""Is an alert ever lost? Telling and delivering are killed by SIGKILL in every moment, then the next tick comes."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import automation.deliver
from automation.outbox import flush, read_state
from reports.alerts.event import Event
from reports.alerts.log import emit, read_log
from reports.alerts.rules import built_in
from tests.automation.alert_receiver import Receiver, delivery, listening, rollback
from tests.forked import ended, in_a_process

#: Between two calls to the system nothing changes that outlives a process; half a line is tried elsewhere.
CALLS = ("open", "write", "fsync", "close", "fstat")


def events(hero: str) -> list[Event]:
    """A decision that takes the place of an earlier one, and a job that failed."""
    return [
        rollback(hero=hero, run_id="20261201T111500Z-beef", exposure="live"),
        rollback(hero="", kind="job_failed", check=hero, config="", run_id="", exposure=""),
    ]


def held(hero: str) -> Event:
    """What was told and delivered earlier."""
    then = "2026-01-01T00:00:00+00:00"
    return rollback(hero=hero, kind="hold", check="aece_tau", exposure="live", since=then, seen_at=then)


def killed_at(moment: int) -> None:
    """Lets this process kill itself at the n-th moment: before or after a call to the system or to the receiver."""
    moments = count(1)

    def pass_by() -> None:
        if next(moments) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            pass_by()
            result = call(*arguments, **named)
            pass_by()
            return result

        return watched

    for name in CALLS:
        setattr(os, name, around(getattr(os, name)))
    automation.deliver.ask = around(automation.deliver.ask)


def received(receiver: Receiver, hero: str) -> list[tuple[str, bool]]:
    """(key, firing) of what came about a hero or its job, in order."""
    now = datetime.now(UTC)
    entries: list[Any] = [entry for body in receiver.bodies("/api/v2/alerts") for entry in body]
    about = [e for e in entries if e["labels"].get("hero") == hero or e["labels"].get("check") == hero]
    return [(e["labels"]["dedup"], datetime.fromisoformat(e["endsAt"]) > now) for e in about]


@pytest.mark.slow
def test_a_killed_job_loses_no_alert(tmp_path: Path) -> None:
    with listening() as receiver:
        chosen = delivery(alertmanager={"url": receiver.url})

        def tell(folder: Path, told: list[Event]) -> None:
            now = datetime.now(UTC)
            emit(told, folder, built_in(), now)
            assert flush(folder, chosen, now).waiting == []

        for moment in count(1):
            folder = tmp_path / f"job_{moment}"
            tell(folder, [held(folder.name)])
            pid = in_a_process(lambda: tell(folder, events(folder.name)), lambda: killed_at(moment))  # noqa: B023
            status = ended(pid)
            for _ in range(2):  # the next tick, and the one after it
                tell(folder, events(folder.name))
                log = read_log(folder)
                assert Counter((alert.kind, alert.firing) for alert in log.alerts) == {
                    ("hold", True): 1, ("hold", False): 1, ("rollback", True): 1, ("job_failed", True): 1,
                }, folder.name  # fmt: skip
            assert log.unreadable == 0
            came = received(receiver, folder.name)
            assert {key for key, _ in came} == {alert.id for alert in log.alerts}
            hold = next(alert.id for alert in log.alerts if alert.kind == "hold")
            assert [firing for key, firing in came if key == hold][-1] is False, "what ended stays ended"
            assert read_state(folder).done["alertmanager"] == {alert.digest for alert in log.alerts}
            if status != -signal.SIGKILL:
                break
    assert status == 0
    assert moment > 20
