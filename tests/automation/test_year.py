"""Does each due slot run exactly once, or is it reported missed, whatever happens to processes and clocks?"""

import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from automation.ledger import ENDED, Entry
from automation.schedule import ScheduledJob, due_between
from automation.schedule_file import load_schedule
from tests.automation.worlds import MortalLedger, World

NEW_YORK = ZoneInfo("America/New_York")
MINUTELY = ("hero_health", "gate_monitor", "emergency_tripwire")


@pytest.fixture(autouse=True)
def _the_machine_itself_stays_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda file: None)


def settle(world: World, begins: datetime, ends: datetime, seen: dict[str, Entry]) -> Counter[str]:
    """Every due slot is in one of the two states that the promise names; count them."""
    world.come_to_rest(ends)
    seen.update({entry.slot: entry for entry in world.ledger.every_slot(begins)})
    due = {run.slot for job in world.jobs for run in due_between(job, begins, ends)}
    states = {slot: seen[slot].state if slot in seen else "not in the ledger" for slot in due}
    assert set(states.values()) <= {*ENDED, "missed"}
    ran = {slot for slot, state in states.items() if state in ENDED}
    assert {slot for slot in due if world.ended[slot]} == ran
    assert max(world.ended.values()) == 1
    reported = [event for event in world.told if event.kind == "slot_missed"]
    spans = [(event.job, *event.text.removeprefix("from ").split(" to ")) for event in reported]
    missed = {slot for slot, state in states.items() if state == "missed"}
    for slot in missed:  # each stands in a report, by name or as one of those before the last
        of_job = slot.partition("/")[0]
        assert any(job == of_job and first <= slot <= last for job, first, last in spans)
    assert world.ledger.untold() == []
    return Counter({"slots": len(due), "ran once": len(ran), "missed": len(missed)}) + world.counts


def world_of(jobs: list[ScheduledJob], folder: Path, begins: datetime, seed: int) -> World:
    luck = random.Random(seed)
    ledger = MortalLedger(folder / "automation" / "slots.sqlite", dies=luck, chance=0.004)
    return World(jobs=jobs, ledger=ledger, luck=luck, true=begins)


def test_a_year_of_nights_and_weeks(root: Path, tmp_path: Path) -> None:
    jobs = [job for job in load_schedule(root / "configs" / "schedule.yaml").jobs if job.name not in MINUTELY]
    assert len(jobs) == 8
    begins, ends = datetime(2027, 1, 1, 5, tzinfo=UTC), datetime(2028, 1, 1, 5, tzinfo=UTC)
    world, seen = world_of(jobs, tmp_path, begins, seed=2027), dict[str, Entry]()
    world.tick()
    kept = begins
    while world.true < ends:
        night = 1 <= world.true.astimezone(NEW_YORK).hour < 9
        minutes = world.luck.uniform(2, 75) if night else world.luck.uniform(60, 300)
        if world.luck.random() < 0.002:
            minutes = world.luck.uniform(600, 4000)  # the machine is down
            world.counts["outages"] += 1
        world.go_on(ends, timedelta(minutes=minutes))
        if world.true - kept > timedelta(days=30):  # the ledger forgets after 60 days
            seen.update({entry.slot: entry for entry in world.ledger.every_slot(begins)})
            kept = world.true
    counts = settle(world, begins, ends, seen)
    world.ledger.close()
    assert counts["slots"] == 4 * 365 + 4 * 52
    assert counts["ran once"] > 1400
    assert min(counts["missed"], counts["tick killed"], counts["supervisor killed"], counts["clock steps"]) > 20


@pytest.mark.slow(every=2)
@pytest.mark.parametrize(
    ("night", "hours"),
    [(datetime(2027, 3, 14, tzinfo=NEW_YORK), 72 - 1), (datetime(2027, 11, 7, tzinfo=NEW_YORK), 72 + 1)],
)
def test_minute_jobs_around_a_night_whose_clock_changes(
    root: Path, tmp_path: Path, night: datetime, hours: int
) -> None:
    jobs = [job for job in load_schedule(root / "configs" / "schedule.yaml").jobs if job.name in MINUTELY]
    begins = (night - timedelta(days=1)).astimezone(UTC) - timedelta(seconds=1)
    ends = (night + timedelta(days=2)).astimezone(UTC) - timedelta(seconds=1)
    world = world_of(jobs, tmp_path, begins, seed=night.month)
    world.ledger.chance = 0.001
    while world.true < ends:
        step = world.luck.choice((59, 60, 60, 60, 61)) if world.luck.random() < 0.98 else 300
        world.go_on(ends, timedelta(seconds=step))
    counts = settle(world, begins + timedelta(minutes=2), ends, {})
    world.ledger.close()
    of_monday = 120  # the one weekday of the three
    assert abs(counts["slots"] - (hours * 60 + hours * 4 + of_monday)) < 10
    assert counts["ran once"] > counts["slots"] / 2
    assert min(counts["missed"], counts["tick killed"], counts["supervisor killed"], counts["clock steps"]) > 5
