"""At which instants is a job due in the nights whose clock changes? Against a table that was written by hand."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.schedule import due_between, next_run
from tests.automation.worlds import job

NEW_YORK = ZoneInfo("America/New_York")
SPRING = datetime(2027, 3, 14, tzinfo=NEW_YORK)  # 02:00 EST -> 03:00 EDT, a Sunday
AUTUMN = datetime(2027, 11, 7, tzinfo=NEW_YORK)  # 02:00 EDT -> 01:00 EST, a Sunday


def due(cron: str, begins: datetime, hours: float) -> list[tuple[str, str]]:
    """(local time of the slot's name, instant in UTC) from this moment on, for so many real hours."""
    after = begins.astimezone(UTC) - timedelta(seconds=1)
    slots = due_between(job("j", cron), after, after + timedelta(hours=hours))
    return [(run.slot.removeprefix("j/").partition(" ")[0][5:], f"{run.due:%H:%M}Z") for run in slots]


#: Cron line -> local and real times of its slots. 06:59Z is 01:59 EST, 07:00Z is 03:00 EDT.
IN_SPRING = {
    **{f"{minute} 2 * * *": [(f"03-14T02:{minute:02}", f"07:{minute:02}Z")] for minute in (0, 15, 30, 45)},
    "30 1 * * *": [("03-14T01:30", "06:30Z")],
    **{f"0 {hour} * * 0": [(f"03-14T{hour:02}:00", f"{hour + 4:02}:00Z")] for hour in (3, 4, 5, 6)},
    "*/5 9-18 * * 1-5": [],
    "*/30 2 * * *": [("03-14T02:00", "07:00Z"), ("03-14T02:30", "07:30Z")],
    # Due at 03:00 anyway: one slot, not two at one instant.
    "0 1-4 * * *": [("03-14T01:00", "06:00Z"), ("03-14T03:00", "07:00Z"), ("03-14T04:00", "08:00Z")],
}
#: 05:30Z is 01:30 EDT, 06:30Z is 01:30 EST.
IN_AUTUMN = {
    **{f"{minute} 2 * * *": [(f"11-07T02:{minute:02}", f"07:{minute:02}Z")] for minute in (0, 15, 30, 45)},
    "30 1 * * *": [("11-07T01:30", "05:30Z")],
    **{f"0 {hour} * * 0": [(f"11-07T{hour:02}:00", f"{hour + 5:02}:00Z")] for hour in (3, 4, 5, 6)},
    "*/30 1 * * *": [
        ("11-07T01:00", "05:00Z"), ("11-07T01:30", "05:30Z"),
        ("11-07T01:00[fold=1]", "06:00Z"), ("11-07T01:30[fold=1]", "06:30Z"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("begins", "hours", "cron"),
    [*((SPRING, 23, cron) for cron in IN_SPRING), *((AUTUMN, 25, cron) for cron in IN_AUTUMN)],
)
def test_a_night_whose_clock_changes(begins: datetime, hours: int, cron: str) -> None:
    assert due(cron, begins, hours) == (IN_SPRING if begins == SPRING else IN_AUTUMN)[cron]


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
