"""At which instants is a job due in the nights whose clock changes? Against a table that was written by hand."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.schedule import due_between, next_run
from automation.schedule_file import load_schedule
from tests.automation.worlds import job

NEW_YORK = ZoneInfo("America/New_York")
SPRING = datetime(2027, 3, 14, tzinfo=NEW_YORK)  # 02:00 EST -> 03:00 EDT, a Sunday
AUTUMN = datetime(2027, 11, 7, tzinfo=NEW_YORK)  # 02:00 EDT -> 01:00 EST, a Sunday


def due(cron: str, begins: datetime, hours: float) -> list[tuple[str, str]]:
    """(local time of the slot's name, instant in UTC) from this moment on, for so many real hours."""
    after = begins.astimezone(UTC) - timedelta(seconds=1)
    slots = due_between(job("j", cron), after, after + timedelta(hours=hours))
    return [(run.slot.removeprefix("j/").partition(" ")[0][5:], f"{run.due:%H:%M}Z") for run in slots]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [  # 06:59Z is 01:59 EST, 07:00Z is 03:00 EDT
        ("0 2 * * *", [("03-14T02:00", "07:00Z")]),
        ("15 2 * * *", [("03-14T02:15", "07:15Z")]),
        ("30 2 * * *", [("03-14T02:30", "07:30Z")]),
        ("45 2 * * *", [("03-14T02:45", "07:45Z")]),
        ("30 1 * * *", [("03-14T01:30", "06:30Z")]),
        ("0 3 * * 0", [("03-14T03:00", "07:00Z")]),
        ("0 4 * * 0", [("03-14T04:00", "08:00Z")]),
        ("0 5 * * 0", [("03-14T05:00", "09:00Z")]),
        ("0 6 * * 0", [("03-14T06:00", "10:00Z")]),
        ("*/5 9-18 * * 1-5", []),
        ("*/30 2 * * *", [("03-14T02:00", "07:00Z"), ("03-14T02:30", "07:30Z")]),
        # Due at 03:00 anyway: one slot, not two at one instant.
        ("0 1-4 * * *", [("03-14T01:00", "06:00Z"), ("03-14T03:00", "07:00Z"), ("03-14T04:00", "08:00Z")]),
    ],
)
def test_the_night_of_spring(cron: str, expected: list[tuple[str, str]]) -> None:
    assert due(cron, SPRING, 23) == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [  # 05:30Z is 01:30 EDT, 06:30Z is 01:30 EST
        ("0 2 * * *", [("11-07T02:00", "07:00Z")]),
        ("15 2 * * *", [("11-07T02:15", "07:15Z")]),
        ("30 2 * * *", [("11-07T02:30", "07:30Z")]),
        ("45 2 * * *", [("11-07T02:45", "07:45Z")]),
        ("30 1 * * *", [("11-07T01:30", "05:30Z")]),
        ("0 3 * * 0", [("11-07T03:00", "08:00Z")]),
        ("0 6 * * 0", [("11-07T06:00", "11:00Z")]),
        ("*/30 1 * * *", [
            ("11-07T01:00", "05:00Z"), ("11-07T01:30", "05:30Z"),
            ("11-07T01:00[fold=1]", "06:00Z"), ("11-07T01:30[fold=1]", "06:30Z"),
        ]),
    ],
)  # fmt: skip
def test_the_night_of_autumn(cron: str, expected: list[tuple[str, str]]) -> None:
    assert due(cron, AUTUMN, 25) == expected


def test_minute_jobs_miss_no_instant_and_no_name_comes_twice() -> None:
    for night, hours in ((SPRING, 23), (AUTUMN, 25)):
        for cron, minutes in (("* * * * *", 1), ("*/15 * * * *", 15)):
            midnight = night.astimezone(UTC) - timedelta(seconds=1)
            slots = due_between(job("j", cron), midnight, midnight + timedelta(hours=hours))
            assert len({run.slot for run in slots}) == len(slots) == hours * 60 // minutes
            assert {b.due - a.due for a, b in pairwise(slots)} == {timedelta(minutes=minutes)}
    assert due("* * * * *", AUTUMN + timedelta(hours=1, minutes=59), 2 / 60) == [
        ("11-07T01:59", "05:59Z"),
        ("11-07T01:00[fold=1]", "06:00Z"),
    ]
    assert due("* * * * *", SPRING + timedelta(hours=1, minutes=59), 2 / 60) == [
        ("03-14T01:59", "06:59Z"),
        ("03-14T03:00", "07:00Z"),
    ]


def test_a_year_has_every_night_and_every_sunday(root: Path) -> None:
    begins, ends = datetime(2027, 1, 1, 5, tzinfo=UTC), datetime(2028, 1, 1, 5, tzinfo=UTC)
    for one in load_schedule(root / "configs" / "schedule.yaml").jobs[:8]:
        slots = due_between(one, begins, ends)
        assert len({run.slot for run in slots}) == len(slots) == (365 if one.name.startswith("nightly") else 52)
        asked = f"{int(one.cron.split()[1]):02}:{int(one.cron.split()[0]):02}"
        assert {run.slot.partition("T")[2][:5] for run in slots} == {asked}


CRONS = ("* * * * *", "*/7 * * * *", "30 1 * * *", "15 2 * * *", "0 1-4 * * *", "*/20 1,2 * * 0", "0 2 1-14 3,11 *")


@given(
    cron=st.sampled_from(CRONS),
    begins=st.sampled_from((SPRING, AUTUMN, SPRING - timedelta(days=1))),
    cuts=st.lists(st.integers(0, 60 * 30), min_size=1, max_size=6),
    zone=st.sampled_from(("America/New_York", "Australia/Lord_Howe", "Europe/Dublin", "Asia/Kolkata", "UTC")),
)
def test_windows_that_meet_lose_nothing_and_repeat_nothing(
    cron: str, begins: datetime, cuts: list[int], zone: str
) -> None:
    one, start = job("j", cron, zone=zone), begins.astimezone(UTC)
    moments = [start + timedelta(minutes=minute) for minute in sorted({0, *cuts, 60 * 30})]
    whole = due_between(one, moments[0], moments[-1])
    parts = [run for a, b in pairwise(moments) for run in due_between(one, a, b)]
    assert parts == whole
    assert len({run.slot for run in whole}) == len({run.due for run in whole}) == len(whole)


def test_the_next_run() -> None:
    now = datetime(2027, 3, 14, 7, 10, tzinfo=UTC)
    found = next_run(job("j", "15 2 * * *"), now)
    assert found is not None
    assert found.due == datetime(2027, 3, 14, 7, 15, tzinfo=UTC)
    leap = next_run(job("j", "0 0 29 2 *"), now)
    assert leap is not None
    assert leap.slot == "j/2028-02-29T00:00 America/New_York"
