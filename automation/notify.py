"""Who is told of the events that were raised? The file first, then a listener; what fails is tried again.

The listener of a real tick hands events to the alerts at once. What stands undelivered in an `alerts.jsonl` is
delivered with every tick; what no job tells (decisions without an alert, reviews that are due) is looked for every five
minutes. Reading the rules of alerts costs half a second, which a plain tick must not pay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from automation.events import ScheduleEvent
from automation.ledger import Ledger
from automation.processes import taken
from automation.schedule import ROOT, Schedule
from evidence.files import append_lines

CONFIGS = ROOT / "configs"
EVERY_MINUTES = 5
#: Takes events once each in the ordinary case; after a crash the same ids may come again.
Listener = Callable[[Sequence[ScheduleEvent]], None]


def write_events(ledger: Ledger) -> None:
    """Append to `events.jsonl` what is not yet written there."""
    if not ledger.untold("written"):
        return
    with taken(ledger.path.parent / "lanes", ".events", patience=30) as file:
        events = ledger.untold("written")  # another process may have written them meanwhile
        if file is not None and events:
            append_lines(ledger.path.parent / "events.jsonl", [event.to_json() for event in events])
            with ledger.transaction():
                ledger.mark("written", events)


def notify(ledger: Ledger, listener: Listener | None) -> list[str]:
    """Tell every event that is not yet told; the problems met, in lines.

    A listener that raises an error must not stop the schedule: the next tick calls it again with the same events.
    """
    write_events(ledger)
    events = ledger.untold("told")
    if not events:
        return []
    try:
        if listener is not None:
            listener(events)
    except Exception as error:
        name = f"{type(error).__name__}: {error}".partition("\n")[0]
        return [f"{len(events)} events could not be told ({name}); they are told again with the next tick"]
    with ledger.transaction():
        ledger.mark("told", events)
    return []


class AlertListener:
    """Hands events to the alerts of one artifacts folder."""

    def __init__(self, artifacts: Path, schedule: Schedule, configs: Path = CONFIGS) -> None:
        self.artifacts, self.configs = artifacts, configs
        self.markers = {job.name: job.marker for job in schedule.jobs}
        self.heard = False

    def __call__(self, events: Sequence[ScheduleEvent]) -> None:
        """Raises ConfigError or OSError where nothing was told: the same events come again."""
        from automation.alerts import from_schedule
        from reports.alerts.log import emit
        from reports.alerts.rules import load_alert_rules

        self.heard = True
        about = [one for event in events for one in from_schedule(event, self.markers)]
        emit(about, self.artifacts, load_alert_rules(self.configs), datetime.now(UTC))

    def deliver(self, now: datetime) -> Sequence[str]:
        """Let alerts be found and delivered, if it is time to; lines that say what came of it."""
        if not (self.heard or now.minute % EVERY_MINUTES == 0 or self._undelivered()):
            return ()
        from automation.outbox import tick_alerts

        flushed = tick_alerts(self.artifacts, self.configs, now)
        quiet = not (flushed.told or flushed.delivered or flushed.waiting)
        return () if quiet else flushed.words

    def _undelivered(self) -> bool:
        """Was anything told after the last delivery?"""
        for folder in (self.artifacts, *self.artifacts.glob("jobs/*")):
            told, delivered = folder / "alerts.jsonl", folder / "alerts-delivery.jsonl"
            if told.exists() and (not delivered.exists() or delivered.stat().st_mtime < told.stat().st_mtime):
                return True
        return False
