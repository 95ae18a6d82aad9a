"""Who listens to the schedule's events, and when do alerts get their turn? After the jobs, and seldom for nothing.

Events are handed over at once, and what stands undelivered in an `alerts.jsonl` is delivered with every tick. What no
job tells (decisions without an alert, reviews that are due) is looked for every five minutes. Reading the rules of
alerts costs half a second, which a plain tick must not pay.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from automation.events import Event
from automation.schedule import ROOT, Schedule

CONFIGS = ROOT / "configs"
EVERY_MINUTES = 5


class Listener:
    """Hands events to the alerts of one artifacts folder (an automation.events.Told)."""

    def __init__(self, artifacts: Path, schedule: Schedule) -> None:
        self.artifacts, self.schedule = artifacts, schedule
        self.heard = False

    def __call__(self, events: Sequence[Event]) -> None:
        """Raises ConfigError or OSError where nothing was told: the same events come again."""
        from automation.outbox import listener

        self.heard = True
        listener(self.artifacts, CONFIGS, {job.name: job.marker for job in self.schedule.jobs})(events)

    def deliver(self, now: datetime) -> Sequence[str]:
        """Let alerts be found and delivered, if it is time to; lines that say what came of it."""
        if not (self.heard or now.minute % EVERY_MINUTES == 0 or self._undelivered()):
            return ()
        from automation.outbox import tick_alerts

        flushed = tick_alerts(self.artifacts, CONFIGS, now)
        quiet = not (flushed.told or flushed.delivered or flushed.waiting)
        return () if quiet else flushed.words

    def _undelivered(self) -> bool:
        """Was anything told after the last delivery?"""
        for folder in (self.artifacts, *self.artifacts.glob("jobs/*")):
            told, delivered = folder / "alerts.jsonl", folder / "alerts-delivery.jsonl"
            if told.exists() and (not delivered.exists() or delivered.stat().st_mtime < told.stat().st_mtime):
                return True
        return False
