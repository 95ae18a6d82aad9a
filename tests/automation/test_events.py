"""Do events survive the file that they are written to, cut lines included?"""

from pathlib import Path

import pytest

from automation.events import (
    KINDS,
    ClockSteppedBack,
    HeartbeatLate,
    JobFailed,
    JobLost,
    JobRecovered,
    JobTimedOut,
    ScheduleEvent,
    SlotMissed,
    from_json,
)
from evidence.files import append_lines
from tests.automation.worlds import read_events

AT = "2027-03-14T07:15:00Z"
SLOT = "nightly/2027-03-14T02:15 America/New_York"
FAILED = JobFailed(
    id="failed/1", at=AT, job="nightly", owner="süß", slot=SLOT, attempt=1, exit_status=-9, seconds=2.5, log="logs/x"
)
EVENTS: list[ScheduleEvent] = [
    FAILED,
    JobTimedOut(id="2", at=AT, job="nightly", owner="o", slot=SLOT, attempt=1, minutes=60.0, log="logs/x"),
    JobLost(id="3", at=AT, job="nightly", owner="o", slot=SLOT, attempt=2, log="logs/x"),
    JobRecovered(id="4", at=AT, job="nightly", owner="o", slot=SLOT, before="failed"),
    SlotMissed(
        id="5", at=AT, job="nightly", owner="o", severity="P2", count=2, first=SLOT, last=SLOT, reason="no tick"
    ),
    HeartbeatLate(id="6", at=AT, last=AT, minutes=7.0),
    ClockSteppedBack(id="7", at=AT, last=AT, reopened=3),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_read_as_it_was_written(event: ScheduleEvent) -> None:
    assert from_json(event.to_json()) == event
    assert "\n" not in event.to_json()


def test_every_kind_is_known() -> None:
    assert {type(event) for event in EVENTS} == set(KINDS.values())


@pytest.mark.parametrize("cut", range(1, 200, 13))
def test_a_line_that_a_crash_cut_short_swallows_no_other(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "events.jsonl"
    append_lines(path, [event.to_json() for event in EVENTS[1:3]])
    whole = path.read_bytes()
    path.write_bytes(whole + FAILED.to_json().encode()[:cut])
    append_lines(path, [event.to_json() for event in [FAILED, EVENTS[1]]])
    assert read_events(path) == [*EVENTS[1:3], FAILED]
    assert path.read_bytes().startswith(whole)
