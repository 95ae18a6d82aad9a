"""Does each receiver get what it should, once, whatever it answers, and never a secret where it does not belong?"""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from automation.outbox import STATE, Flushed, flush, main
from evidence.files import append_lines
from gates.archive import require_ours
from reports.alerts.event import Event
from reports.alerts.log import LOG, emit, read_log
from reports.alerts.rules import built_in
from tests.automation.alert_receiver import NOW, Receiver, delivery, lines, listening, rollback

SECRET = "r0ut1ngk3y5ecret5ecret5ecret5ecr"
# Apprise loads a plugin that looks for a module which Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
MINUTE = timedelta(minutes=1)
OVER = NOW.isoformat()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


def told(artifacts: Path, *events: Event) -> None:
    assert len(emit(events, artifacts, built_in(), NOW)) == len(events)


def post(artifacts: Path, receiver: Receiver, minutes: float = 0) -> Flushed:
    return flush(artifacts, delivery(alertmanager={"url": receiver.url}), NOW + timedelta(minutes=minutes))


def sent(receiver: Receiver) -> list[Any]:
    """Each alert that was sent by itself, the first first; what still fires is said again after them."""
    return [entries[0] for entries in receiver.bodies("/api/v2/alerts")]


def test_an_alert_that_is_refused_is_shown_and_holds_up_no_other(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback())
    told(tmp_path, rollback(resolved=True, seen_at=OVER))
    told(tmp_path, rollback(hero="ann"))
    receiver.answers = [(400, {}, '{"message": "start time must be before end time"}')]
    flushed = post(tmp_path, receiver)
    assert flushed.delivered == 1
    assert [w.alert.status for w in flushed.waiting] == ["firing", "resolved"], "no end before its beginning"
    assert "answers 400: " in flushed.waiting[0].why
    assert "start time must be before" in flushed.waiting[0].why
    assert post(tmp_path, receiver, 1).delivered == 2


@pytest.mark.parametrize(
    ("status", "headers"), [(500, {}), (429, {}), (302, {"Location": "http://127.0.0.1:1/elsewhere"})]
)
def test_a_receiver_that_fails_is_asked_after_growing_pauses_and_not_for_ever(
    tmp_path: Path, receiver: Receiver, status: int, headers: dict[str, str]
) -> None:
    told(tmp_path, rollback(), rollback(hero="ann"))
    receiver.always = (status, headers, "")
    asked = []
    for minute in range(180):
        flushed = post(tmp_path, receiver, minute)
        assert (flushed.delivered, len(flushed.waiting)) == (0, 2)
        assert f"answers {status}" in flushed.words[-1]
        asked += [minute] * (len(receiver.got) - len(asked))
    assert asked == [0, 1, 3, 7, 14, 28, 55, 109, 169][: len(asked)]
    assert len(asked) > 7
    flushed = post(tmp_path, receiver, 3 * 1440 + 1)
    assert [line for line in flushed.words if "given up: " in line] == flushed.words[1:3]
    assert flushed.waiting == []
    receiver.always = (202, {}, "")
    told(tmp_path, rollback(hero="router"))
    assert post(tmp_path, receiver, 3 * 1440 + 90).delivered == 1


def test_a_pause_that_another_clock_wrote_is_not_waited_for(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback())
    receiver.answers = [(500, {}, "")]
    post(tmp_path, receiver, 2880)
    assert post(tmp_path, receiver).delivered == 1


def test_a_receiver_that_is_not_there_or_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told(tmp_path, rollback())
    with listening() as gone:
        pass
    (waiting,) = post(tmp_path, gone).waiting
    assert waiting.why == f"{gone.url.removeprefix('http://')} is not reached (Connection refused)"
    monkeypatch.setattr("automation.deliver.TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gone.url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        (waiting,) = post(tmp_path, gone, 5).waiting
    assert "no answer within" in waiting.why


@pytest.mark.parametrize("said", [b"HTTP/1.1 500 x\r\n\r\n", b"HTTP/1.1 500 x\r\nX: "], ids=["body", "head"])
def test_a_receiver_whose_answer_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    def answer(server: socket.socket) -> None:
        with server.accept()[0] as connection, suppress(OSError):  # until it is closed
            connection.sendall(said)
            while server.fileno() != -1:
                connection.sendall(b"x")
                time.sleep(0.05)

    monkeypatch.setattr("automation.deliver.TIMEOUT", 0.5)
    told(tmp_path, rollback())
    with socket.create_server(("127.0.0.1", 0)) as endless:
        threading.Thread(target=answer, args=(endless,), daemon=True).start()
        chosen = delivery(alertmanager={"url": f"http://127.0.0.1:{endless.getsockname()[1]}"})
        (waiting,) = flush(tmp_path, chosen, NOW).waiting
    assert "no answer within 1 s" in waiting.why


def test_the_most_urgent_is_told_first(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback(kind="promote", hero="a"), rollback(hero="b"), rollback(hero="c", exposure="live"))
    post(tmp_path, receiver)
    assert [entry["labels"]["severity"] for entry in sent(receiver)[:3]] == ["P0", "P2", "P3"]


def test_no_proxy_of_the_environment_hears_what_stays_on_this_machine(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        told(tmp_path, rollback())
        assert post(tmp_path, receiver).delivered == 1
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
        second = flush(tmp_path, APPRISE, NOW + timedelta(minutes=1), environment)
        assert (second.delivered, second.waiting) == (1, [])
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


def test_a_chat_that_posts_and_does_not_answer_is_not_told_again(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(tmp_path, rollback())
    receiver.seconds = 1.0
    environment = chat(json_url(receiver, "?rto=0.3"))
    said = [line for minute in range(3) for line in flush(tmp_path, APPRISE, NOW + minute * MINUTE, environment).words]
    assert len(receiver.got) == 1
    assert [line for line in said if "may have been told" in line] == [
        f"alerts: P2 {read_log(tmp_path).alerts[0].id}: may have been told: it was sent, and nothing was answered"
    ]


@pytest.mark.parametrize(
    ("urls", "why"),
    [
        ("json://127.0.0.1:notaport", "Apprise does not understand this URL"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "CHAT_URLS names another machine"),
        ("json://example.com/hook", "CHAT_URLS names another machine"),
        ("", "CHAT_URLS is not set"),
    ],
)
def test_a_url_that_tells_nobody_is_said_and_the_alert_waits(tmp_path: Path, urls: str, why: str) -> None:
    told(tmp_path, rollback())
    flushed = flush(tmp_path, APPRISE, NOW, chat(urls) if urls else {})
    assert [w.why.startswith(why) for w in flushed.waiting] == [True]
    assert why in flushed.words[1]
    assert not urls or urls not in " ".join(flushed.words)


def test_no_secret_is_written_said_or_logged(
    tmp_path: Path, receiver: Receiver, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told(tmp_path, rollback(), rollback(hero="ann"))
    said = []
    receiver.always = (500, {}, f"{SECRET}")
    for url in (json_url(receiver, f"/{SECRET}"), f"json://{SECRET}:@@[", f"json://127.0.0.1:{SECRET}"):
        said += flush(tmp_path, APPRISE, NOW, chat(url)).words
    receiver.always = (202, {}, "")
    said += flush(tmp_path, APPRISE, NOW, chat(json_url(receiver))).words
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
    assert post(tmp_path, receiver).delivered == 1
    assert sent(receiver)[0]["labels"]["hero"] == "ann"


def test_a_receiver_that_replaces_another_gets_what_that_one_missed(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback())
    assert post(tmp_path, receiver).delivered == 1
    told(tmp_path, rollback(hero="ann"))
    receiver.answers = [(500, {}, "")]
    assert post(tmp_path, receiver).delivered == 0
    receiver.got.clear()
    flushed = flush(tmp_path, APPRISE, NOW, chat(json_url(receiver)))
    assert flushed.delivered == 1
    assert "ann" in receiver.bodies()[0]["message"]


def test_a_folder_that_a_flush_makes_is_taken_by_the_job_that_comes_later(tmp_path: Path) -> None:
    flush(tmp_path / "out", delivery(), NOW)
    assert (tmp_path / "out" / STATE).exists()
    require_ours(tmp_path / "out")


def test_two_flushes_at_once(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback())
    with FileLock(tmp_path / ".alerts-delivery.lock"):
        assert post(tmp_path, receiver).words[1] == "alerts: another flush is at work"
    assert receiver.got == []


def test_a_state_that_cannot_be_read_tells_once_more_and_breaks_nothing(tmp_path: Path, receiver: Receiver) -> None:
    told(tmp_path, rollback())
    post(tmp_path, receiver)
    with (tmp_path / STATE).open("ab") as state:
        state.truncate((tmp_path / STATE).stat().st_size - 9)
    assert post(tmp_path, receiver).delivered == 1
    assert post(tmp_path, receiver).delivered == 0
    with (tmp_path / STATE).open("a") as state:
        for at in ("soon", "2026-12-01T12:00:00", 5, None):
            state.write(f"{json.dumps({'target': 'alertmanager', 'at': at, 'why': 'forged'})}\n")
        state.write(f"{json.dumps({'target': 'alertmanager', 'at': OVER, 'why': 'forged'})}\n" * 2_000)
    told(tmp_path, rollback(hero="ann"))
    assert post(tmp_path, receiver).delivered == 0
    assert post(tmp_path, receiver, 60).delivered == 1, "whatever is noted, nothing waits longer than an hour"


def test_what_others_wrote_into_the_log_does_not_rule_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(tmp_path, rollback())
    (alert,) = read_log(tmp_path).alerts
    hostile = replace(alert, id="x\x1b[2J", title="\x1b]0;fine\x07", owner="nobody\u202e")
    append_lines(tmp_path / LOG, [hostile.to_json()])
    assert main(["--artifacts", str(tmp_path), "show"]) == 1
    shown = capsys.readouterr().out
    assert "]0;fine" in shown
    assert all(line.isprintable() for line in shown.splitlines())


def test_the_command_line(
    tmp_path: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configs, out = tmp_path / "configs", tmp_path / "out"
    configs.mkdir()
    (configs / "alerts.yaml").write_text(
        "schema: hero-gate/alerts/v1\n"
        "delivery: {apprise: {urls_env: CHAT_URLS}}\n"
    )  # fmt: skip
    monkeypatch.setitem(os.environ, "CHAT_URLS", json_url(receiver))
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
    assert receiver.bodies()[-1]["title"].startswith("resolved: ")
    assert main([*places, "show"]) == 0
    assert capsys.readouterr().out.endswith("0 firing, 0 not delivered\n")
    assert emit([rollback()], out, built_in(), datetime.now(UTC)) == (), "what was closed stays closed"


def test_mistakes_in_the_rules_end_a_flush_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "alerts.yaml").write_text("schema: hero-gate/alerts/v1\ntimezone: Mars/Olympus\n")
    assert main(["--artifacts", str(tmp_path), "--configs", str(tmp_path), "flush"]) == 1
    assert "timezone: 'Mars/Olympus': no such time zone on this machine" in capsys.readouterr().err
