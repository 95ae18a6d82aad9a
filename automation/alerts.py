"""What should be told that no gate run tells? Decisions without an alert, reviews that are due, what jobs found.

Each function here turns what lies on disk into events and may be asked at every tick: reports.alerts.log tells an
event once, however often it is found.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from automation.ledger import Ledger
from automation.schedule import LOOK_BACK, Schedule
from gates.archive import state_of
from gates.documents import read_yaml
from gates.errors import ConfigError
from reports.alerts.event import Event, module
from reports.alerts.log import Log, emit, read_log
from reports.alerts.rules import NOTICES, load_alert_rules


def tell(events: Sequence[Event], artifacts: Path, configs: Path, fresh: bool) -> None:
    """Put what the schedule saw on record. Raises ConfigError or OSError where nothing was told: it comes again.

    Where the schedule is `fresh`, what is not evidenced yet is no news.
    """
    news = [event for event in events if not (fresh and event.kind == "not_evidenced")]
    name = serving(configs)
    emit([replace(event, serves=name) for event in news], artifacts, load_alert_rules(configs), datetime.now(UTC))


def is_fresh(schedule: Schedule, ledger: Ledger, now: datetime) -> bool:
    """Is there a job whose first slot was not due yet? After a week that is no excuse any more."""
    watches = ledger.watches().values()
    new = any(ledger.last(job.name) is None for job in schedule.jobs)
    return new and all(now - watch.since < LOOK_BACK for watch in watches)


def serving(configs: Path, key: str = "name") -> str:
    """The name of what answers users, or its owner; "" where policy or baseline cannot be read."""
    try:
        return str(read_yaml(configs / str(read_yaml(configs / "policy.yaml")["baseline"])).get(key, ""))
    except (ConfigError, KeyError):
        return ""


def exceptions(log: Log, configs: Path, now: datetime) -> list[Event]:
    """What serves without a PROMOTE, until something else serves; from its end on the canary that it owes is due."""
    found, stamp = list[Event](), now.isoformat(timespec="seconds")
    if any((state_of(configs) / "bundles").glob("*-exception-*")):
        from reports.promotion import serving as chain_of  # half a second, which most have not to wait

        made = chain_of.serving(configs)
        if made is not None and made.kind == "exception":
            ended, until = chain_of.has_ended(made, now), str(made.predicate.get("until", ""))
            event = Event(
                kind="exception",
                check="canary_due" if ended else "serves",
                hero=made.hero,
                observed="no PROMOTE",
                limit=f"until {until}",
                since=until if ended else str(made.predicate.get("createdOn", stamp)),
                seen_at=stamp,
                owner=serving(configs, "owner"),
                title=f"EXCEPTION: {chain_of.of_exception(made, now)}",
                text="it owes a canary: judge it where the baseline before it stands, then roll back and promote it",
                command=module("reports.promotion", "serving", f"--configs={configs.resolve()}"),
            )
            found.append(event)
    stands = {event.key for event in found}
    ended_now = [alert for alert in log.open if alert.kind == "exception" and alert.key not in stands]
    return found + [replace(alert, text="it is so no more", seen_at=stamp, resolved=True) for alert in ended_now]


def find_events(artifacts: Path, configs: Path, now: datetime) -> list[Event]:
    """What the files of an artifacts folder and of configs say at this moment."""
    from reports.alerts.decisions import untold_decisions  # half a second that most ticks need not wait

    log = read_log(artifacts)
    of_runs = [*untold_decisions(artifacts, log, now), *due_reviews(log, now), *over(log, now)]
    return [*of_runs, *exceptions(log, configs, now)]


def due_reviews(log: Log, now: datetime) -> list[Event]:
    """A PROMOTE must be looked at again 7 days later, unless the hero was promoted anew or rolled back since.

    From what was told and not from the attestations: those of old runs are deleted after a while.
    """
    found, stamp = list[Event](), now.isoformat(timespec="seconds")
    for alert in log.promoted:
        done = log.reviewed(alert)
        if done or now >= datetime.fromisoformat(alert.review_due):
            due = replace(
                alert,
                kind="review_due",
                check=alert.run_id,
                observed="not reviewed",
                limit=f"review by {alert.review_due}",
                title=f"review of {alert.hero} is due: decided PROMOTE by run {alert.run_id}",
                text="a later decision about the hero takes its place" if done else "does it still stand?",
                since=alert.review_due,
                seen_at=stamp,
                config="",
                severity="",
                review_due="",
                resolved=done,
            )
            found.append(due)
    return found


def over(log: Log, now: datetime) -> list[Event]:
    """Notices that fire no longer than there was time to act on them."""
    stamp, why = now.isoformat(timespec="seconds"), "the time to act on it is over"
    return [
        replace(alert, text=why, seen_at=stamp, resolved=True)
        for alert in log.open
        if alert.kind in NOTICES and now >= datetime.fromisoformat(alert.act_by)
    ]
