"""What did earlier runs measure? One parquet partition a run and job, an index that tells expired from tampered.

Layout below a folder of its own:

    index.jsonl                                the index: one entry a line, each with the digest of the line before
    date=2026-03-01/<run_id>-<job>.parquet     what one run added
    month=2026-03/<number>.parquet             many of those, merged: thousands of small files would take ten seconds

The index only grows. An entry says that a file was added, that files were merged into one, or that a file expired. So a
file that is gone is "expired" or merged where the index says so, and otherwise, like one that changed, "tampered".
Nobody is stopped from writing index and files anew; who keeps `head` elsewhere (a signed statement) will notice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from filelock import FileLock, Timeout

from evidence.digests import file_digest
from evidence.files import MOST_LINES, regular
from evidence.parts import concat, read_table, write_table
from evidence.schemas import TEXT

if TYPE_CHECKING:
    import pandas as pd

METRICS = pa.schema(
    [
        ("run_id", TEXT),
        ("at", pa.timestamp("us", "UTC")),
        ("job", TEXT),
        ("system", TEXT),
        ("config_hash", TEXT),
        ("suite", TEXT),
        ("intent", TEXT),  # "" for all
        ("metric", TEXT),
        ("value", pa.float64()),
        ("ci_lower", pa.float64()),  # NaN where the metric has no interval
        ("ci_upper", pa.float64()),
        ("n", pa.int64()),
        ("release_fingerprint", TEXT),
    ]
)
"""One row per metric of one system on one suite, as one run measured it."""

MANY = 64  # single partitions that are read beside the merged months
_INDEX = "index.jsonl"
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PATIENCE = 60  # seconds for another process to end its appending


class HistoryError(Exception):
    """The history cannot be read or added to as asked; one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the index and the files say of each other."""

    files: Mapping[str, Mapping[str, Any]]  # that hold the history now -> their entry
    expired: tuple[str, ...]
    tampered: tuple[str, ...]  # one line each
    entries: int
    head: str  # digest of the last line of the index, "" for none
    gone: tuple[str, ...]  # merged or expired, but a killed process left the file

    def sound(self) -> list[str]:
        """The files that are as they were written."""
        found = {line.partition(": ")[0] for line in self.tampered}
        return [name for name in self.files if name not in found]


def append(folder: Path, run_id: str, job: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """Add what one run's job measured; returns the partition's name. `rows` have METRICS' columns but run_id and job.

    Raises HistoryError where this run's job was added already, or where the index cannot be continued.
    """
    if not (_NAME.fullmatch(run_id) and _NAME.fullmatch(job)):
        raise HistoryError(f"run {run_id!r}, job {job!r}: should be letters, digits, - and _: they name a file")
    listed = [{**row, "run_id": run_id, "job": job} for row in rows]
    if not listed:
        raise HistoryError(f"{job} of {run_id}: no metric to keep, but an empty partition would read as a kept one")
    table = pa.Table.from_pylist(listed, schema=METRICS)
    missing = [f.name for f in METRICS if f.name not in listed[0]]
    if missing:
        raise HistoryError(f"{job} of {run_id}: column {missing[0]} is missing; the contract is METRICS")
    day = pc.max(table["at"]).as_py().date()
    name = f"date={day.isoformat()}/{run_id}-{job}.parquet"
    with _owned(folder):
        state = look(folder, digests=False)
        if name in state.files or name in state.expired or (folder / name).exists():
            raise HistoryError(f"{folder / name}: kept already; a run is kept once")
        _enter(folder, state, "added", name, _keep(table, folder / name))
        if 1 + sum(entry["entry"] == "added" for entry in state.files.values()) >= MANY:
            _merge(folder)
    return name


def read(folder: Path, *, since: date | None = None, **of: str | Sequence[str]) -> pd.DataFrame:
    """The kept metrics, oldest first; of everything, or of what columns name: `metric="ece", job=["drift", "pool"]`.

    Raises HistoryError where a file is tampered with: a drift that is judged by forged numbers is no drift.
    """
    import pyarrow.dataset as ds  # brings pandas, which who only appends need not wait for

    state = look(folder)
    if state.tampered:
        more = f" (and {len(state.tampered) - 1} more)" if len(state.tampered) > 1 else ""
        raise HistoryError(f"{folder}: {state.tampered[0]}{more}; put it back, or begin a new history elsewhere")
    begin = datetime.combine(since, datetime.min.time(), UTC) if since else None
    files = [
        str(folder / name)
        for name, entry in state.files.items()
        if begin is None or datetime.fromisoformat(entry["newest"]) >= begin
    ]
    asked = pc.scalar(True) if begin is None else pc.field("at") >= pa.scalar(begin, METRICS.field("at").type)
    for column, value in of.items():
        values = [value] if isinstance(value, str) else list(value)
        if any(values):
            asked &= pc.field(column).cast(pa.string()).isin(values)
    kept = ds.dataset(files, schema=METRICS, format="parquet") if files else ds.dataset(METRICS.empty_table())
    found: pd.DataFrame = kept.to_table(filter=asked).unify_dictionaries().sort_by("at").to_pandas()
    return found


def look(folder: Path, *, digests: bool = True) -> State:
    """What there is, what has expired, and what is not as the index says. Nothing that is found is believed.

    Without `digests` no file is read, and so none found changed.
    """
    files: dict[str, Mapping[str, Any]] = {}
    expired: list[str] = []
    gone: list[str] = []
    tampered: list[str] = []
    head, number = "", 0
    for number, line in enumerate(_whole(folder).decode(errors="replace").splitlines(), start=1):
        before, head = head, hashlib.sha256(line.encode()).hexdigest()
        try:
            entry = json.loads(line)
            name, kind = str(entry["file"]), str(entry["entry"])
            of = [str(one) for one in entry.get("of", ())]
            fine = entry["previous"] == before and entry["number"] == number
            datetime.fromisoformat(entry["newest"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            tampered.append(f"{_INDEX}:{number}: not an entry of this index")
            continue
        if not fine:
            tampered.append(f"{_INDEX}:{number}: does not follow from the line before it; the index was rewritten here")
        for one in (*of, *((name,) if kind == "expired" else ())):
            if files.pop(one, None) is None:
                tampered.append(f"{_INDEX}:{number}: {kind} {one}, which was not there")
            gone.append(one)
        if kind == "expired":
            expired.append(name)
        else:
            files[name] = entry
    there = {path.relative_to(folder).as_posix() for path in folder.glob("*/*.parquet")} if folder.exists() else set()
    for name, entry in files.items():
        if name not in there:
            tampered.append(f"{name}: not there, but the index does not say that it expired")
        elif digests and file_digest(folder / name) != entry["sha256"]:
            tampered.append(f"{name}: changed after it was written")
    return State(
        files=files,
        expired=tuple(expired),
        tampered=tuple(tampered),
        entries=number,
        head=head,
        gone=tuple(sorted((there - files.keys()) & set(gone))),
    )


def expire(folder: Path, *, keep_days: int, today: date) -> tuple[str, ...]:
    """Delete files whose newest row is older than `keep_days`, and record each as expired; returns their names.

    A merged month expires as a whole, once its last day does.
    """
    oldest = today - timedelta(days=keep_days)
    with _owned(folder):
        state = look(folder)
        newest = {name: datetime.fromisoformat(state.files[name]["newest"]) for name in state.sound()}
        old = [name for name, at in newest.items() if at.date() < oldest]  # what is tampered with stays found
        for name in old:
            _enter(folder, look(folder, digests=False), "expired", name, state.files[name])
            (folder / name).unlink(missing_ok=True)
        for name in state.gone:
            (folder / name).unlink(missing_ok=True)
    return tuple(old)


def _merge(folder: Path) -> None:
    """Put the partitions of each month that are as they were written into one file; what is not stays found."""
    found = look(folder)
    by_month: dict[str, list[str]] = {}
    for name in found.sound():
        by_month.setdefault(name.partition("=")[2][:7], []).append(name)
    for month, names in sorted(by_month.items()):
        if all(found.files[name]["entry"] == "merged" for name in names):
            continue
        state = look(folder, digests=False)
        table = concat([read_table(folder / name, METRICS) for name in names])
        merged = f"month={month}/{state.entries + 1:06d}.parquet"
        _enter(folder, state, "merged", merged, _keep(table.sort_by("at"), folder / merged), of=names)
        for name in names:
            (folder / name).unlink(missing_ok=True)
            if not any((folder / name).parent.iterdir()):
                (folder / name).parent.rmdir()


def _keep(table: pa.Table, path: Path) -> dict[str, Any]:
    """Write a file; what its entry says of it."""
    write_table(table, path)
    return {"sha256": file_digest(path), "rows": len(table), "newest": pc.max(table["at"]).as_py().isoformat()}


def _enter(folder: Path, state: State, kind: str, name: str, facts: Mapping[str, Any], of: Sequence[str] = ()) -> None:
    """Write one entry as the next line of the index, which stands as `state` says."""
    entry = {
        **{key: facts[key] for key in ("sha256", "rows", "newest")},
        "number": state.entries + 1,
        "entry": kind,
        "file": name,
        "of": list(of),
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "previous": state.head,
    }
    line = json.dumps(entry, sort_keys=True)
    with (folder / _INDEX).open("ab") as index:
        index.truncate(len(_whole(folder)))
        index.write(f"{line}\n".encode())


def _whole(folder: Path) -> bytes:
    """The index without a last line that a killed process wrote half."""
    path = folder / _INDEX
    content = regular(path, MOST_LINES).read_bytes() if path.exists() else b""
    return content[: content.rfind(b"\n") + 1]


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """No other process adds, merges or expires meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=_PATIENCE):
            yield
    except Timeout:
        raise HistoryError(f"{folder}: another process has been adding for {_PATIENCE} s; try again") from None
