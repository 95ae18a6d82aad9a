"""Does a tick find what no gate run told, and does each alert have its section in the runbook?"""

import importlib.util
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from automation.alerts import due_reviews, find_events, is_fresh, tell
from automation.outbox import tick_alerts
from automation.schedule import Schedule
from automation.supervisor import record_end
from gates.policy import Policy
from gates.verdicts import Decision
from reports.alerts.event import Event
from reports.alerts.log import Alert, emit, read_log
from reports.alerts.rules import RULES, built_in
from reports.attestation.document import attest
from tests.automation.alert_receiver import rollback
from tests.automation.worlds import DUE, MINUTE, Machine, attempt, job
from tests.reports import handmade

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def recorded(policy: Policy, decision: Decision, folder: Path, **changed: Any) -> dict[str, Any]:
    """An attestation on disk, finished at 10:15."""
    whole, _ = handmade.release(policy, decision)
    attestation = json.loads(attest(whole, whole.outcomes[0]).content())
    attestation |= {"bundle": "000001-decision.sigstore.json", **changed}
    folder.mkdir(parents=True)
    (folder / "attestation.json").write_text(json.dumps(attestation), encoding="utf-8")
    return attestation


def kinds(events: list[Event]) -> list[tuple[str, str, bool]]:
    return [(event.kind, event.hero, event.resolved) for event in events]


@pytest.mark.parametrize("place", ["ann", "history/20261201T101500Z-c0ffee/ann"])
def test_a_decision_without_an_alert_is_told_once_wherever_it_lies(policy: Policy, tmp_path: Path, place: str) -> None:
    recorded(policy, Decision.ROLLBACK, tmp_path / place)
    assert kinds(find_events(tmp_path, tmp_path, NOW)) == [("rollback", "ann", False)]
    assert tick_alerts(tmp_path, tmp_path, NOW, {}).told == 1
    assert find_events(tmp_path, tmp_path, NOW) == []
    (alert,) = read_log(tmp_path).alerts
    assert (alert.since, alert.told_at) == ("2026-12-01T10:15:31+00:00", NOW.isoformat())


def test_what_was_not_decided_or_is_long_over_is_no_decision(policy: Policy, tmp_path: Path) -> None:
    recorded(policy, Decision.HOLD, tmp_path / "a", reasons=["run started, not finished"])
    recorded(policy, Decision.PROMOTE, tmp_path / "b")  # not signed
    recorded(policy, Decision.ROLLBACK, tmp_path / "c", finished_at="2026-11-01T10:15:31+00:00")
    recorded(policy, Decision.ROLLBACK, tmp_path / "d", steps="none")
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "attestation.json").write_text('["half', encoding="utf-8")
    assert find_events(tmp_path, tmp_path, NOW) == []
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / "000001-decision.sigstore.json").touch()
    assert kinds(find_events(tmp_path, tmp_path, NOW)) == [("promote", "lexical", False)]


def promoted(run: str, day: int, hero: str = "lexical", **changed: Any) -> Event:
    at = NOW + timedelta(days=day)
    due = (at + timedelta(days=7)).isoformat()
    return rollback(
        kind="promote", hero=hero, check="", run_id=run, since=at.isoformat(), seen_at=at.isoformat(), review_due=due,
        **changed,
    )  # fmt: skip


def told(folder: Path, *events: Event) -> None:
    for event in events:
        emit([event], folder, built_in(), datetime.fromisoformat(event.seen_at))


def at(day: float) -> datetime:
    return NOW + timedelta(days=day)


def test_a_review_is_due_after_seven_days_and_told_once(tmp_path: Path) -> None:
    told(tmp_path, promoted("r1", 0))
    assert due_reviews(read_log(tmp_path), at(6.99)) == []
    (due,) = due_reviews(read_log(tmp_path), at(7))
    assert (due.kind, due.since, due.owner) == ("review_due", at(7).isoformat(), "Search Engineering")
    for day, count in ((7, 1), (7.5, 0), (8, 0)):
        found = [event for event in find_events(tmp_path, tmp_path, at(day)) if event.kind == "review_due"]
        assert len(emit(found, tmp_path, built_in(), at(day))) == count


@pytest.mark.parametrize(
    ("later", "done"),
    [
        (promoted("r2", 8), True),
        (replace(promoted("r2", 8), kind="rollback", check="aece_tau"), True),
        (replace(promoted("r2", 8), kind="hold", check="aece_tau"), False),
        (promoted("r2", 8, hero="ann"), False),
    ],
)
def test_a_later_promotion_or_rollback_takes_the_place_of_the_review(tmp_path: Path, later: Event, done: bool) -> None:
    told(tmp_path, promoted("r1", 0))
    tick_alerts(tmp_path, tmp_path, at(7), {})
    told(tmp_path, later)
    tick_alerts(tmp_path, tmp_path, at(9), {})
    assert ("review_due" not in {alert.kind for alert in read_log(tmp_path).open}) is done


def test_a_notice_ends_when_the_time_to_act_is_over(tmp_path: Path) -> None:
    told(tmp_path, promoted("r1", 0))
    tick_alerts(tmp_path, tmp_path, at(1), {})
    assert [alert.kind for alert in read_log(tmp_path).open] == ["promote"]
    tick_alerts(tmp_path, tmp_path, at(1.5), {})  # after 17:00 in New York
    assert read_log(tmp_path).open == ()


SLOT = "weekly/2027-06-01T02:15 America/New_York"


def cell(verdict: str, check: str = "length", **changed: Any) -> dict[str, Any]:
    """A cell as the file of a job's findings holds it."""
    return {
        "hero": "lens", "step": 0, "check": check, "kind": "job", "verdict": verdict, "required": "not_red",
        "on_red": "alert", "observed": "1.24", "limit": "1.1", "unit": "times as long", "n": 800, **changed,
    }  # fmt: skip


def findings(name: str, *cells: dict[str, Any], broken: tuple[str, ...] = ()) -> dict[str, Any]:
    of_run = {"run_id": "20270601T061500Z-c0ffee", "at": DUE.isoformat(), "family": "weekly"}
    return {"schema": "hero-gate/findings/v1", "job": name, "cells": cells, "broken": broken, **of_run}


class Told:
    """Runs of one job that end as they are told to, and the alerts that come of them."""

    def __init__(self, folder: Path, marker: str | None) -> None:
        self.out, self.marker, self.minutes = folder / "out", marker, 0
        self.machine = Machine(self.out, job("weekly", "* * * * *", marker=marker, owner="sre", command=("true", "1")))
        self.machine.tick(DUE)

    def ended(self, exit_status: int, *found: dict[str, Any], state: str = "", log: str = "") -> list[Alert]:
        """What fires once the run has ended so."""
        now = DUE + self.minutes * MINUTE
        (slot,) = self.machine.lanes
        entry = self.machine.ledger.entry(slot)
        assert entry is not None
        if log:
            (self.out / "automation" / "logs" / "weekly").mkdir(parents=True, exist_ok=True)
            (self.out / "automation" / str(entry.log)).write_text(log)
        if found:
            path = (self.out / "automation" / str(entry.log)).with_suffix(".json")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found))
        one = attempt(
            slot, entry.attempts, marker=self.marker, words=("python", "-m", "pytest", "-m", "drift"), log=entry.log
        )
        record_end(self.machine.ledger, one, state or ("failed" if exit_status else "succeeded"), exit_status, now)
        self.machine.die(slot)
        for number, events in self.machine.ledger.untold():
            tell(events, self.out, self.out, fresh=False)
            tell(events, self.out, self.out, fresh=False)  # as after a crash
            with self.machine.ledger.transaction():
                self.machine.ledger.told(number)
        self.minutes += 1
        self.machine.tick(DUE + self.minutes * MINUTE)
        return sorted(read_log(self.out).open, key=lambda alert: alert.id)


def names(alerts: list[Alert]) -> list[tuple[str, str, str]]:
    return [(alert.severity, alert.kind, alert.check) for alert in alerts]


def test_each_finding_is_an_alert_that_says_all_and_ends_when_it_is_found_no_more(tmp_path: Path) -> None:
    job = Told(tmp_path, "drift")
    red, more = cell("RED", note="see what changed; p .0001"), cell("RED", "spread")
    quiet = cell("INCONCLUSIVE", "mix", observed="", note="not evidenced: 3 answers, but 100 are needed")
    first = job.ended(20, findings("drift", red, more, quiet, cell("GREEN", "other")))
    assert names(first) == [("P3", "drift", "length"), ("P3", "drift", "spread"), ("P3", "not_evidenced", "mix")]
    length, _, mix = first
    assert (length.hero, length.observed, length.limit) == ("lens", "1.24 times as long", "1.1 times as long")
    assert length.title == "DRIFT lens: length 1.24 times as long, limit 1.1"
    assert length.text.splitlines()[:2] == ["see what changed; p .0001", "n 800"]
    assert length.command.startswith("cd /")
    assert length.command.endswith(" && python -m pytest -m drift")
    assert (length.owner, mix.owner) == ("Search Engineering", "sre")
    assert mix.title == "mix of lens is not evidenced: 3 answers, but 100 are needed"
    asked = findings(
        "drift", red, broken=("test_drift[spread]: /x: no index here", "test_drift[mix]: /x: no index here")
    )
    second = job.ended(20, asked)
    assert names(second) == [("P3", "drift", "length"), ("P2", "not_asked", "drift")]
    assert second[0].since == length.since
    assert second[1].title == "drift could not be asked: /x: no index here"
    assert job.ended(0) == []
    job.machine.close()


@pytest.mark.parametrize(
    ("marker", "exit_status", "state", "observed"),
    [
        ("drift", 20, "", "exit status 20"),
        ("drift", -9, "", "killed by signal 9"),
        ("drift", 0, "timed_out", "not finished"),
        (None, 3, "", "exit status 3"),
        ("canary", 3, "", "exit status 3"),
        ("canary", 20, "", ""),  # the run has told it
        ("canary", 10, "", ""),
    ],
)
def test_a_job_that_leaves_no_findings_is_told_by_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marker: str | None, exit_status: int, state: str, observed: str
) -> None:
    monkeypatch.setenv("HERO_GATE_APPRISE_URLS", "json://s3cret@127.0.0.1")
    job = Told(tmp_path, marker)
    found = job.ended(
        exit_status, state=state, log="1\n2\nto json://s3cret@127.0.0.1\nno disk\n\nhero-gate: stopped x\n"
    )
    assert [alert.observed for alert in found] == ([observed] if observed else [])
    for alert in found:
        assert names([alert]) == [("P1", "job_failed", "weekly")]
        assert alert.title == f"weekly: {observed}: no disk"
        assert alert.text.splitlines()[1:] == ["2", "to $HERO_GATE_APPRISE_URLS", "no disk"]
        assert alert.command == f"tail -n 50 {tmp_path}/out/automation/logs/weekly/2027-06-01T0215.1.log"
    assert job.ended(0) == []
    job.machine.close()


def test_a_nights_loss_is_an_alert_of_its_own(tmp_path: Path) -> None:
    job = Told(tmp_path, "performance")
    found = job.ended(20, findings("performance", cell("RED", "ndcg_at_10", unit="", observed="0.034", limit="0.02")))
    assert names(found) == [("P1", "performance", "ndcg_at_10")]
    assert found[0].title == "PERFORMANCE lens: ndcg_at_10 3.40 pt, limit 2.00 pt"
    job.machine.close()


def test_what_cannot_be_evidenced_yet_is_no_news_of_a_fresh_schedule(tmp_path: Path) -> None:
    machine = Machine(tmp_path, job("m", "* * * * *", max_lateness_minutes=10), job("nightly"))
    schedule = Schedule(jobs=tuple(machine.jobs))
    machine.tick(DUE - MINUTE)
    machine.end("m/2027-06-01T02:14 America/New_York", DUE - MINUTE)
    assert is_fresh(schedule, machine.ledger, DUE - MINUTE)
    assert not is_fresh(schedule, machine.ledger, DUE + timedelta(days=8))
    for slot in machine.tick(DUE).started:
        machine.end(slot, DUE)
    assert not is_fresh(schedule, machine.ledger, DUE)
    news = rollback(kind="not_evidenced")
    for fresh, count in ((True, 0), (False, 1)):
        tell([news, rollback(kind="gate_monitor")], tmp_path, tmp_path, fresh)
        assert sum(alert.kind == "not_evidenced" for alert in read_log(tmp_path).alerts) == count
    machine.close()


def test_what_serves_is_named(root: Path, tmp_path: Path) -> None:
    tell([rollback()], tmp_path, root / "configs", fresh=False)
    assert [alert.serves for alert in read_log(tmp_path).alerts] == ["lens"]


# the runbook

COMMAND = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)


def sections(root: Path) -> dict[str, str]:
    text = (root / "docs" / "runbook.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (\S+)\n", text, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def test_every_kind_has_its_section_and_no_section_is_of_no_kind(root: Path) -> None:
    found = sections(root)
    assert set(found) - {""} == set(RULES)
    for kind in RULES:
        assert len(COMMAND.findall(found[kind])) == 3, kind
        assert re.search(r"\*\*Acts:\*\* \w", found[kind]), kind
        assert "*Decide.*" in found[kind], kind
        assert "*Silence:*" in found[kind], kind


def test_each_command_of_the_runbook_exists(root: Path) -> None:
    ini = (root / "pytest.ini").read_text(encoding="utf-8")
    markers = set(re.findall(r"^    (\w+): ", ini, re.MULTILINE))
    commands = [line for section in sections(root).values() for line in COMMAND.findall(section)]
    for line in commands:
        words = line.split()
        if words[:2] == ["python", "-m"]:
            path = root / words[2].replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), line
            assert importlib.util.find_spec(words[2]) is not None, line
            main = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
            assert f'"{words[3]}"' in main.read_text(encoding="utf-8"), line
        elif words[0] == "pytest":
            assert words[2] in markers, line
        else:
            assert words[0] in ("amtool", "git", "tail", "journalctl"), line
        assert all((root / path).exists() for path in re.findall(r"configs/\S+|lens/\S+", line)), line


def test_the_runbook_says_what_the_rules_say(root: Path) -> None:
    rules = yaml.safe_load((root / "configs" / "alerts.yaml").read_text(encoding="utf-8"))["rules"]
    for kind, section in sections(root).items():
        if kind:
            acts = re.search(r"\*\*Acts:\*\* ([^.,]+)", " ".join(section.split()))
            assert acts is not None
            owner = acts[1] in ("the hero's owner", "the job's owner")
            assert rules[kind]["who"] == ("owner" if owner else acts[1]), kind
