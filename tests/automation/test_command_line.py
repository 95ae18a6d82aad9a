"""Do the commands of `python -m automation` end with the status that they promise, and cost little?"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from automation.__main__ import main
from automation.ledger import Ledger
from gates.place import HERE
from tests.automation.alert_receiver import listening
from tests.automation.test_schedule_file import REST, written
from tests.automation.worlds import STATES

pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")


def options(folder: Path, *jobs: str) -> list[str]:
    path = written(folder, *jobs)
    return [f"--schedule={path}", f"--ledger={folder / 'out' / 'automation' / 'slots.sqlite'}"]


def states(folder: Path) -> dict[str, str]:
    with Ledger(folder / "out" / "automation" / "slots.sqlite") as ledger:
        return {e.job: e.state for e in ledger.entries(STATES)}


def test_a_tick_that_waits_ends_as_its_jobs_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = options(
        tmp_path,
        f"bad: {{cron: '* * * * *', command: ['false'], {REST}}}",
        f"each: {{cron: '* * * * *', command: ['true'], lane: one, {REST}}}",
        f"after: {{cron: '* * * * *', command: ['true'], lane: one, {REST}}}",
    )
    assert main([*asked, "tick", "--without=bad", "--wait"]) == 0
    assert states(tmp_path) == {"each": "succeeded", "after": "succeeded"}
    said = capsys.readouterr().out
    assert "started each/" in said
    assert "started after/" in said


def test_a_tick_that_waits_for_a_bad_job(tmp_path: Path) -> None:
    code = "print(5 * 5); raise SystemExit(1)"
    asked = options(tmp_path, f"bad: {{cron: '* * * * *', command: [python, -c, '{code}'], {REST}}}")
    assert main([*asked, "tick", "--wait"]) == 1
    assert states(tmp_path) == {"bad": "failed"}
    (log,) = (tmp_path / "out" / "automation" / "logs" / "bad").iterdir()
    assert log.read_text() == "25\n"
    alerts = (tmp_path / "out" / "alerts.jsonl").read_text().splitlines()
    assert "job_failed" in {json.loads(line)["kind"] for line in alerts}
    assert main([*asked, "status"]) == 1
    assert main([*asked, "list"]) == 0


def test_mistakes_end_with_2_and_touch_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = options(tmp_path, f"bad: {{cron: 22:15, marker: pool, {REST}}}")
    for command in (["tick"], ["list"], ["status"], ["install", "crontab"], ["emit", "k8s", "--image=a"]):
        assert main([*asked, *command]) == 2
        assert "jobs.bad.cron: '22:15': 1 fields" in capsys.readouterr().err
    assert not (tmp_path / "out" / "automation" / "slots.sqlite").exists()
    good = options(tmp_path, f"good: {{cron: 0 2 * * *, marker: pool, {REST}}}")
    assert main([*good, "tick", "--without=nightly"]) == 2
    assert capsys.readouterr().err == "nightly: no such job in the schedule; there are good\n"


def test_a_look_makes_no_ledger_and_may_be_at_any_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = options(tmp_path, f"nightly: {{cron: 15 2 * * *, marker: pool, {REST}}}")
    assert main([*asked, "list", "--now=2027-03-14T01:00-05:00"]) == 0
    assert "nightly  15 2 * * *  Sun 03:15" in capsys.readouterr().out
    assert main([*asked, "status"]) == 1
    assert not (tmp_path / "out").exists()


def test_a_plain_tick_is_light(tmp_path: Path) -> None:
    """No pytest, NumPy, Arrow or pandas, and less than half a second of CPU time."""
    (tmp_path / "schedule.yaml").write_text((HERE.home / "configs" / "schedule.yaml").read_text())
    folder = tmp_path / "out" / "automation"
    code = (
        "import resource, sys\n"
        "from automation import __main__ as m, outbox, supervisor\n"
        "outbox.EVERY_MINUTES = 61  # a look for what nobody told is another thing\n"
        "supervisor.COMMAND = ('true',)\n"
        f"places = ['--schedule={tmp_path / 'schedule.yaml'}', '--ledger={folder / 'slots.sqlite'}']\n"
        "assert m.main([*places, 'tick']) == 0\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(used.ru_utime + used.ru_stime)\n"
        "print(sorted({'pytest', 'numpy', 'pyarrow', 'pandas', 'apprise'} & set(sys.modules)))\n"
    )
    seconds = []
    for _ in range(3):
        for path in folder.glob("slots.sqlite*"):
            path.unlink()
        done = subprocess.run([sys.executable, "-c", code], cwd=HERE.home, capture_output=True, text=True, check=True)
        *_, used, modules = done.stdout.splitlines()
        seconds.append(float(used))
    assert modules == "[]"
    assert min(seconds) < 0.5


def test_a_completed_tick_is_told_to_who_watches_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = options(tmp_path, f"job: {{cron: 0 0 1 1 *, command: ['true'], {REST}}}")
    with listening() as watcher:
        monkeypatch.setenv("HERO_GATE_PING_URL", f"{watcher.url}/s3cret")
        assert main([*asked, "tick"]) == 0
        monkeypatch.setattr("automation.tick.notify", lambda *_: ["a problem"])
        assert main([*asked, "tick"]) == 1
        assert watcher.got == [("/s3cret", None)], "what is not complete is not told"
        monkeypatch.undo()
    monkeypatch.setenv("HERO_GATE_PING_URL", f"{watcher.url}/s3cret")
    assert main([*asked, "tick"]) == 0, "who watches is not the schedule"
    said = capsys.readouterr().out
    assert "HERO_GATE_PING_URL: 127.0.0.1:" in said
    assert "s3cret" not in said


FULL = """
mount -t tmpfs -o size=400k none {folder} && cp {schedule} {folder}/schedule.yaml || exit 9
ticks() {{ {python} -m automation --schedule={folder}/schedule.yaml --ledger={folder}/out/a/slots.sqlite $1 2>&1; }}
ticks tick; sleep 1
head -c 500k /dev/zero > {folder}/fill; echo "full: $(ticks tick) $(ticks status)"; rm {folder}/fill
ticks tick && echo "room again"; sleep 1
mount -o remount,ro {folder}; echo "read only: $(ticks tick)"; mount -o remount,rw {folder}
ticks tick && echo "writable again"
"""


def test_a_full_or_read_only_disk_is_told_as_that_and_recovered_from(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    path = written(tmp_path, f"job: {{cron: 0 0 1 1 *, command: ['true'], {REST}}}")
    script = FULL.format(folder=tmp_path / "disk", schedule=path, python=sys.executable)
    words = ["unshare", "-m", "sh", "-c", script]
    done = subprocess.run(words, cwd=HERE.home, capture_output=True, text=True, check=False)
    if "full: " not in done.stdout:
        pytest.skip(f"NOT EVIDENCED: no private mounts here ({done.stderr.strip()[-80:]})")
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    assert said["full"].count(f"the disk of {tmp_path}/disk/out/a is full; make room; nothing is lost") == 2
    assert f"{tmp_path}/disk/out/a cannot be written (a read-only disk?)" in said["read only"]
    assert "move the file away" not in done.stdout
    assert ("room again" in done.stdout, "writable again" in done.stdout) == (True, True)


def test_the_log_of_ticks_is_put_aside_when_it_is_large(tmp_path: Path) -> None:
    asked = options(tmp_path, f"nightly: {{cron: 0 0 1 1 *, marker: pool, {REST}}}")
    log = tmp_path / "out" / "automation" / "tick.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"x" * 1_000_001)
    assert main([*asked, "tick"]) == 0
    assert not log.exists()
    assert log.with_name("tick.log.1").stat().st_size == 1_000_001
