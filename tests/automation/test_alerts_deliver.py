"""Does each receiver get what it should, once, whatever it answers, and never a secret where it does not belong?"""

import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from automation.deliver import body
from automation.outbox import STATE, Flushed, flush, main, tick_alerts
from reports.alerts.log import LOG, Event, emit, read_log
from reports.alerts.rules import Delivery, built_in
from tests.automation.alert_receiver import Receiver, delivery, lines, listening, rollback

SECRET = "r0ut1ngk3y5ecret5ecret5ecret5ecr"
# Apprise loads a plugin that looks for a module which Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
NOW = datetime.now(UTC).replace(microsecond=0)
OVER = NOW.isoformat()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


def told(artifacts: Path, *events: Event) -> None:
    assert len(emit(events, artifacts, built_in(), NOW)) == len(events)


def pager(receiver: Receiver) -> Delivery:
    return delivery(pagerduty={"routing_key_env": "PAGER_KEY", "url": f"{receiver.url}/v2/enqueue"})


def page(artifacts: Path, receiver: Receiver, at: datetime = NOW) -> Flushed:
    return flush(artifacts, pager(receiver), at, {"PAGER_KEY": SECRET})


def test_pagerduty_opens_folds_and_resolves_by_one_key(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback(exposure="live"))
    told(tmp_path, rollback(exposure="live", resolved=True, seen_at=OVER))
    assert page(tmp_path, receiver).delivered == 2
    trigger, resolve = receiver.bodies("/v2/enqueue")
    assert trigger["event_action"] == "trigger"
    assert trigger["payload"]["severity"] == "critical"
    assert trigger["payload"]["summary"].startswith("P0 ROLLBACK lexical")
    assert trigger["payload"]["custom_details"]["runbook"] == "docs/runbook.md#rollback"
    assert resolve == {"routing_key": SECRET, "event_action": "resolve", "dedup_key": trigger["dedup_key"]}
    assert page(tmp_path, receiver).delivered == 0
    assert len(receiver.got) == 2


def test_pagerduty_that_asks_to_wait_is_left_alone_until_then(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback(), rollback(hero="ann"))
    receiver.answers = [(429, {"Retry-After": "120"}, "")]
    flushed = page(tmp_path, receiver)
    assert (flushed.delivered, len(flushed.waiting), len(receiver.got)) == (0, 2, 1)
    flushed = page(tmp_path, receiver, NOW + timedelta(seconds=60))
    assert len(receiver.got) == 1
    assert "asked to wait until" in flushed.words[-1]
    assert page(tmp_path, receiver, NOW + timedelta(seconds=121)).delivered == 2


def test_a_wait_that_another_clock_wrote_is_not_waited_for(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback())
    receiver.answers = [(429, {"Retry-After": "120"}, "")]
    page(tmp_path, receiver, NOW + timedelta(days=365))
    assert page(tmp_path, receiver).delivered == 1


def test_an_alert_that_pagerduty_refuses_is_shown_and_holds_up_no_other(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback())
    told(tmp_path, rollback(resolved=True, seen_at=OVER))
    told(tmp_path, rollback(hero="ann"))
    receiver.answers = [(400, {}, f'{{"status": "invalid event", "message": "key {SECRET} is wrong"}}')]
    flushed = page(tmp_path, receiver)
    assert flushed.delivered == 1
    assert [w.alert.status for w in flushed.waiting] == ["firing", "resolved"], "no end before its beginning"
    assert "invalid event" in flushed.waiting[0].why
    assert SECRET not in " ".join(flushed.words)
    assert page(tmp_path, receiver).delivered == 2


@pytest.mark.parametrize(("status", "headers"), [(500, {}), (302, {"Location": "http://127.0.0.1:1/elsewhere"})])
def test_a_receiver_that_fails_is_asked_once_a_tick(
    tmp_path: Path, receiver: Receiver, status: int, headers: dict[str, str]
) -> None:
    told(tmp_path, rollback(), rollback(hero="ann"))
    receiver.always = (status, headers, "")
    for tick in (1, 2, 3):
        flushed = page(tmp_path, receiver)
        assert (flushed.delivered, len(flushed.waiting), len(receiver.got)) == (0, 2, tick)
        assert f"answers {status}" in flushed.words[-1]
        assert "tried again at the next tick" in flushed.words[-1]
    assert sum("why" in note for note in lines(tmp_path / STATE)) == 1, "the same failure is noted once"
    receiver.always = (202, {}, "")
    assert page(tmp_path, receiver).delivered == 2


def test_a_receiver_that_is_not_there(tmp_path: Path) -> None:
    with listening() as gone:
        pass
    told(tmp_path, rollback())
    flushed = page(tmp_path, gone)
    assert [w.why for w in flushed.waiting] == [
        f"{gone.url.removeprefix('http://')} is not reached (Connection refused)"
    ]


def test_a_receiver_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr("automation.deliver.TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        told(tmp_path, rollback())
        chosen = delivery(alertmanager={"url": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        (waiting,) = flush(tmp_path, chosen, NOW).waiting
    assert "no answer within" in waiting.why


def test_the_most_urgent_is_told_first(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback(kind="promote", hero="a"), rollback(hero="b"), rollback(hero="c", exposure="live"))
    page(tmp_path, receiver)
    assert [event["payload"]["severity"] for event in receiver.bodies()] == ["critical", "warning", "info"]


def test_no_proxy_of_the_environment_hears_what_stays_on_this_machine(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        told(tmp_path, rollback())
        assert page(tmp_path, receiver).delivered == 1
        assert proxy.got == []


def chat(*urls: str) -> dict[str, str]:
    return {"CHAT_URLS": " ".join(urls)}


APPRISE = delivery(apprise={"urls_env": "CHAT_URLS"})


def json_url(receiver: Receiver, path: str = "") -> str:
    return receiver.url.replace("http://", f"json://user:{SECRET}@") + path


def test_apprise_tells_each_channel_once(tmp_path: Path, receiver: Receiver) -> None:
    """One channel fails: Apprise calls that PARTIAL. The other one must not hear it again at each tick."""
    with listening() as broken:
        broken.answers = [(500, {}, "")]
        told(tmp_path, rollback())
        environment = chat(json_url(receiver), json_url(broken))
        first = flush(tmp_path, APPRISE, NOW, environment)
        assert (first.delivered, [w.why for w in first.waiting]) == (1, ["Apprise: FAILURE"])
        second = flush(tmp_path, APPRISE, NOW, environment)
        assert (second.delivered, second.waiting) == (1, ())
        assert (len(receiver.got), len(broken.got)) == (1, 2)
    (message,) = receiver.bodies()
    assert message["title"].startswith("P2 ROLLBACK lexical")
    assert message["type"] == "warning"
    assert message["message"].splitlines()[0].startswith("observed 2.0 pt, limit 2.0 pt, since ")
    assert "docs/runbook.md#rollback" in message["message"]


def test_apprise_that_told_some_of_one_urls_channels(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    import apprise

    told(tmp_path, rollback())
    partial = apprise.AppriseResult(status=apprise.AppriseResultStatus.PARTIAL)
    assert not partial, "a result is no bool: what was told to some would be told to them again"
    monkeypatch.setattr(apprise.Apprise, "notify", lambda *_, **__: partial)
    assert flush(tmp_path, APPRISE, NOW, chat(json_url(receiver))).delivered == 1
    assert "were not asked again" in lines(tmp_path / STATE)[-1]["why"]


def test_apprise_does_not_understand_a_url(tmp_path: Path) -> None:
    told(tmp_path, rollback())
    flushed = flush(tmp_path, APPRISE, NOW, chat("json://127.0.0.1:notaport"))
    assert [w.why for w in flushed.waiting] == ["Apprise does not understand this URL"]


@pytest.mark.parametrize("url", ["slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "json://example.com/hook"])
def test_apprise_leaves_this_machine_only_where_that_is_meant(tmp_path: Path, url: str) -> None:
    told(tmp_path, rollback())
    flushed = flush(tmp_path, APPRISE, NOW, chat(url))
    assert len(flushed.waiting) == 1
    assert "CHAT_URLS names another machine" in flushed.words[1]
    assert url not in " ".join(flushed.words)


@pytest.mark.parametrize(
    ("chosen", "name"),
    [
        (delivery(pagerduty={"routing_key_env": "PAGER_KEY", "url": "http://127.0.0.1:1"}), "PAGER_KEY"),
        (APPRISE, "CHAT_URLS"),
    ],
)
def test_a_variable_that_is_not_set_is_named_and_its_alerts_wait(tmp_path: Path, chosen: Delivery, name: str) -> None:
    told(tmp_path, rollback())
    flushed = flush(tmp_path, chosen, NOW, {})
    assert len(flushed.waiting) == 1
    assert f"{name} is not set" in flushed.words[1]


def test_no_secret_is_written_said_or_logged(
    tmp_path: Path, receiver: Receiver, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told(tmp_path, rollback(), rollback(hero="ann"))
    said = []
    receiver.answers = [(400, {}, f"bad {SECRET}"), (500, {}, SECRET)]
    said += page(tmp_path, receiver).words
    receiver.always = (500, {}, f"{SECRET}")
    for url in (json_url(receiver, f"/{SECRET}"), f"json://{SECRET}:@@[", f"json://127.0.0.1:{SECRET}"):
        said += flush(tmp_path, APPRISE, NOW, chat(url)).words
    receiver.always = (202, {}, "")
    said += flush(tmp_path, APPRISE, NOW, chat(json_url(receiver))).words
    said += page(tmp_path, receiver).words
    out, err = capfd.readouterr()
    kept = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) >= 2
    for text in (*said, *kept, out, err, caplog.text):
        assert SECRET not in text


def test_nothing_named_is_said_and_is_no_old_news_later(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback())
    flushed = flush(tmp_path, delivery(), NOW)
    assert flushed.words[0] == "alerts: 0 told, 0 delivered, 0 waiting"
    assert "delivery names no receiver" in flushed.words[1]
    assert str(LOG) in flushed.words[1]
    told(tmp_path, rollback(hero="ann"))
    assert page(tmp_path, receiver).delivered == 1
    assert receiver.bodies()[0]["payload"]["group"] == "ann"


def test_a_receiver_that_replaces_another_gets_what_that_one_missed(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback())
    assert page(tmp_path, receiver).delivered == 1
    told(tmp_path, rollback(hero="ann"))
    receiver.answers = [(500, {}, "")]
    assert page(tmp_path, receiver).delivered == 0
    receiver.got.clear()
    flushed = flush(tmp_path, APPRISE, NOW, chat(json_url(receiver)))
    assert flushed.delivered == 1
    assert "ann" in receiver.bodies()[0]["message"]


def test_two_flushes_at_once(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback())
    with FileLock(tmp_path / ".alerts-delivery.lock"):
        assert page(tmp_path, receiver).words[1] == "alerts: another flush is at work"
    assert receiver.got == []


def test_a_state_that_cannot_be_read_tells_once_more_and_breaks_nothing(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback())
    page(tmp_path, receiver)
    with (tmp_path / STATE).open("ab") as state:
        state.truncate((tmp_path / STATE).stat().st_size - 9)
    assert page(tmp_path, receiver).delivered == 1
    assert page(tmp_path, receiver).delivered == 0


def test_the_command_line(
    tmp_path: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configs, out = tmp_path / "configs", tmp_path / "out"
    configs.mkdir()
    (configs / "alerts.yaml").write_text(
        "schema: hero-gate/alerts/v1\n"
        f"delivery: {{pagerduty: {{routing_key_env: PAGER_KEY, url: {receiver.url}}}}}\n"
    )  # fmt: skip
    monkeypatch.setitem(os.environ, "PAGER_KEY", SECRET)
    places = ["--artifacts", str(out), "--configs", str(configs)]
    told(out, rollback())
    key = read_log(out).alerts[0].id
    assert main([*places, "show"]) == 1
    assert f"not delivered: firing {key}  not tried yet" in capsys.readouterr().out
    assert main([*places, "flush"]) == 0
    assert capsys.readouterr().out == "alerts: 0 told, 1 delivered, 0 waiting\n"
    assert main([*places, "close", "rollback/nobody", "--why", "no"]) == 1
    assert "nothing of this id is firing" in capsys.readouterr().err
    assert main([*places, "close", key, "--why", "N. N.: dropped, T-7"]) == 0
    assert main([*places, "flush"]) == 0
    assert receiver.bodies()[-1]["event_action"] == "resolve"
    assert main([*places, "show"]) == 0
    assert capsys.readouterr().out.endswith("0 firing, 0 not delivered\n")
    assert emit([rollback()], out, built_in(), datetime.now(UTC)) == (), "what was closed stays closed"


def test_mistakes_in_the_rules_end_a_flush_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "alerts.yaml").write_text("schema: hero-gate/alerts/v1\ntimezone: Mars/Olympus\n")
    assert main(["--artifacts", str(tmp_path), "--configs", str(tmp_path), "flush"]) == 1
    assert "timezone: 'Mars/Olympus': no such timezone here" in capsys.readouterr().err


def test_alerts_of_jobs_are_delivered_from_their_folders(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path / "out" / "jobs" / "nightly", rollback())
    (tmp_path / "alerts.yaml").write_text(
        f"schema: hero-gate/alerts/v1\ndelivery: {{alertmanager: {{url: {receiver.url}}}}}\n"
    )
    flushed = tick_alerts(tmp_path / "out", tmp_path, NOW, {})
    assert (flushed.told, flushed.delivered, flushed.waiting) == (0, 1, ())
    (entry,) = receiver.bodies("/api/v2/alerts")[0]
    assert entry["labels"]["alertname"] == "rollback"
    assert "generatorURL" not in entry, "a file of the checkout is no URL"


def test_a_folder_that_cannot_be_written_keeps_no_other_from_being_told(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.alerts.log._PATIENCE", 0.05)
    (tmp_path / "alerts.yaml").write_text(
        f"schema: hero-gate/alerts/v1\ndelivery: {{alertmanager: {{url: {receiver.url}}}}}\n"
    )
    long_ago = (NOW - timedelta(days=9)).isoformat()
    for job in ("a", "b"):
        review = {"kind": "promote", "since": long_ago, "seen_at": long_ago, "review_due": long_ago}
        emit([rollback(hero=job, **review)], tmp_path / "out" / "jobs" / job, built_in(), NOW)
    with FileLock(tmp_path / "out" / "jobs" / "a" / ".alerts.lock"):
        flushed = tick_alerts(tmp_path / "out", tmp_path, NOW, {})
    assert (flushed.told, flushed.delivered) == (1, 2)
    assert any("another process has been writing" in why for why in flushed.trouble)


def test_a_runbook_that_is_published_is_linked(tmp_path: Path, receiver: Receiver) -> None:
    rules = built_in().model_copy(update={"runbook": "https://docs.example.org/runbook"})
    emit([rollback()], tmp_path, rules, NOW)
    flush(tmp_path, delivery(alertmanager={"url": receiver.url}), NOW)
    page(tmp_path / "other", receiver)
    entries: Any = receiver.bodies("/api/v2/alerts")[0]
    assert entries[0]["generatorURL"] == "https://docs.example.org/runbook#rollback"


def test_an_alert_in_full_says_who_acts_by_when_and_how_to_look_closer(tmp_path: Path) -> None:
    (alert,) = emit([rollback()], tmp_path, built_in(), NOW)
    assert body(alert).splitlines() == [
        f"observed 2.0 pt, limit 2.0 pt, since {alert.since}",
        "shown broken",
        f"acts: Search Engineering, by {(NOW + timedelta(hours=4)).isoformat()}",
        "closer: python -m reports.attestation show reports/out",
        "runbook: docs/runbook.md#rollback",
        "rollback/lexical@7c1e9a04/sla_recall_at_50_delta/replay",
    ]
