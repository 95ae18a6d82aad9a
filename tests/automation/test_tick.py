"""Does a tick start what is due, once, and say why it does not start something?"""

import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from automation.ledger import UNSETTLED, Ledger
from automation.processes import taken
from gates.errors import GateError
from reports.alerts.event import ALL, Event
from tests.automation.worlds import DUE, MINUTE, NAME, Machine, job


def told(machine: Machine, kind: str) -> list[Event]:
    return [event for event in machine.told if event.kind == kind]


@pytest.fixture
def minutely(tmp_path: Path) -> Iterator[Machine]:
    """A job of every minute; its first slot runs."""
    found = Machine(tmp_path, job("m", "* * * * *", max_lateness_minutes=10))
    found.tick(DUE)
    yield found
    found.close()


def test_what_is_due_is_started_once_however_often_the_timer_fires(machine: Machine) -> None:
    assert machine.tick(DUE - timedelta(seconds=1)).started == []
    assert machine.tick(DUE + timedelta(seconds=3)).started == [NAME]
    assert machine.tick(DUE + timedelta(seconds=3)).started == []
    machine.end(NAME, DUE + MINUTE)
    assert machine.tick(DUE + 2 * MINUTE).started == []
    assert machine.states() == {"02:15": "succeeded"}
    assert machine.told == []


def test_a_late_tick_catches_up_but_not_too_late(machine: Machine) -> None:
    assert machine.tick(DUE + 60 * MINUTE).started == [NAME]
    machine.end(NAME, DUE + 61 * MINUTE)
    assert machine.tick(DUE + timedelta(days=1, minutes=61)).started == []
    assert machine.states() == {"02:15": "missed"}
    (missed,) = told(machine, "slot_missed")
    assert missed.text.endswith("to nightly/2027-06-02T02:15 America/New_York")
    assert (missed.observed, missed.severity, missed.owner) == ("1 slot did not run", "P2", "search-engineering")
    assert missed.title == "nightly: 1 slot missed (not run within 60 minutes: no tick came in time)"


def test_what_was_due_before_the_job_stood_in_the_schedule_was_never_promised(machine: Machine) -> None:
    machine.jobs.append(job("other", "10 2 * * *"))
    machine.jobs[0] = job("nightly", "5 2 * * *")
    assert machine.tick(DUE).started == []
    assert machine.states() == {}
    assert machine.tick(DUE + timedelta(hours=23, minutes=55)).started == [
        "nightly/2027-06-02T02:05 America/New_York",
        "other/2027-06-02T02:10 America/New_York",
    ]


def test_a_job_that_comes_back_was_not_promised_while_it_was_away(machine: Machine) -> None:
    (nightly,) = machine.jobs
    machine.jobs = [job("other", "0 0 1 1 *")]
    machine.tick(DUE)
    machine.jobs = [nightly]
    machine.tick(DUE + timedelta(days=3, hours=1))
    assert machine.states() == {}
    assert machine.tick(DUE + timedelta(days=4)).started == ["nightly/2027-06-05T02:15 America/New_York"]


def test_a_job_does_not_start_while_its_earlier_slot_runs(minutely: Machine) -> None:
    done = minutely.tick(DUE + MINUTE)
    first = "m/2027-06-01T02:15 America/New_York"
    assert done.started == []
    assert done.notes == [f"{first.replace(':15', ':16')}: waits for lane m: {first} runs since 2027-06-01T06:15:00Z"]
    minutely.end(first, DUE + MINUTE)
    assert minutely.tick(DUE + MINUTE).started == [first.replace(":15", ":16")]


@pytest.mark.parametrize(
    ("catch_up", "states"),
    [
        ("latest", {"02:15": "succeeded", "02:16": "missed", "02:17": "missed", "02:18": "claimed"}),
        ("every", {"02:15": "succeeded", "02:16": "claimed", "02:17": "due", "02:18": "due"}),
    ],
)
def test_slots_that_came_due_meanwhile(minutely: Machine, catch_up: str, states: dict[str, str]) -> None:
    minutely.jobs[0] = job("m", "* * * * *", max_lateness_minutes=10, catch_up=catch_up)
    minutely.end("m/2027-06-01T02:15 America/New_York", DUE + MINUTE)
    minutely.tick(DUE + 3 * MINUTE)
    assert minutely.states() == states
    missed = told(minutely, "slot_missed")
    if catch_up == "latest":
        slots = ("m/2027-06-01T02:16 America/New_York", "m/2027-06-01T02:17 America/New_York")
        assert [event.text for event in missed] == ["from {} to {}".format(*slots)]
        assert missed[0].title == "m: 2 slots missed (overtaken by m/2027-06-01T02:18 America/New_York)"
    else:
        assert missed == []


def test_what_waited_too_long_for_its_lane_is_missed_and_says_for_whom(tmp_path: Path) -> None:
    jobs = [job("long", "0 2 * * *", lane="night"), job("short", "15 2 * * *", lane="night", max_lateness_minutes=30)]
    machine = Machine(tmp_path, *jobs)
    machine.tick(DUE - 15 * MINUTE)
    assert machine.tick(DUE).notes[1:] == [
        "short/2027-06-01T02:15 America/New_York: waits for lane night: "
        "long/2027-06-01T02:00 America/New_York runs since 2027-06-01T06:00:00Z"
    ]
    machine.tick(DUE + 31 * MINUTE)
    (missed,) = told(machine, "slot_missed")
    runs = "long/2027-06-01T02:00 America/New_York runs since 2027-06-01T06:00:00Z"
    assert missed.title == f"short: 1 slot missed (not run within 30 minutes: lane night: {runs})"
    machine.close()


def test_jobs_of_one_lane_run_in_the_order_they_were_due_and_others_beside_them(tmp_path: Path) -> None:
    jobs = [job("b", "1 2 * * *", lane="night"), job("a", "0 2 * * *", lane="night"), job("m", "* * * * *")]
    machine = Machine(tmp_path, *jobs)
    machine.tick(DUE - 20 * MINUTE)
    machine.end("m/2027-06-01T01:55 America/New_York", DUE - 19 * MINUTE)
    first, beside = "a/2027-06-01T02:00 America/New_York", "m/2027-06-01T02:02 America/New_York"
    done = machine.tick(DUE - 13 * MINUTE)
    assert set(done.started) == {first, beside}
    assert "b/2027-06-01T02:01 America/New_York: waits for lane night: " + first + " was due first" in done.notes
    machine.end(first, DUE)
    assert machine.tick(DUE).started == ["b/2027-06-01T02:01 America/New_York"]
    machine.close()


def test_a_run_that_dies_is_repeated_while_it_is_not_too_late(machine: Machine) -> None:
    machine.tick(DUE)
    machine.die(NAME)
    done = machine.tick(DUE + MINUTE)
    assert done.started == [NAME]
    assert done.notes == [f"{NAME}: attempt 1 died before its end was recorded"]
    (lost,) = told(machine, "job_lost")
    assert lost.text == f"slot {NAME}, attempt 1"
    machine.die(NAME)
    machine.tick(DUE + 61 * MINUTE)
    assert machine.states() == {"02:15": "missed"}
    assert machine.told[-1].kind == "slot_missed"


def test_a_run_that_always_dies_is_given_up(machine: Machine) -> None:
    for attempt in range(3):
        assert machine.tick(DUE + attempt * MINUTE).started == [NAME]
        machine.die(NAME)
    assert machine.tick(DUE + 4 * MINUTE).started == []
    (missed,) = told(machine, "slot_missed")
    assert missed.title == "nightly: 1 slot missed (its run died 3 times)"


def test_a_supervisor_that_was_given_up_may_neither_begin_nor_end_anything(machine: Machine) -> None:
    machine.tick(DUE)
    machine.die(NAME)
    machine.tick(DUE + MINUTE)
    with machine.ledger.transaction():
        assert not machine.ledger.take_over(NAME, 1, DUE)
        assert not machine.ledger.end(NAME, 1, "succeeded", 0, DUE)
        assert machine.ledger.take_over(NAME, 2, DUE)


def test_a_job_that_left_the_schedule_is_missed_if_it_was_still_to_run(machine: Machine) -> None:
    machine.tick(DUE)
    machine.die(NAME)
    machine.jobs = [job("other", "0 0 1 1 *")]
    machine.tick(DUE + MINUTE)
    (missed,) = told(machine, "slot_missed")
    assert missed.title.endswith("(its job is no longer in the schedule)")


def test_what_cannot_be_started_is_said_and_tried_again(machine: Machine) -> None:
    machine.fails = OSError("no memory")
    (problem,) = machine.tick(DUE).problems
    assert problem == f"{NAME}: cannot be started (no memory); it is tried again with the next tick"
    machine.fails = None
    assert machine.tick(DUE + MINUTE).started == [NAME]


def test_a_clock_that_is_set_back_runs_nothing_twice(minutely: Machine) -> None:
    for minute in range(10):
        now = DUE + minute * MINUTE
        minutely.tick(now)
        minutely.end(f"m/2027-06-01T02:{15 + minute} America/New_York", now)
    started = [minutely.tick(DUE + minute * MINUTE).started for minute in range(4, 10)]
    assert started == [[]] * 6
    assert [(event.kind, event.check) for event in minutely.told] == [("heartbeat_late", "clock")]
    assert minutely.tick(DUE + 10 * MINUTE).started == ["m/2027-06-01T02:25 America/New_York"]


def test_slots_called_missed_by_a_clock_that_was_ahead_come_again(minutely: Machine) -> None:
    minutely.end("m/2027-06-01T02:15 America/New_York", DUE)
    minutely.tick(DUE + timedelta(days=4000))  # the battery of the clock is empty
    ahead = [entry.slot for entry in minutely.ledger.entries(("claimed",))]
    minutely.end(ahead[0], DUE + MINUTE)
    assert minutely.tick(DUE + MINUTE).started == ["m/2027-06-01T02:16 America/New_York"]
    (stepped,) = (event for event in told(minutely, "heartbeat_late") if event.check == "clock")
    assert f"; {8 * 1440 - 1} slots come again" in stepped.title
    assert set(minutely.states()) == {"02:15", "02:16", ahead[0].partition("T")[2][:5]}


def test_a_silence_is_told_when_it_is_over(minutely: Machine) -> None:
    minutely.tick(DUE + 7 * MINUTE)
    (late,) = told(minutely, "heartbeat_late")
    assert (late.since, late.observed) == ("2027-06-01T06:15:00Z", "7 min")
    minutely.tick(DUE + 9 * MINUTE)
    assert len(told(minutely, "heartbeat_late")) == 1


def test_after_a_long_outage_only_so_many_days_are_gone_through(minutely: Machine) -> None:
    minutely.end("m/2027-06-01T02:15 America/New_York", DUE)
    minutely.tick(DUE + timedelta(days=300))
    (missed, overtaken) = told(minutely, "slot_missed")
    assert sum(int(event.observed.split()[0]) for event in (missed, overtaken)) == 8 * 1440 - 1
    assert [entry.state for entry in minutely.ledger.entries(UNSETTLED)] == ["claimed"]


def test_a_good_run_after_a_bad_one_is_told(machine: Machine) -> None:
    for day, state in enumerate(("failed", "succeeded", "succeeded")):
        now = DUE + timedelta(days=day)
        (slot,) = machine.tick(now).started
        machine.end(slot, now + MINUTE, state)
    machine.tick(DUE + timedelta(days=2, minutes=2))
    of_job = [(event.kind, event.check) for event in machine.told if event.job]
    assert of_job == [("job_failed", "nightly"), (ALL, "nightly")]


def test_a_listener_that_fails_stops_nothing_and_is_told_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(self: Machine, events: Sequence[Event]) -> None:
        raise ConnectionError("no route\nto host")

    with monkeypatch.context() as patch:
        patch.setattr(Machine, "hear", deaf)
        done = machine.tick(DUE + 10 * MINUTE)
    assert done.started == [NAME]
    assert done.problems == [
        "events could not be told (ConnectionError: no route); they are told again with the next tick"
    ]
    assert machine.tick(DUE + 11 * MINUTE).problems == []
    assert [event.kind for event in machine.told] == ["heartbeat_late"]


def test_the_ledger_forgets_what_is_long_over_but_not_the_newest_of_each_job(minutely: Machine) -> None:
    minutely.jobs = [job("m", "0 */6 * * *"), job("yearly", "20 2 1 6 *")]
    minutely.end("m/2027-06-01T02:15 America/New_York", DUE)
    for minute in (1, 5):
        for slot in minutely.tick(DUE + minute * MINUTE).started:
            minutely.end(slot, DUE + minute * MINUTE)
    for day in range(1, 70):
        for slot in minutely.tick(DUE + timedelta(days=day)).started:
            minutely.end(slot, DUE + timedelta(days=day))
    settled = minutely.ledger.entries(("succeeded", "missed"))
    assert min(entry.due for entry in settled if entry.job == "m") >= DUE + timedelta(days=9)
    assert [entry.slot for entry in settled if entry.job == "yearly"] == ["yearly/2027-06-01T02:20 America/New_York"]


def test_a_file_that_is_no_ledger_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "slots.sqlite"
    path.write_bytes(b"x" * 5000)
    with pytest.raises(GateError, match=r"slots.sqlite: file is not a database, but a ledger of slots is expected; mo"):
        Ledger(path)


def test_a_lane_is_held_until_the_last_copy_of_its_file_is_closed(tmp_path: Path) -> None:
    with taken(tmp_path, "night") as file:
        assert file is not None
        copy = os.dup(file)
    with taken(tmp_path, "night") as second:
        assert second is None
    os.close(copy)
    with taken(tmp_path, "night") as third:
        assert third is not None
