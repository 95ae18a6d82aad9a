"""Does status say what is late, running, missed or failed, and list what runs next?"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from automation.schedule import Schedule
from automation.schedule_file import load_schedule
from automation.status import list_jobs, report
from tests.automation.worlds import DUE, MINUTE, NAME, Machine, job


def told(machine: Machine, now: datetime) -> tuple[list[str], bool]:
    return report(Schedule(jobs=tuple(machine.jobs)), machine.ledger, now)


def test_all_is_well(machine: Machine) -> None:
    assert told(machine, DUE - MINUTE / 2) == (
        [
            "heartbeat: ok, last tick 0:00:30 ago (every minute expected)",
            "nightly: no run yet, next Tue 02:15  (search-engineering)",
        ],
        True,
    )
    machine.tick(DUE)
    assert told(machine, DUE + MINUTE)[0][1:] == [
        "nightly: running, Tue 02:15 for 0:01:00 (at most 10 min), attempt 1  (search-engineering)"
    ]
    machine.end(NAME, DUE + MINUTE)
    assert told(machine, DUE + 2 * MINUTE)[1]
    assert told(machine, DUE + 2 * MINUTE)[0][1].startswith("nightly: ok, Tue 02:15 succeeded in ")


def test_an_old_heartbeat_and_what_it_left_undone(machine: Machine) -> None:
    lines, well = told(machine, DUE + 6 * MINUTE)
    assert lines == [
        "heartbeat: LATE, last tick 0:07:00 ago (every minute expected)",
        "nightly: LATE, due since Tue 02:15, and no tick looked at it  (search-engineering)",
    ]
    assert not well


def test_a_clock_that_is_behind_the_last_tick(machine: Machine) -> None:
    lines, well = told(machine, DUE - timedelta(hours=3))
    assert lines[0] == "heartbeat: LATE, last tick 2:59:00 ahead of this clock (every minute expected)"
    assert not well


@pytest.mark.parametrize(
    ("state", "says"),
    [("failed", "FAILED, Tue 02:15: exit status 3, log "), ("timed_out", "FAILED, Tue 02:15: timed out, log ")],
)
def test_a_bad_end_stays_until_a_good_one(machine: Machine, state: str, says: str) -> None:
    machine.tick(DUE)
    machine.end(NAME, DUE + MINUTE, state)
    machine.tick(DUE + 2 * MINUTE)
    lines, well = told(machine, DUE + 2 * MINUTE)
    assert lines[1].startswith(f"nightly: {says}")
    assert lines[1].endswith("nightly/2027-06-01T0215.1.log  (search-engineering)")
    assert not well
    tomorrow = DUE + timedelta(days=1)
    machine.tick(tomorrow)
    machine.end("nightly/2027-06-02T02:15 America/New_York", tomorrow)
    assert told(machine, tomorrow)[1]


def test_a_missed_slot_says_why(machine: Machine) -> None:
    machine.tick(DUE + timedelta(hours=2))
    lines, well = told(machine, DUE + timedelta(hours=2))
    assert lines[1] == (
        "nightly: MISSED, Tue 02:15: not run within 60 minutes: no tick came in time  (search-engineering)"
    )
    assert not well


def test_what_waits_and_what_runs_too_long(machine: Machine) -> None:
    machine.jobs.append(job("other", "16 2 * * *", lane="nightly"))
    machine.tick(DUE)
    for minute in range(1, 16):
        machine.tick(DUE + minute * MINUTE)
    lines, well = told(machine, DUE + 15 * MINUTE)
    assert lines[1:] == [
        "nightly: OVERDUE, Tue 02:15 runs for 0:15:00 (at most 10 min), attempt 1  (search-engineering)",
        "other: LATE, Tue 02:16, 0:14:00 ago: waits for lane nightly  (search-engineering)",
    ]
    assert not well


def test_before_the_first_tick_nothing_is_well(machine: Machine) -> None:
    lines, well = report(Schedule(jobs=tuple(machine.jobs)), None, DUE)
    assert lines == ["heartbeat: no tick was ever completed; python -m automation install crontab"]
    assert not well


def test_the_list_of_the_eleven(root: Path, machine: Machine) -> None:
    machine.tick(DUE)
    schedule = load_schedule(root / "configs" / "schedule.yaml")
    lines, _ = list_jobs(schedule, machine.ledger, datetime(2027, 3, 13, 18, tzinfo=UTC))
    assert len(lines) == 13
    assert lines[0].split() == ["JOB", "CRON", "NEXT", "LAST", "OWNER", "RUNS"]
    assert lines[2] == "nightly_refresh      15 2 * * *        Sun 03:15  never  search-engineering  -m refresh"
    assert lines[-1] == "times of America/New_York"
    (line,) = list_jobs(Schedule(jobs=(machine.jobs[0],)), machine.ledger, DUE)[0][1:-1]
    assert line == "nightly  15 2 * * *  Wed 02:15  running Tue 02:15  search-engineering  true"
