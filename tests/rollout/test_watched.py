"""Is it attested of each window, and of all, how much was waiting and who had the processors?"""

import pytest

from fixtures.systems.machine import Machine, Taken, Used
from fixtures.systems.waiting import RUN_QUEUE, Mark, WaitingClock
from gates.pairs import Arm
from gates.rule.climbed import Load, WindowLoad
from rollout.watched import Watched
from tests.gates.builders import arm

CLOCK = WaitingClock(RUN_QUEUE, lambda: Mark(0, 0))
NAN = float("nan")


class Counted(Machine):
    """A machine whose counters are made up: one pair of readings for each look."""

    def __init__(self, *looks: tuple[Taken, Used]) -> None:
        self._looks = iter(looks)

    def taken(self) -> Taken:
        taken, self._then = next(self._looks)
        return taken

    def used(self) -> Used:
        return self._then


def waited(ms: float, latency: float = 10.0) -> Arm:
    return arm(4, latency_ms=latency, wait_ms=ms)


BEGUN = Taken(100.0, 1.0, 0.0), Used(50.0, 20.0, 15.0, 9.0)


def test_a_window_says_whose_its_time_was() -> None:
    later = Taken(102.0, 1.1, 0.02), Used(54.0, 23.0, 17.4, 11.0)
    watched = Watched(Counted(BEGUN, BEGUN, later), CLOCK)
    watched.begin()
    watched.end(3, 25, {"hero": [waited(1.0), waited(2.0)], "baseline": [waited(0.5)]})
    record = watched.record()
    load = Load(
        seconds="2", hero="0.15", baseline="0.05", own_threads="0.2", others="0.5", steal="0.05", throttled="0.01"
    ).model_dump()
    assert record.windows == (WindowLoad(window=3, percent=25, **load),)
    assert record.model_dump(include=set(load)) == load
    assert record.waiting == RUN_QUEUE


def test_all_windows_are_weighed_by_their_time() -> None:
    looks = [BEGUN, BEGUN, (Taken(101.0, 1.0, 0.0), Used(51.0, 21.0, 16.0, 10.0))]
    looks += [looks[-1], (Taken(104.0, 1.0, 0.0), Used(57.0, 24.0, 19.0, 13.0))]
    watched = Watched(Counted(*looks), CLOCK)
    for number, (ms, latency) in enumerate([(0.0, 10.0), (3.0, 30.0)]):
        watched.begin()
        watched.end(number, 5, {"hero": [waited(ms, latency)], "baseline": [waited(ms, latency)]})
    record = watched.record()
    assert [window.others for window in record.windows] == ["0", "1"]
    assert (record.seconds, record.others, record.hero) == ("4", "0.75", "0.075")


def test_what_the_machine_does_not_say_is_left_empty() -> None:
    look = Taken(100.0, NAN, 0.0), Used(NAN, NAN, NAN, 0.0)
    watched = Watched(Counted(look, look, (Taken(101.0, NAN, 0.0), Used(NAN, NAN, NAN, 0.0))), CLOCK)
    watched.begin()
    watched.end(0, 0, {"baseline": [waited(1.0)]})
    record = watched.record()
    assert (record.own_threads, record.others, record.steal, record.throttled) == ("", "", "", "0")
    assert record.hero == ""


@pytest.mark.parametrize("windows", [0, 1])
def test_it_is_a_record_whatever_was_asked(windows: int) -> None:
    watched = Watched(Counted(BEGUN, BEGUN, BEGUN), CLOCK)
    if windows:  # of no time at all
        watched.begin()
        watched.end(0, 0, {"baseline": [waited(1.0)]})
    assert len(watched.record().windows) == windows
