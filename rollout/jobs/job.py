"""In which folder, for which night and under which run does a job work, and what do those of one session share?"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from gates.archive import mark, state_of, take
from gates.errors import ConfigError, EvidenceError, GateError
from gates.statistics.pvalues import Interval
from gates.verdicts import Cell
from rollout.jobs.settings import NightlyFile

if TYPE_CHECKING:  # a third of a second that the emergency tripwire has not, as what is imported where it is used
    from filelock import FileLock

    from fixtures.packs import Served
    from rollout.jobs.probe import Probe

METRICS = "metrics"  # folder of the history in the state of configs; history/ of artifacts holds old canaries

T = TypeVar("T")


class Once:
    """Begins what is asked for by its key, once in a session; what failed stays failed."""

    def __init__(self) -> None:
        self._begun: dict[Hashable, Any] = {}

    def __call__(self, key: Hashable, begin: Callable[[], T]) -> T:
        """What `begin` gave, or raised."""
        if key not in self._begun:
            try:
                self._begun[key] = begin()
            except Exception as error:
                self._begun[key] = error
        found = self._begun[key]
        if isinstance(found, Exception):
            raise found
        kept: T = found
        return kept


@dataclass(kw_only=True)
class Jobs:
    """The jobs of one session, all of one moment: what one of them opened, or was refused, the others find so."""

    root: Path
    configs: Path
    artifacts: Path
    run_id: str
    write: bool = False  # --write was given
    asked: str = "all"  # --hero
    publish: Callable[..., object] = print  # has the night's intervals written for people
    at: datetime = field(default_factory=lambda: datetime.now(UTC))  # begun
    once: Once = field(default_factory=Once, init=False)
    _taken: ExitStack = field(default_factory=ExitStack, init=False)

    @property
    def state(self) -> Path:
        """What outlives results: the history, and all that the next run is compared with. Raises EvidenceError."""
        folder = state_of(self.configs)
        try:
            return mark(folder)
        except OSError as error:
            raise EvidenceError(f"{folder}: cannot be written ({error.strerror}); see to its permissions") from None

    @property
    def facts(self) -> dict[str, str]:
        """Which run it is, as its files say it."""
        return {"run_id": self.run_id, "at": self.at.isoformat(timespec="seconds")}

    def keep(self, job: str, rows: list[Mapping[str, Any]]) -> None:
        """Add metrics to the history (evidence.history). Raises HistoryError."""
        from evidence.history import append

        append(self.state / METRICS, self.run_id, job, [{"at": self.at, "intent": "", **row} for row in rows])

    def folder(self, family: str) -> Path:
        """The folder of a family, taken on first use. Raises EvidenceError where another run works there."""

        def begin() -> Path:
            folder = self.artifacts / family
            self._taken.callback(_own(folder, family).release)
            return folder

        return self.once(("folder", family), begin)

    def night(self, file: NightlyFile) -> tuple[Path, date]:
        """The folder of the nights, and which night it is. What the history keeps too long goes first."""
        from evidence.history import expire

        def begin() -> tuple[Path, date]:
            night = self.at.astimezone(ZoneInfo(file.timezone)).date()
            folder = self.folder("nightly")
            expire(self.state / METRICS, keep_days=file.keep_days, today=night)
            return folder, night

        return self.once(("night", file.timezone, file.keep_days), begin)

    def close(self) -> None:
        """Give the folders back."""
        self._taken.close()

    @property
    def hero(self) -> str:
        """The hero that --hero names, asked in the incumbent's place; "" for the incumbent. Raises ConfigError."""
        if "," in self.asked:
            raise ConfigError([f"--hero={self.asked}: jobs ask one system; name one hero, or none for what serves"])
        return "" if self.asked == "all" else self.asked

    def served(self, name: str = "") -> Served:
        """The incumbent, or the hero of that name. Raises ConfigError."""
        from fixtures.packs import load_served

        return self.once(("served", name), lambda: load_served(self.configs, name))

    def probe(self, name: str = "") -> Probe:
        """The same system, opened on first use."""
        from rollout.jobs.probe import open_probe

        return self.once(("probe", name), lambda: open_probe(self.served(name)))

    def items(self, job: str) -> list[str]:
        """The items of a job, each a check of it. Raises ConfigError."""
        return list(_module(job).items(self))

    def cells(self, job: str) -> Mapping[str, Cell]:
        """item -> its cell; the job runs on first use. May raise what is_told says of."""
        run: Callable[[Jobs], dict[str, Cell]] = _module(job).run
        return self.once(("cells", job), lambda: run(self))


def by_name(cells: Mapping[Any, Cell]) -> dict[str, Cell]:
    """system-check -> cell."""
    return {f"{cell.hero}-{cell.check}": cell for cell in cells.values()}


def is_told(error: Exception) -> bool:
    """Is it something for a person to mend: one line, no traceback?"""
    from evidence.history import HistoryError
    from evidence.schemas import SchemaDrift

    return isinstance(error, (GateError, HistoryError, SchemaDrift))


def machine() -> str:
    """What answers here: latency that was measured on another kind of machine is no latency of this one."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} processors"


def metric_row(
    system: str, config_hash: str, suite: str, metric: str, interval: Interval, n: int, fingerprint: str = ""
) -> dict[str, Any]:
    """A metric in the columns of the history."""
    return {
        "system": system,
        "config_hash": config_hash,
        "suite": suite,
        "metric": metric,
        "value": interval.value,
        "ci_lower": interval.lower,
        "ci_upper": interval.upper,
        "n": n,
        "release_fingerprint": fingerprint,
    }


def _module(job: str) -> Any:
    return import_module(f"rollout.jobs.{job}")  # where it is asked: the emergency tripwire has no time for the others


def _own(folder: Path, family: str) -> FileLock:
    """Take the folder of a family, or raise EvidenceError where another run works there."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    try:
        take(folder.parent)
        folder.mkdir(exist_ok=True)
        lock.acquire(timeout=0)
    except OSError as error:
        why = "cannot be written; name another folder by --artifacts"
        if isinstance(error, Timeout):
            why = f"another {family} run is working there; wait for it (a run of jobs takes no -n)"
        raise EvidenceError(f"{folder}: {why}") from None
    return lock
