"""What became of each slot? One small SQLite file (WAL), in which every transition is one transaction.

The states of a slot, and what leads from one to the next:

    due ──> claimed ──> succeeded | failed | timed_out     its run came to an end, and the end is recorded: final
     │         └──────> lost ──> claimed                   its process died before: it runs again if not too late
     └──────────────────> └────> missed                    it did not run and will not: final, and reported

Exactly once means: one *recorded* end for each slot, and never two runs at a time. A run whose process dies after its
work and before its end is recorded (milliseconds) is repeated, as jobs that judge the same evidence may be.

Times are UTC as text (`2027-03-14T07:15:00Z`), so that they sort, and that a person with `sqlite3` can read them.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from automation.processes import taken
from automation.schedule import ScheduledRun
from gates.errors import GateError
from reports.alerts.event import Event

VERSION = 2
#: Longer than slots are looked back for, so that nothing that is forgotten can come due again.
KEEP = timedelta(days=60)
#: Bytes without which a disk is called full: a transaction needs less.
_ROOM = 1_000_000
OPEN = ("due", "lost")
CLAIMED = ("claimed",)
UNSETTLED = ("due", "claimed", "lost")
ENDED = ("succeeded", "failed", "timed_out")
TABLES = """
CREATE TABLE slots (
  slot TEXT PRIMARY KEY, job TEXT NOT NULL, due TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('due', 'claimed', 'succeeded', 'failed', 'timed_out', 'lost', 'missed')),
  reason TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0,
  lane TEXT, owner TEXT, claimed TEXT, started TEXT, finished TEXT, exit_status INTEGER, log TEXT
) WITHOUT ROWID;
CREATE INDEX of_job ON slots (job, due);
CREATE INDEX good_logs ON slots (job, due) WHERE state = 'succeeded' AND log IS NOT NULL;
CREATE INDEX unsettled ON slots (state) WHERE state IN ('due', 'claimed', 'lost');
CREATE TABLE watched (job TEXT PRIMARY KEY, cron TEXT NOT NULL, since TEXT NOT NULL, looked TEXT NOT NULL);
CREATE TABLE heartbeat (one INTEGER PRIMARY KEY CHECK (one = 1), at TEXT NOT NULL);
CREATE TABLE untold (number INTEGER PRIMARY KEY, events TEXT NOT NULL);
"""


def text(moment: datetime) -> str:
    """How a moment stands in the ledger."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment(written: str) -> datetime:
    """The moment that stands in the ledger."""
    return datetime.fromisoformat(written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One slot as it stands in the ledger: its columns."""

    slot: str
    job: str
    due: datetime
    state: str
    reason: str
    attempts: int
    lane: str | None
    owner: str | None
    claimed: datetime | None
    started: datetime | None
    finished: datetime | None
    exit_status: int | None
    log: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Since when a job stands in the schedule with this cron line, and until when its slots were looked for."""

    cron: str
    since: datetime
    looked: datetime


class Ledger(AbstractContextManager["Ledger"]):
    """The open file. Writing methods are called within `transaction()`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA synchronous = FULL")
            if self._version() == 0:
                self._make()
        except sqlite3.Error as error:
            raise GateError(trouble(path, error)) from None
        if self._version() != VERSION:
            raise GateError(
                f"{path}: version {self._version()} of a ledger, but this checkout writes {VERSION}; move the file away"
            )

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _make(self) -> None:
        # SQLite does not wait when two processes turn the same new file to WAL at once.
        with taken(self.path.parent / "lanes", ".ledger", patience=30):
            if self._version() == 0:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")

    def close(self) -> None:
        """Close the file; SQLite then folds its -wal and -shm files in."""
        self._db.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and nobody else writes meanwhile."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # What is asked

    def entries(self, states: Sequence[str], *, job: str | None = None) -> list[Entry]:
        """The slots in these states, the earliest first."""
        query = f"SELECT * FROM slots WHERE state IN ({_listed(states)}) AND job = coalesce(?, job)"
        return sorted(map(_entry, self._db.execute(query, (job,))), key=lambda entry: (entry.due, entry.slot))

    def entry(self, slot: str) -> Entry | None:
        """One slot."""
        row = self._db.execute("SELECT * FROM slots WHERE slot = ?", (slot,)).fetchone()
        return _entry(row) if row else None

    def last(self, job: str, *, before: datetime | None = None) -> Entry | None:
        """The newest slot of a job that was settled (its run ended, or it was missed)."""
        query = f"""SELECT * FROM slots WHERE job = ? AND due < ? AND state NOT IN ({_listed(UNSETTLED)})
                    ORDER BY due DESC LIMIT 1"""
        row = self._db.execute(query, (job, text(before) if before else "9999")).fetchone()
        return _entry(row) if row else None

    def newest_due(self, job: str, now: datetime) -> datetime | None:
        """When the newest known slot of a job was due."""
        query = "SELECT max(due) FROM slots WHERE job = ? AND due <= ?"
        row = self._db.execute(query, (job, text(now))).fetchone()
        return moment(row[0]) if row[0] else None

    def watches(self) -> dict[str, Watch]:
        """Job -> how far it was looked at."""
        rows = self._db.execute("SELECT job, cron, since, looked FROM watched")
        return {row[0]: Watch(cron=row[1], since=moment(row[2]), looked=moment(row[3])) for row in rows}

    def heartbeat(self) -> datetime | None:
        """When the last tick was completed."""
        row = self._db.execute("SELECT at FROM heartbeat").fetchone()
        return moment(row[0]) if row else None

    def untold(self) -> list[tuple[int, list[Event]]]:
        """The events that are not yet told, those of one transition together."""
        rows = self._db.execute("SELECT number, events FROM untold ORDER BY number")
        return [(number, [Event(**one) for one in json.loads(events)]) for number, events in rows]

    # What is recorded

    def watched(self, watches: dict[str, Watch]) -> None:
        """These jobs stand in the schedule, no others, and their slots until `looked` are in the ledger."""
        rows = [(job, watch.cron, text(watch.since), text(watch.looked)) for job, watch in watches.items()]
        self._db.execute("DELETE FROM watched")
        self._db.executemany("INSERT INTO watched VALUES (?, ?, ?, ?)", rows)

    def add_due(self, runs: Sequence[ScheduledRun]) -> None:
        """These slots have come due; a slot that is known already stays as it is."""
        self._db.executemany(
            "INSERT OR IGNORE INTO slots (slot, job, due, state) VALUES (?, ?, ?, 'due')",
            [(run.slot, run.job, text(run.due)) for run in runs],
        )

    def forget_ahead(self, job: str, now: datetime) -> int:
        """Slots that did not run and are yet to come (the clock was ahead) come again; how many are there?"""
        query = "DELETE FROM slots WHERE job = ? AND due > ? AND state IN ('due', 'missed')"
        return self._db.execute(query, (job, text(now))).rowcount

    def claim(self, entry: Entry, *, lane: str, owner: str, now: datetime, log: str) -> None:
        """The slot's next attempt is to start."""
        said = {"state": "claimed", "attempts": entry.attempts + 1, "reason": "", "lane": lane, "owner": owner}
        self._change(entry.slot, entry.attempts, OPEN, **said, claimed=text(now), started=None, log=log)

    def take_over(self, slot: str, attempt: int, now: datetime) -> bool:
        """A supervisor starts this attempt's job; False if it was given up meanwhile."""
        return self._change(slot, attempt, CLAIMED, started=text(now))

    def end(self, slot: str, attempt: int, state: str, exit_status: int, now: datetime) -> bool:
        """The run came to its end; False if the attempt was given up meanwhile."""
        return self._change(slot, attempt, CLAIMED, state=state, exit_status=exit_status, finished=text(now))

    def lose(self, entry: Entry) -> None:
        """The run died before its end was recorded."""
        self._change(entry.slot, entry.attempts, CLAIMED, state="lost")

    def _change(self, slot: str, attempt: int, states: Sequence[str], **values: object) -> bool:
        """Set columns of a slot, provided that it is still in one of these states, at this attempt."""
        columns = ", ".join(f"{name} = ?" for name in values)
        query = f"UPDATE slots SET {columns} WHERE slot = ? AND attempts = ? AND state IN ({_listed(states)})"
        return self._db.execute(query, (*values.values(), slot, attempt)).rowcount == 1

    def miss(self, entries: Sequence[Entry], reason: str, now: datetime) -> None:
        """These slots did not run and will not."""
        self._db.executemany(
            "UPDATE slots SET state = 'missed', reason = ?, finished = ? WHERE slot = ?",
            [(reason, text(now), entry.slot) for entry in entries],
        )

    def tell(self, *events: Event) -> None:
        """Have them told, once this transaction is done."""
        if events:
            self._db.execute("INSERT INTO untold (events) VALUES (?)", (json.dumps([asdict(one) for one in events]),))

    def told(self, number: int) -> None:
        """The events of this number are told."""
        self._db.execute("DELETE FROM untold WHERE number = ?", (number,))

    def beat(self, now: datetime) -> None:
        """A tick is complete."""
        self._db.execute("INSERT OR REPLACE INTO heartbeat VALUES (1, ?)", (text(now),))

    def prune(self, now: datetime) -> list[str]:
        """Forget what was settled long ago, but for the newest slot of each job; the log files that nobody needs."""
        old = text(now - KEEP)
        query = f"""DELETE FROM slots WHERE due < ? AND state NOT IN ({_listed(UNSETTLED)})
                     AND due < (SELECT max(due) FROM slots AS other WHERE other.job = slots.job) RETURNING log"""
        return [row[0] for row in self._db.execute(query, (old,)).fetchall() if row[0]]

    def spare_logs(self, job: str, keep: int) -> list[str]:
        """The log files of good runs but for the newest ones; the ledger forgets them here."""
        spare = """FROM slots WHERE job = ? AND state = 'succeeded' AND log IS NOT NULL
                   ORDER BY due DESC LIMIT -1 OFFSET ?"""
        logs = [row[0] for row in self._db.execute(f"SELECT log {spare}", (job, keep))]
        if logs:
            self._db.execute(f"UPDATE slots SET log = NULL WHERE slot IN (SELECT slot {spare})", (job, keep))
        return logs

    def unlink(self, logs: Iterable[str]) -> None:
        """Remove log files, by their names under the ledger's folder."""
        for log in logs:
            (self.path.parent / log).unlink(missing_ok=True)


def trouble(path: Path, error: sqlite3.Error) -> str:
    """Why the ledger cannot be read or written, and the way out. Only what is no ledger is to be moved away."""
    name, folder = getattr(error, "sqlite_errorname", ""), path.parent
    if name in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
        return f"{path}: {error}, but a ledger of slots is expected; move the file away"
    why, way_out = str(error), "nothing is lost, the next tick goes on from here"
    try:
        disk = os.statvfs(folder)
        if disk.f_flag & os.ST_RDONLY or not os.access(folder, os.W_OK):
            why = f"{error}: {folder} cannot be written (a read-only disk?)"
        elif name == "SQLITE_FULL" or disk.f_bavail * disk.f_frsize < _ROOM:
            why = f"{error}: the disk of {folder} is full; make room"
    except OSError as missing:
        why = f"{error}: {missing.strerror}"
    return f"{path}: {why}; {way_out}"


def _listed(states: Sequence[str]) -> str:
    return ", ".join(f"'{state}'" for state in states)


def _entry(row: sqlite3.Row) -> Entry:
    times = {name: moment(row[name]) for name in ("due", "claimed", "started", "finished") if row[name]}
    return Entry(**{**dict(row), **times})
