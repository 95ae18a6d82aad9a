"""Does a real Alertmanager take our alerts, route them by severity, fold repeats, inhibit and resolve?"""

import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from automation.outbox import STATE, flush
from reports.alerts.log import Event, emit, read_log
from reports.alerts.rules import Rule, built_in
from tests.automation.alert_receiver import Receiver, delivery, lines, listening, rollback
from tests.automation.worlds import wait_for

SERVER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
AMTOOL = shutil.which("amtool")
pytestmark = pytest.mark.skipif(
    SERVER is None or AMTOOL is None,
    reason="not evidenced: no Alertmanager on this machine (Debian: apt-get install prometheus-alertmanager)",
)


@dataclass
class Running:
    """An Alertmanager with the shipped routes, whose receivers are ours."""

    url: str
    config: Path
    receiver: Receiver

    def amtool(self, *arguments: str) -> str:
        command = [str(AMTOOL), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout

    def alerts(self, *arguments: str) -> list[Any]:
        """What is firing there, and told to somebody."""
        out = self.amtool("--alertmanager.url", self.url, "alert", "query", "--output=json", *arguments)
        return list(json.loads(out))

    def told(self, path: str, status: str = "firing") -> list[Any]:
        """The alerts that came to a receiver in this state."""
        return [a for body in self.receiver.bodies(path) for a in body["alerts"] if a["status"] == status]

    def waits_for(self, seen: Callable[[], object]) -> None:
        """Alertmanager tells in its own time."""
        assert wait_for(seen), self.receiver.got


@pytest.fixture
def alertmanager(root: Path, tmp_path: Path) -> Iterator[Running]:
    with listening() as receiver, socket.socket() as free, (tmp_path / "log").open("w") as log:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        free.close()
        config = tmp_path / "alertmanager.yml"
        config.write_text(yaml.safe_dump(_with_receiver(root, receiver.url)), encoding="utf-8")
        process = subprocess.Popen(
            [str(SERVER), f"--config.file={config}", f"--storage.path={tmp_path / 'data'}",
             f"--web.listen-address={address}", "--cluster.listen-address="],
            stdout=subprocess.DEVNULL, stderr=log,
        )  # fmt: skip
        running = Running(url=f"http://{address}", config=config, receiver=receiver)
        try:
            if not wait_for(lambda: listens(address) or process.poll() is not None) or process.poll() is not None:
                pytest.fail(f"Alertmanager does not listen: {(tmp_path / 'log').read_text()[-500:]}")
            yield running
        finally:
            process.terminate()
            process.wait(timeout=10)


def listens(address: str) -> bool:
    """Does a server answer there?"""
    with socket.socket() as asking:
        return asking.connect_ex((address.split(":")[0], int(address.split(":")[1]))) == 0


def _with_receiver(root: Path, url: str) -> Any:
    """The shipped example, with our receiver in place of its own and no patience."""
    text = (root / "configs" / "alertmanager.yml").read_text(encoding="utf-8")
    config = yaml.safe_load(text.replace("http://127.0.0.1:9095", url))
    for route in (config["route"], *config["route"]["routes"]):
        route["group_wait"], route["group_interval"] = "50ms", "100ms"
    return config


def say(artifacts: Path, running: Running, *events: Event) -> None:
    """Tell and deliver, as a tick does."""
    now = datetime.now(UTC)
    emit(events, artifacts, built_in(), now)
    flushed = flush(artifacts, delivery(alertmanager={"url": running.url}), now)
    assert (flushed.waiting, flushed.trouble) == ([], [])


def test_the_shipped_routes(root: Path) -> None:
    config = str(root / "configs" / "alertmanager.yml")
    assert AMTOOL is not None
    checked = subprocess.run([AMTOOL, "check-config", config], check=True, capture_output=True, text=True, timeout=10)
    assert "SUCCESS" in checked.stdout
    for severity, wanted in {"P0": "page,chat", "P1": "chat", "P2": "ticket", "P3": "digest"}.items():
        arguments = ("config", "routes", "test", f"--config.file={config}", f"severity={severity}", "hero=lexical")
        found = subprocess.run([AMTOOL, *arguments], check=True, capture_output=True, text=True, timeout=10)
        assert found.stdout.strip() == wanted


def test_an_alert_is_routed_folded_and_resolved(alertmanager: Running, tmp_path: Path) -> None:
    out = tmp_path / "out"
    say(out, alertmanager, rollback())
    alertmanager.waits_for(lambda: alertmanager.told("/ticket"))
    (told,) = alertmanager.told("/ticket")
    assert told["labels"] == {
        "alertname": "rollback", "severity": "P2", "hero": "lexical", "check": "sla_recall_at_50_delta",
        "exposure": "replay", "owner": "Search Engineering",
        "dedup": "rollback/lexical@7c1e9a04/sla_recall_at_50_delta/replay",
    }  # fmt: skip
    assert told["annotations"].keys() >= {"title", "observed", "limit", "act_by", "command", "runbook", "run_id"}
    assert told["annotations"]["runbook"] == "docs/runbook.md#rollback"

    say(out, alertmanager, rollback())  # nothing new
    (out / STATE).unlink()  # as after a crash between sending and noting: all is sent once more
    say(out, alertmanager)
    (firing,) = alertmanager.alerts()
    assert firing["labels"]["dedup"] == read_log(out).alerts[0].id
    assert datetime.fromisoformat(firing["endsAt"]) > datetime.now(UTC).replace(microsecond=0)

    say(out, alertmanager, rollback(resolved=True, seen_at=datetime.now(UTC).isoformat(), text="mended"))
    alertmanager.waits_for(lambda: alertmanager.told("/ticket", "resolved"))
    assert alertmanager.alerts() == []
    assert len(alertmanager.told("/ticket")) == 1, "the repeat was folded"
    assert {path for path, _ in alertmanager.receiver.got} == {"/ticket"}


def test_severities_part_and_a_page_silences_the_rest_about_its_hero(alertmanager: Running, tmp_path: Path) -> None:
    live = rollback(exposure="live")
    drifting = rollback(kind="drift", check="aece", exposure="live", title="drift of lexical")
    elsewhere = rollback(kind="drift", check="aece", hero="ann", exposure="live", title="drift of ann")
    say(tmp_path / "out", alertmanager, live)
    alertmanager.waits_for(lambda: alertmanager.told("/page"))
    say(tmp_path / "out", alertmanager, drifting, elsewhere)
    alertmanager.waits_for(lambda: alertmanager.told("/ticket"))
    alertmanager.waits_for(lambda: alertmanager.told("/chat"))
    assert [a["labels"]["severity"] for a in alertmanager.told("/page")] == ["P0"]
    assert {a["labels"]["hero"] for a in alertmanager.told("/ticket")} == {"ann"}, "lexical's is inhibited"


def test_what_is_silenced_is_kept_and_not_told(alertmanager: Running, tmp_path: Path) -> None:
    silence = ("silence", "add", "alertname=rollback", "hero=lexical", "--duration=1h", "--comment=known, T-1")
    alertmanager.amtool("--alertmanager.url", alertmanager.url, *silence)  # as docs/runbook.md says
    say(tmp_path / "out", alertmanager, rollback(), rollback(hero="ann"))
    alertmanager.waits_for(lambda: alertmanager.told("/ticket"))
    assert {a["labels"]["hero"] for a in alertmanager.told("/ticket")} == {"ann"}
    assert {a["hero"] for a in lines(tmp_path / "out" / "alerts.jsonl")} == {"lexical", "ann"}


@pytest.mark.parametrize(
    ("rule", "label"), [(built_in().rule("emergency"), "severity"), (built_in().rule("health"), "owner")]
)
def test_a_label_that_changed_leaves_no_alert_behind(
    alertmanager: Running, tmp_path: Path, rule: Rule, label: str
) -> None:
    out, now = tmp_path / "out", datetime.now(UTC)
    severity = "P2" if label == "owner" else ""
    say(out, alertmanager, rollback(severity=severity))
    before = alertmanager.alerts()[0]["labels"][label]
    other = built_in().model_copy(update={"rules": {"rollback": rule}})
    again = rollback(seen_at=now.isoformat(), severity=severity, run_id="20261201T111500Z-beef")
    emit([again], out, other, now)
    say(out, alertmanager)
    (found,) = alertmanager.alerts()
    assert found["labels"][label] not in ("", before)
    assert alertmanager.alerts("--inhibited") == [], "the alert of the old label has ended"


def test_what_still_fires_outlives_an_alertmanager_that_forgot(alertmanager: Running, tmp_path: Path) -> None:
    """It keeps alerts in memory only; the tick says again what is firing."""
    out = tmp_path / "out"
    now = datetime.now(UTC)
    emit([rollback()], out, built_in(), now)
    with listening() as earlier:  # the one before the restart
        earlier.always = (200, {}, "")
        assert flush(out, delivery(alertmanager={"url": earlier.url}), now).delivered == 1
    assert alertmanager.alerts() == []
    assert flush(out, delivery(alertmanager={"url": alertmanager.url}), now).delivered == 0
    assert len(alertmanager.alerts()) == 1
