"""Does SIGKILL at any point leave a lock, half a file or a lost event behind? With real processes and real jobs."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from automation import supervisor
from automation.__main__ import main
from automation.ledger import UNSETTLED, Entry, Ledger
from automation.processes import JOB, SUPERVISOR, mark, marked, taken
from automation.schedule_file import load_schedule
from automation.tick import Tick
from gates.place import HERE
from reports.alerts.event import ALL
from reports.alerts.log import Alert, read_log
from tests.automation.worlds import STATES, attempt, wait_for

KILL_AT = Path(__file__).with_name("kill_at.py")
# main() leaves its supervisors alone, as a tick does; here they outlive the objects that started them.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")


class Place:
    """A schedule with one job that is due now, its ledger, and what the job wrote."""

    def __init__(self, folder: Path, script: str, *, timeout: int = 1) -> None:
        folder.mkdir()
        self.folder, self.ran = folder / "out" / "automation", folder / "ran"
        self.schedule, self.path = folder / "schedule.yaml", self.folder / "slots.sqlite"
        now = datetime.now(ZoneInfo("America/New_York"))
        command = json.dumps(["sh", "-c", script.replace("RAN", str(self.ran))])
        self.schedule.write_text(
            "schema: hero-gate/schedule/v1\ntimezone: America/New_York\njobs:\n"
            f"  job: {{cron: '{now.minute} {now.hour} * * *', command: {command}, owner: sre, severity: P2,\n"
            f"        max_lateness_minutes: 60, timeout_minutes: {timeout}, catch_up: latest}}\n"
        )
        # Known to the schedule since before it was due, so that a slow machine misses nothing.
        before = now.astimezone(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
        with Ledger(self.path) as ledger:
            schedule, deaf = load_schedule(self.schedule), lambda events: None
            Tick(schedule=schedule, ledger=ledger, start=lambda attempt: None, now=before, listener=deaf).run()

    @property
    def options(self) -> list[str]:
        return [f"--schedule={self.schedule}", f"--ledger={self.path}"]

    def entry(self) -> Entry | None:
        with Ledger(self.path) as ledger:
            entries = ledger.entries(STATES)
        assert len(entries) < 2
        return entries[0] if entries else None

    def runs(self) -> int:
        return self.ran.read_text().count("ran\n") if self.ran.exists() else 0

    def assert_nothing_is_left(self) -> None:
        for path in (self.folder / "lanes").iterdir():
            with taken(path.parent, path.stem, patience=1) as file:  # who recorded the end may need a moment to be gone
                assert file is not None, f"{path} is locked"
        assert list(self.folder.rglob("*.tmp")) == []
        database = sqlite3.connect(self.path)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM untold").fetchone() == (0,)
        database.close()

    def alerts(self, kind: str) -> list[Alert]:
        """What was told as firing."""
        return [alert for alert in read_log(self.folder.parent).alerts if alert.kind == kind and alert.firing]

    def marked(self, variable: str) -> list[int]:
        """The processes of the first attempt."""
        entry = self.entry()
        return marked(variable, mark(self.folder, entry.slot, 1)) if entry else []


def tick_for_real(folder: Path, points: Iterable[int], steps_to: Path) -> int:
    """Ticks that are killed at these points, each in its place: at{}. How many were?"""
    at = ",".join(map(str, points))
    place = [f"--schedule={folder}/at{{}}/schedule.yaml", f"--ledger={folder}/at{{}}/out/automation/slots.sqlite"]
    words = [sys.executable, str(KILL_AT), "automation", *place, "tick"]
    environment = {**os.environ, "KILL_AT": at, "STEPS_TO": str(steps_to)}
    done = subprocess.run(words, cwd=HERE.home, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode


def recovered(places: Iterable[Place]) -> Iterator[tuple[Place, Entry]]:
    """Ticks in all of them until their slots are settled and everything is told, as cron would call them."""
    left = list(places)
    for _ in range(100):
        for place in [*left]:
            assert main([*place.options, "tick"]) == 0
            entry = place.entry()
            if entry is not None and entry.state not in UNSETTLED:
                assert main([*place.options, "tick"]) == 0
                left.remove(place)
                yield place, entry
        if not left:
            return
        time.sleep(0.1)
    pytest.fail("the slot was never settled")


def recover(place: Place) -> Entry:
    return next(entry for _, entry in recovered([place]))


def claimed(ledger: Ledger, slot: str, due: str, log: str) -> None:
    """A slot that a supervisor may end."""
    query = """INSERT INTO slots (slot, job, due, state, attempts, owner, log)
               VALUES (?, 'job', ?, 'claimed', 1, 'sre', ?)"""
    ledger._db.execute(query, (slot, due, log))


def alive_in_group(group: int) -> list[str]:
    """The processes of a group that are more than zombies."""
    told = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True)
    lines = [line.split(maxsplit=2) for line in told.stdout.splitlines()]
    return [" ".join(line) for line in lines if int(line[0]) == group and not line[1].startswith("Z")]


def points(steps: int, wanted: int) -> Iterator[int]:
    """Evenly spread, the first and the last step among them."""
    yield from sorted({1 + round(n * (steps - 1) / (wanted - 1)) for n in range(wanted)})


@pytest.mark.slow
def test_a_tick_that_is_killed(tmp_path: Path, whole: bool) -> None:
    script, steps_to, seen = "echo ran >> RAN; exit 3", tmp_path / "steps", Counter[str]()
    untouched = Place(tmp_path / "at0", script)
    assert tick_for_real(tmp_path, (0,), steps_to) == 0
    assert recover(untouched).exit_status == 3
    steps = int(steps_to.read_text())
    chosen = tuple(points(steps, steps if whole else 12))
    places = [Place(tmp_path / f"at{point}", script) for point in chosen]
    seen["killed"] = tick_for_real(tmp_path, chosen, steps_to)
    for place, entry in recovered(places):
        assert (entry.state, entry.exit_status) == ("failed", 3)
        assert place.runs() == 1
        assert len(place.alerts("job_failed")) == 1
        assert bool(place.alerts("job_lost")) == (entry.attempts > 1)
        seen["started a second time"] += entry.attempts > 1
        place.assert_nothing_is_left()
    assert seen["killed"] > len(chosen) / 2  # a tick on a busy machine takes fewer steps than were counted


@pytest.mark.slow
def test_a_supervisor_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    script, steps_to, seen = "echo ran >> RAN; sleep 0.1; exit 3", tmp_path / "steps", Counter[str]()
    monkeypatch.setenv("STEPS_TO", str(steps_to))

    def start(place: Place, kill_at: int) -> None:
        with monkeypatch.context() as patch:
            patch.setenv("KILL_AT", str(kill_at))
            patch.setattr(supervisor, "COMMAND", (sys.executable, str(KILL_AT), "automation.supervisor"))
            assert main([*place.options, "tick"]) == 0
        assert place.entry() is not None

    place = Place(tmp_path / "whole", script)
    start(place, 0)
    recover(place)
    assert wait_for(steps_to.exists)
    steps = int(steps_to.read_text())
    places = {point: Place(tmp_path / f"at{point}", script) for point in points(steps, steps if whole else 12)}
    for point, place in places.items():
        start(place, point)
    for place, entry in recovered(places.values()):
        assert (entry.state, entry.exit_status) == ("failed", 3)
        assert 1 <= place.runs() <= entry.attempts
        assert len(place.alerts("job_failed")) == 1
        assert bool(place.alerts("job_lost")) == (entry.attempts > 1)
        seen["died before its end was recorded"] += entry.attempts > 1
        seen["its job had begun"] += place.runs() > 1
        place.assert_nothing_is_left()
    assert min(seen["died before its end was recorded"], seen["its job had begun"]) > 0


def test_a_job_whose_supervisor_was_killed_is_stopped_before_it_is_started_again(tmp_path: Path) -> None:
    place = Place(tmp_path / "p", "echo ran >> RAN; [ $(wc -l < RAN) -gt 1 ] || sleep 60")
    assert main([*place.options, "tick"]) == 0
    assert wait_for(lambda: place.runs() and place.marked(JOB))
    (leader, *_), (guard,) = place.marked(JOB), place.marked(SUPERVISOR)
    os.kill(guard, 9)
    settled = recover(place)
    assert (settled.state, settled.attempts, place.runs()) == ("succeeded", 2, 2)
    assert alive_in_group(leader) == place.marked(JOB) == []
    place.assert_nothing_is_left()


def test_ticks_at_the_same_time_start_a_job_once(tmp_path: Path) -> None:
    place = Place(tmp_path / "p", "echo ran >> RAN; sleep 0.5")
    words = [sys.executable, "-m", "automation", *place.options, "tick"]
    ticks = [subprocess.Popen(words, cwd=HERE.home, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [one.communicate()[0] for one in ticks]
    assert [one.returncode for one in ticks] == [0] * 4
    assert sum("started job/" in text for text in said) == 1
    assert recover(place).state == "succeeded"
    assert place.runs() == 1
    place.assert_nothing_is_left()


def test_a_job_that_takes_too_long_is_stopped_with_all_its_processes(tmp_path: Path) -> None:
    place = Place(tmp_path / "p", "true")
    words = ("sh", "-c", f"trap '' TERM; echo $$ > {place.ran}; sleep 60 & sleep 60")
    long = attempt("job/x", timeout_minutes=0.4 / 60, log="logs/x", words=words)
    with Ledger(place.path) as ledger, ledger.transaction():
        claimed(ledger, long.slot, "2027-01-01T00:00:00Z", long.log)
    code = (
        "from pathlib import Path; from automation import supervisor as s; s.GRACE = 0.2\n"
        f"s.supervise(Path({str(place.path)!r}), s.{long!r})"
    )
    subprocess.run([sys.executable, "-c", code], cwd=HERE.home, check=True, timeout=20)
    with Ledger(place.path) as ledger:
        entry = ledger.entry("job/x")
    assert entry is not None
    assert (entry.state, entry.exit_status) == ("timed_out", -9)
    assert alive_in_group(int(place.ran.read_text())) == []
    with Ledger(place.path) as ledger:
        ((_, (event,)),) = ledger.untold()
    assert (event.kind, event.observed, event.limit) == ("job_failed", "not finished", f"{long.timeout_minutes:g} min")


def test_what_a_job_leaves_running_in_a_session_of_its_own_holds_up_no_other(tmp_path: Path) -> None:
    place = Place(tmp_path / "p", "echo ran >> RAN; setsid sleep 60 & sleep 0.3")
    assert recover(place).state == "succeeded"
    (log,) = place.folder.rglob("*.log")
    assert "hero-gate: stopped what the job left running: process " in log.read_text()
    assert place.marked(JOB) == []
    place.assert_nothing_is_left()


def test_a_lane_that_a_stranger_holds_is_waited_for_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path / "p", "echo ran >> RAN")
    with taken(place.folder / "lanes", "job") as file:
        assert file is not None
        assert main([*place.options, "tick"]) == 0
    said = f"waits for lane job: held; fuser {place.folder}/lanes/job.lock says by whom"
    assert said in capsys.readouterr().out
    assert recover(place).state == "succeeded"


def test_logs_of_good_runs_are_few(tmp_path: Path) -> None:
    place = Place(tmp_path / "p", "true")
    begins = datetime(2027, 1, 1, tzinfo=UTC)
    with Ledger(place.path) as ledger:
        for n in range(30):
            log = f"logs/job/{n}.log"
            (place.folder / "logs" / "job").mkdir(parents=True, exist_ok=True)
            (place.folder / log).touch()
            one = attempt(f"job/{n:02}", log=log)
            with ledger.transaction():
                claimed(ledger, one.slot, f"{begins + timedelta(days=n):%Y-%m-%dT%H:%M:%SZ}", log)
            supervisor.record_end(ledger, one, "failed" if n == 3 else "succeeded", 0, begins)
        kept = sorted(int(path.stem) for path in (place.folder / "logs" / "job").iterdir())
        assert kept == [3, *range(10, 30)]
        assert [event.kind for _, events in ledger.untold() for event in events] == ["job_failed", ALL]
