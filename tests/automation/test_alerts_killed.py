"""Is an alert ever lost? Telling and delivering are killed by SIGKILL in every moment, then the next tick comes."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from automation.outbox import flush, read_state
from reports.alerts.log import emit, read_log
from reports.alerts.rules import built_in
from tests.automation.alert_killer import events
from tests.automation.alert_receiver import Receiver, delivery, listening

pytestmark = pytest.mark.slow


class Killed(NamedTuple):
    """What the killed processes left behind."""

    folders: list[Path]
    receiver: Receiver


@pytest.fixture(scope="module")
def killed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    folder = tmp_path_factory.mktemp("killed")
    with listening() as receiver:
        command = [sys.executable, "-m", "tests.automation.alert_killer", str(folder), receiver.url]
        run = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=1200, check=False)
        assert run.returncode == 0, run.stderr
        yield Killed(sorted(folder.iterdir()), receiver)


def received(receiver: Receiver, hero: str) -> list[tuple[str, bool]]:
    """(key, firing) of what came about a hero or its job, in order."""
    now = datetime.now(UTC)
    entries: list[Any] = [entry for body in receiver.bodies("/api/v2/alerts") for entry in body]
    about = [e for e in entries if e["labels"].get("hero") == hero or e["labels"].get("check") == hero]
    return [(e["labels"]["dedup"], datetime.fromisoformat(e["endsAt"]) > now) for e in about]


def test_a_killed_job_loses_no_alert(killed: Killed) -> None:
    assert len(killed.folders) > 20
    for folder in killed.folders:
        chosen = delivery(alertmanager={"url": killed.receiver.url})
        for _ in range(2):  # the next tick, and the one after it
            now = datetime.now(UTC)
            emit(events(folder.name), folder, built_in(), now)
            assert flush(folder, chosen, now).waiting == ()
            log = read_log(folder)
            assert Counter((alert.kind, alert.firing) for alert in log.alerts) == {
                ("hold", True): 1, ("hold", False): 1, ("rollback", True): 1, ("job_failed", True): 1,
            }, folder.name  # fmt: skip
        assert log.unreadable == 0
        came = received(killed.receiver, folder.name)
        assert {key for key, _ in came} == {alert.id for alert in log.alerts}
        hold = next(alert.id for alert in log.alerts if alert.kind == "hold")
        assert [firing for key, firing in came if key == hold][-1] is False, "what ended stays ended"
        assert read_state(folder).done["alertmanager"] == {alert.digest for alert in log.alerts}
