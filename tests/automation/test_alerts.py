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

from automation import events as jobs
from automation.alerts import due_reviews, find_events, from_schedule, owner_of
from automation.notify import AlertListener
from automation.outbox import tick_alerts
from automation.schedule import Schedule
from gates.policy import Policy
from gates.verdicts import Decision
from reports.alerts.log import Event, emit, read_log
from reports.alerts.rules import KINDS, built_in
from reports.attestation.document import attest
from tests.automation.alert_receiver import rollback
from tests.automation.worlds import job
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


def test_who_owns_a_hero(root: Path, tmp_path: Path) -> None:
    assert owner_of("lexical", root / "configs") == "Search Engineering"
    assert owner_of("a", tmp_path) == ""
    (tmp_path / "policy.yaml").write_text("heroes: {a: nowhere.yaml}")
    assert owner_of("a", tmp_path) == "", "an alert is told all the same, to no_owner"


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


def test_a_review_is_due_after_seven_days_and_told_again_each_day(tmp_path: Path) -> None:
    told(tmp_path, promoted("r1", 0))
    assert due_reviews(read_log(tmp_path), at(6.99)) == []
    (due,) = due_reviews(read_log(tmp_path), at(7))
    assert (due.kind, due.since, due.owner) == ("review_due", at(7).isoformat(), "Search Engineering")
    for day, count in ((7, 1), (7.5, 0), (8, 1)):
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


def of(**changed: Any) -> dict[str, Any]:
    slot = "weekly_drift/2026-11-29T03:00 America/New_York"
    return {"id": "e1", "at": NOW.isoformat(), "job": "weekly_drift", "owner": "sre", "slot": slot} | changed


FAILED = {"attempt": 1, "seconds": 3.0, "log": "logs/weekly_drift/1.log"}


@pytest.mark.parametrize(
    ("event", "marker", "wanted"),
    [
        (jobs.JobFailed(**of(exit_status=20, **FAILED)), "drift", [("drift", False)]),
        (jobs.JobFailed(**of(exit_status=1, **FAILED)), "drift", [("job_failed", False)]),
        (jobs.JobFailed(**of(exit_status=20, **FAILED)), "whiskers", [("job_failed", False)]),
        (jobs.JobFailed(**of(exit_status=10, **FAILED)), "drift", [("job_failed", False)]),
        (jobs.JobFailed(**of(exit_status=-9, **FAILED)), "drift", [("job_failed", False)]),
        (jobs.JobFailed(**of(exit_status=20, **FAILED)), None, [("job_failed", False)]),
        (jobs.JobFailed(**of(exit_status=20, **FAILED)), "canary", []),
        (jobs.JobFailed(**of(exit_status=1, **FAILED)), "canary", [("job_failed", False)]),
        (jobs.JobFailed(**of(exit_status=3, **FAILED)), "canary", [("job_failed", False)]),
        (jobs.JobTimedOut(**of(attempt=1, minutes=5.0, log="l")), "drift", [("job_failed", False)]),
        (jobs.JobLost(**of(attempt=1, log="l")), "drift", [("job_lost", False)]),
        (jobs.JobRecovered(**of(before="failed")), "drift",
         [("job_failed", True), ("job_lost", True), ("slot_missed", True), ("drift", True)]),
        (jobs.SlotMissed(id="m", at=NOW.isoformat(), job="weekly_drift", owner="sre", severity="P2", count=3,
                         first="a", last="c", reason="no tick came in time"), "drift", [("slot_missed", False)]),
        (jobs.HeartbeatLate(id="h", at=NOW.isoformat(), last="2026-12-01T11:00:00+00:00", minutes=60.0), None,
         [("heartbeat_late", False)]),
        (jobs.ClockSteppedBack(id="c", at=NOW.isoformat(), last="2026-12-01T13:00:00+00:00", reopened=2), None,
         [("heartbeat_late", False)]),
    ],
)  # fmt: skip
def test_what_an_event_of_the_schedule_means(
    event: jobs.ScheduleEvent, marker: str | None, wanted: list[tuple[str, bool]]
) -> None:
    assert [(e.kind, e.resolved) for e in from_schedule(event, {"weekly_drift": marker})] == wanted


def test_the_schedules_events_are_told_until_the_job_succeeds(tmp_path: Path) -> None:
    hear = AlertListener(tmp_path / "out", Schedule(jobs=(job("weekly_drift", marker="drift"),)), tmp_path)
    failed = jobs.JobFailed(**of(exit_status=20, **FAILED))
    missed = jobs.SlotMissed(
        id="m", at=NOW.isoformat(), job="weekly_drift", owner="sre", severity="P2", count=3, first="a", last="c",
        reason="no tick came in time",
    )  # fmt: skip
    hear([failed, missed])
    hear([failed, missed])  # as after a crash
    found = {(a.kind, a.severity, a.owner, a.id) for a in read_log(tmp_path / "out").alerts}
    assert found == {
        ("drift", "P3", "Search Engineering", "drift/weekly_drift"),
        ("slot_missed", "P2", "sre", "slot_missed/weekly_drift"),
    }
    assert len(read_log(tmp_path / "out").alerts) == 2
    hear([jobs.JobRecovered(**of(id="r", at=(NOW + timedelta(minutes=5)).isoformat(), before="failed"))])
    assert read_log(tmp_path / "out").open == ()


# the runbook

COMMAND = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)


def sections(root: Path) -> dict[str, str]:
    text = (root / "docs" / "runbook.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (\S+)\n", text, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def test_every_kind_has_its_section_and_no_section_is_of_no_kind(root: Path) -> None:
    found = sections(root)
    assert set(found) - {""} == set(KINDS)
    for kind in KINDS:
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
