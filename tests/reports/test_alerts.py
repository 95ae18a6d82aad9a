"""Is each thing worth telling told once, with who acts by when, and kept whatever happens to the file?"""

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from evidence.files import append_lines
from gates.archive import put_away
from gates.errors import ConfigError
from gates.names import sentence
from gates.policy import Policy
from gates.release import Release
from gates.verdicts import Decision
from reports.alerts import log as alerts
from reports.alerts.decisions import decision_event, tell_decisions
from reports.alerts.event import Event, module
from reports.alerts.log import LOG, Alert, close, emit, read_log
from reports.alerts.rules import RULES, WITHIN, AlertRules, built_in, load_alert_rules
from reports.attestation.document import attest, attest_heroes, write_attestations
from tests.recorded_release import Checkout
from tests.reports import handmade
from tests.reports.finished_run import UNDRAWN

SHIPPED = built_in()
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)  # a Tuesday


def event(hours: float = 0, **changed: object) -> Event:
    """A hero that was rolled back in replay, seen so many hours after noon."""
    at = (NOON + timedelta(hours=hours)).isoformat()
    values = {
        "kind": "rollback", "hero": "lexical", "config": "7c1e9a04b2d35f88", "check": "aece_tau", "title": "ROLLBACK",
        "since": at, "seen_at": at, "command": "python -m reports.attestation show", "run_id": f"run-{hours}",
        "exposure": "replay", "owner": "Search Engineering", **changed,
    }  # fmt: skip
    return Event(**values)  # type: ignore[arg-type]


def told(folder: Path, *events: Event, rules: AlertRules = SHIPPED) -> list[tuple[str, str]]:
    """(kind, status) of what is appended, told when the last of these events was seen."""
    now = max(datetime.fromisoformat(e.seen_at) for e in events)
    return [(alert.kind, alert.status) for alert in emit(events, folder, rules, now)]


FIRING, RESOLVED = ("rollback", "firing"), ("rollback", "resolved")


def test_an_alert_names_everything_that_somebody_needs_to_act(tmp_path: Path) -> None:
    (alert,) = emit([event(observed="0.04", limit="0.025")], tmp_path, SHIPPED, NOON)
    assert alert == Alert(
        id="rollback/lexical@7c1e9a04/aece_tau/replay", kind="rollback", severity="P2",
        hero="lexical", config="7c1e9a04b2d35f88", check="aece_tau", observed="0.04", limit="0.025",
        since=NOON.isoformat(), seen_at=NOON.isoformat(), told_at=NOON.isoformat(), owner="Search Engineering",
        act_by="2026-12-01T16:00:00+00:00", title="ROLLBACK", text="", command="python -m reports.attestation show",
        runbook="docs/runbook.md#rollback", run_id="run-0", exposure="replay", review_due="",
    )  # fmt: skip
    assert read_log(tmp_path).alerts == (alert,)


def test_what_goes_on_is_told_again_only_to_another_team(tmp_path: Path) -> None:
    due = {"kind": "review_due", "since": NOON.isoformat()}
    assert told(tmp_path, event(0, **due)) == [("review_due", "firing")]
    assert told(tmp_path, event(0, **due)) == [], "the same event again"
    assert told(tmp_path, event(1, **due), event(90, **due)) == []
    assert told(tmp_path, event(91, **due, owner="Ranking")) == [("review_due", "firing")]
    first, again = read_log(tmp_path).alerts
    assert (again.since, again.act_by, again.id) == (first.since, first.act_by, first.id)
    assert again.told_at > first.told_at


def test_what_ends_is_told_once_and_what_begins_anew_at_once(tmp_path: Path) -> None:
    drift = {"kind": "drift"}
    assert told(tmp_path, event(0, **drift, resolved=True)) == [], "nothing was firing"
    assert told(tmp_path, event(1, **drift)) == [("drift", "firing")]
    assert told(tmp_path, event(2, **drift, resolved=True, text="mended")) == [("drift", "resolved")]
    assert told(tmp_path, event(3, **drift, resolved=True)) == []
    assert told(tmp_path, event(1, **drift), event(2, **drift, resolved=True)) == [], "all of it once more"
    assert told(tmp_path, event(3, **drift)) == [("drift", "firing")]


def test_what_becomes_more_urgent_is_told_at_once_with_its_own_deadline(tmp_path: Path) -> None:
    missed = {"kind": "slot_missed", "check": "drift"}
    assert told(tmp_path, event(0, **missed, severity="P2")) == [("slot_missed", "firing")]
    assert told(tmp_path, event(1, **missed, severity="P3")) == []
    assert told(tmp_path, event(1, **missed, severity="P0")) == [("slot_missed", "firing")]
    assert read_log(tmp_path).alerts[-1].act_by == (NOON + timedelta(hours=1)).isoformat()


def test_a_clock_that_was_ahead_silences_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, event(24 * 365, kind="drift")) == [("drift", "firing")]
    assert told(tmp_path, event(0, kind="drift")) == [("drift", "firing")]
    assert told(tmp_path, event(1, kind="drift")) == []
    assert told(tmp_path, event(2, kind="drift", resolved=True)) == [("drift", "resolved")]


def test_a_run_tells_its_decision_once_whichever_check_it_names(tmp_path: Path) -> None:
    assert told(tmp_path, event(0, run_id="r1")) == [FIRING]
    assert told(tmp_path, event(0.1, run_id="r1", check="ndcg_at_10")) == []
    assert told(tmp_path, event(0.2, run_id="r2")) == [], "the same configuration fails the same check again"
    assert told(tmp_path, event(0.3, run_id="r3", config="another")) == [RESOLVED, FIRING], (
        "a changed config is a new hero"
    )


def test_a_later_decision_ends_the_earlier_one_but_no_replay_ends_a_live_alert(tmp_path: Path) -> None:
    assert told(tmp_path, event(0, exposure="live")) == [FIRING]
    assert told(tmp_path, event(1, kind="hold")) == [("hold", "firing")]
    assert told(tmp_path, event(2, kind="promote", check="")) == [("hold", "resolved"), ("promote", "firing")]
    assert told(tmp_path, event(3, kind="promote", check="", hero="ann")) == [("promote", "firing")]
    assert {(a.kind, a.exposure) for a in read_log(tmp_path).open} == {("rollback", "live"), ("promote", "replay")}


def test_a_hold_of_the_same_run_does_not_end_its_rollback(tmp_path: Path) -> None:
    told(tmp_path, event(0, run_id="r1"))
    assert told(tmp_path, event(1, run_id="r1", kind="hold", check="reports")) == [("hold", "firing")]


def test_what_somebody_closed_stays_closed_until_it_begins_anew(tmp_path: Path) -> None:
    due = {"kind": "review_due", "since": NOON.isoformat()}
    told(tmp_path, event(0, **due))
    (alert,) = read_log(tmp_path).open
    ended = close(alert.id, "N. N.: still stands", tmp_path, NOON + timedelta(hours=1))
    assert ended is not None
    assert ended.text == "N. N.: still stands"
    assert close(alert.id, "again", tmp_path, NOON) is None
    assert told(tmp_path, event(48, **due)) == []
    later = (NOON + timedelta(hours=2)).isoformat()
    assert told(tmp_path, event(48, **{**due, "since": later})) == [("review_due", "firing")]


@pytest.mark.parametrize(
    ("severity", "seen", "act_by"),
    [
        ("P0", "2026-12-01T12:00:00+00:00", "2026-12-01T12:00:00+00:00"),
        ("P1", "2026-12-01T12:00:00+00:00", "2026-12-01T13:00:00+00:00"),
        ("P2", "2026-12-01T12:00:00+00:00", "2026-12-01T16:00:00+00:00"),
        ("P3", "2026-12-01T12:00:00+00:00", "2026-12-02T17:00:00-05:00"),
        ("P3", "2026-12-02T03:00:00+00:00", "2026-12-02T17:00:00-05:00"),  # still the evening before, over there
        ("P3", "2026-12-04T12:00:00+00:00", "2026-12-07T17:00:00-05:00"),  # a Friday
        ("P3", "2026-12-24T12:00:00+00:00", "2026-12-28T17:00:00-05:00"),  # a holiday, then a weekend
        ("P3", "2027-03-12T12:00:00+00:00", "2027-03-15T17:00:00-04:00"),  # over a night without 02:30
    ],
)
def test_deadlines(root: Path, severity: str, seen: str, act_by: str) -> None:
    rules = load_alert_rules(root / "configs")
    found = rules.act_by(severity, datetime.fromisoformat(seen))
    assert found.isoformat() == act_by


def test_the_shipped_file_says_what_is_built_in(root: Path) -> None:
    shipped = load_alert_rules(root / "configs")
    assert shipped.model_copy(update={"holidays": (), "rules": {}, "severities": {}}) == built_in()
    assert (shipped.rules, shipped.severities) == (RULES, WITHIN)
    assert date(2026, 12, 25) in shipped.holidays
    text = (root / "configs" / "alerts.yaml").read_text(encoding="utf-8")
    assert all(f"\n  {kind}: {{" in text for kind in RULES)


def mistakes(folder: Path, text: str) -> list[str]:
    (folder / "alerts.yaml").write_text(f"schema: hero-gate/alerts/v1\n{text}", encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_alert_rules(folder)
    return [line.partition("alerts.yaml: ")[2] for line in error.value.mistakes]


def test_every_mistake_of_the_file_is_told_at_once(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        "day_ends: 17\ntimezone: US/Nowhere\nholidays: [soon]\nseverities: {P1: 1 hour, P4: 1 h}\n"
        "rules: {rollbak: {severity: P0, who: owner}, hold: {severity: P9, who: ''},\n"
        "        pool: {severity: P1, who: Owner}}\n",
    )
    assert [line.partition(":")[0] for line in found] == [
        "timezone", "day_ends", "holidays.0", "severities.P1", "severities.P4.[key]", "rules.rollbak.[key]",
        "rules.hold.severity", "rules.hold.who", "rules.pool.who",
    ]  # fmt: skip
    assert "Input should be a valid string" in found[1]
    assert "no kind of alert; there are rollback, hold" in found[5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{alertmanager: {url: 'http://alerts.example.org:9093'}}", "names alerts.example.org, not this machine"),
        ("{alertmanager: {url: 'http://127.0.0.1'}, apprise: {urls_env: CHAT_URLS}}", "and apprise; name one"),
        ("{alertmanager: {url: 'ftp://127.0.0.1'}}", "should be http://HOST:PORT"),
        ("{alertmanager: {url: 'http://me:s3cret@127.0.0.1'}}", "neither a password nor a query"),
        ("{alertmanager: {url: 'http://127.0.0.1/?token=s3cret'}}", "neither a password nor a query"),
        ("{apprise: {urls_env: 'json://s3cret@127.0.0.1'}}", "the name of an environment variable"),
    ],
)  # fmt: skip
def test_a_delivery_that_cannot_be_meant(tmp_path: Path, text: str, said: str) -> None:
    found = mistakes(tmp_path, f"delivery: {text}\n")
    assert any(said in line for line in found), found
    assert "s3cret" not in " ".join(found)


def test_a_receiver_elsewhere_where_that_is_meant(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_text(
        "schema: hero-gate/alerts/v1\ndelivery: {alertmanager: {url: 'https://a.example.org'}, allow_remote: true}\n"
    )
    assert load_alert_rules(tmp_path).delivery.alertmanager is not None


def test_an_alert_of_an_older_checkout_is_read(tmp_path: Path) -> None:
    (alert,) = emit([event(0)], tmp_path, SHIPPED, NOON)
    line = alert.to_json()
    assert not {"job", "serves", "resolved"} & set(json.loads(line)), "what it knew nothing of changes no digest"
    assert Alert.from_json(line) == alert


def test_whatever_stands_at_the_end_of_the_file_the_next_alert_is_kept(tmp_path: Path) -> None:
    """A writer can be killed after any byte."""
    emit([event(0)], tmp_path, SHIPPED, NOON)
    emit([event(1, hero="ann")], tmp_path, SHIPPED, NOON + timedelta(hours=1))
    whole = (tmp_path / LOG).read_bytes()
    first = whole.index(b"\n") + 1
    ends = range(len(whole) - 2, len(whole) + 1)
    for length in (*range(first, first + 3), *range(first + 3, ends[0], 61), *ends):
        (tmp_path / LOG).write_bytes(whole[:length])
        emit([event(1, hero="ann"), event(2, hero="router")], tmp_path, SHIPPED, NOON + timedelta(hours=2))
        log = read_log(tmp_path)
        assert [alert.hero for alert in log.alerts] == ["lexical", "ann", "router"]
        assert log.unreadable == int(first < length < len(whole) - 1)


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "null", "{}", '{"id": "x"}', "\x00\xff", "1e999"],
)
def test_a_line_that_is_no_alert_is_counted_and_hides_no_other(tmp_path: Path, line: str) -> None:
    told(tmp_path, event(0))
    with (tmp_path / LOG).open("a", encoding="utf-8") as log:
        log.write(f"{line}\n")
    told(tmp_path, event(1, hero="ann"))
    found = read_log(tmp_path)
    assert [alert.hero for alert in found.alerts] == ["lexical", "ann"]
    assert found.unreadable == int(bool(line))


@pytest.mark.parametrize(
    "changed",
    [
        {"severity": "P7"},
        {"status": "maybe"},
        {"since": "yesterday"},
        {"act_by": "2026-12-01T12:00:00"},
        {"review_due": "soon"},
        {"review_due": "2026-12-01T12:00:00"},
    ],
)
def test_an_alert_of_nonsense_is_none(tmp_path: Path, changed: dict[str, str]) -> None:
    (alert,) = emit([event(0)], tmp_path, SHIPPED, NOON)
    with pytest.raises(ValueError, match=r".+"):
        Alert.from_json(json.dumps({**json.loads(alert.to_json()), **changed}))


def test_a_disk_that_is_full_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told(tmp_path, event(0))
    before, write = (tmp_path / LOG).read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:50]))
    with pytest.raises(OSError, match="the disk is full"):
        append_lines(tmp_path / LOG, ["x" * 100])
    assert (tmp_path / LOG).read_bytes() == before


# decisions


def decided(policy: Policy, decision: Decision, folder: Path, **changed: object) -> Release:
    """A hero's release with its reasons as `gates.rule.decide` words them."""
    whole, _ = handmade.release(policy, decision)
    (outcome,) = whole.outcomes
    at = {f"{c.check}: {sentence(c)}": f"{c.check} at {c.step} %: {sentence(c)}" for c in outcome.cells if c.step}
    outcome = replace(outcome, reasons=tuple(at.get(reason, reason) for reason in outcome.reasons))
    return replace(whole, artifacts=folder, outcomes=(outcome,), **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("decision", "title", "check", "observed", "limit"),
    [
        (Decision.PROMOTE, "PROMOTE lexical: every gate shown to hold: calibrator p99 (self-reported) 0.010 ms "
         "[-0.001, 0.023] at 100 %, limit 1.000 ms, n 6,400", "", "", ""),
        (Decision.HOLD, "HOLD router: nothing shown broken, not enough shown to hold: SLA-Recall@50 lost 1.0 pt "
         "[-0.1, 2.3] at 25 %, limit 2.0 pt, n 6,400", "sla_recall_at_50_delta", "1.0 pt", "2.0 pt"),
        (Decision.ROLLBACK, "ROLLBACK ann: SLA-Recall@50 loss shown: SLA-Recall@50 lost 1.0 pt [-0.1, 2.3] at 25 %, "
         "broken above 0 pt, n 6,400", "sla_recall_at_50_delta", "1.0 pt", "2.0 pt"),
    ],
)  # fmt: skip
def test_what_is_told_of_a_decision(
    policy: Policy, decision: Decision, title: str, check: str, observed: str, limit: str, tmp_path: Path
) -> None:
    whole = decided(policy, decision, tmp_path)
    found = decision_event(attest(whole, whole.outcomes[0]), Path("reports/out"))
    assert (found.title, found.check, found.observed, found.limit) == (title, check, observed, limit)
    assert found.command == module("reports.attestation", "show", str(Path("reports/out").absolute()))
    assert found.seen_at == whole.finished_at
    assert bool(found.review_due) is (decision is Decision.PROMOTE)


def test_a_decision_without_evidence_is_told_by_its_reason(policy: Policy, tmp_path: Path) -> None:
    whole = decided(policy, Decision.HOLD, tmp_path)
    reasons = ("lock: error, no evidence: EvidenceError", "plan: nothing")
    outcome = replace(whole.outcomes[0], cells=(), reasons=reasons)
    found = decision_event(attest(whole, outcome), tmp_path)
    assert (found.check, found.title) == ("lock", "HOLD router: lock: error, no evidence: EvidenceError")


@pytest.fixture
def out(policy: Policy, tmp_path: Path) -> Path:
    """The results of a run that rolled its hero back, as it lies on disk."""
    return recorded(policy, tmp_path / "out")


def recorded(policy: Policy, folder: Path, **changed: object) -> Path:
    whole = decided(policy, Decision.ROLLBACK, folder, **changed)
    write_attestations(whole, attest_heroes(whole))
    return folder


def test_a_gate_run_tells_each_decision_once(policy: Policy, out: Path) -> None:
    assert tell_decisions(out, out.parent, NOON) == ""
    recorded(policy, out, finished_at="2026-12-01T10:15:40+00:00")  # seen in the climb, and decided at its end
    assert tell_decisions(out, out.parent, NOON) == ""
    (alert,) = read_log(out).alerts
    assert (alert.severity, alert.owner, alert.hero) == ("P2", "Search Engineering", "ann")


def test_a_rollback_in_live_traffic_pages(policy: Policy, tmp_path: Path) -> None:
    tell_decisions(recorded(policy, tmp_path, exposure="live"), tmp_path, NOON)
    (alert,) = read_log(tmp_path).alerts
    assert (alert.severity, alert.act_by) == ("P0", alert.told_at)


def test_a_decision_stands_whatever_becomes_of_its_alert(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "_PATIENCE", 0.1)
    with FileLock(out / ".alerts.lock"):  # a writer that hangs holds up no rollback
        assert "the next tick will tell it" in tell_decisions(out, out.parent, NOON)
    (out / LOG).mkdir()
    trouble = tell_decisions(out, out.parent, NOON)
    assert trouble.endswith("(not a regular file); the next tick will tell it")
    assert "\n" not in trouble
    (out / LOG).rmdir()
    (out.parent / "alerts.yaml").write_text("schema: hero-gate/alerts/v1\nrules: {hold: no}\n")
    assert "told by the rules as shipped, since" in tell_decisions(out, out.parent, NOON)
    assert len(read_log(out).alerts) == 1


def test_a_whole_gate_run_appends_its_decision_where_no_later_run_puts_it_away(whole_checkout: Checkout) -> None:
    assert whole_checkout.gate(*UNDRAWN, hero="worse").ret == 20
    put_away(whole_checkout.out, keep=0)
    told = [(alert.kind, alert.hero, alert.severity) for alert in read_log(whole_checkout.out).alerts]
    assert told == [("rollback", "worse", "P2")]
