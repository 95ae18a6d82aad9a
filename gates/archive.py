"""Which folders are a run's own, and where do the results of the last run go, so that none is taken for a new one?"""

import json
import re
import shutil
from contextlib import suppress
from pathlib import Path

from gates.documents import require_regular
from gates.errors import ConfigError, GateError

ALLURE = "allure-results"
RELEASE_FILES = ("attestation.json", "index.html", "summary.md", "allure.html", "documents")
STATE = "state"  # in a folder of configs: what outlives results, and is neither locked nor committed
MARK, OURS = ".gitignore", "# Written by hero gate: what is here is its own, and nothing of it is committed.\n*\n"
_TRACES = (".lock", "*/.lock", "alerts.jsonl")  # of runs that knew of no mark, and of a tick that came before any
_RUN_ID = re.compile(r"[0-9TZ]+-[0-9a-f]+")


def folder(named: str) -> Path:
    """A folder as an option names it. Raises ValueError for none, as a variable that is not set gives it."""
    if not named:
        raise ValueError
    return Path(named)


def require_ours(folder: Path) -> None:
    """Raise GateError, and touch nothing, where a folder holds files and none that a run of ours wrote."""
    # a run reads, moves and writes what is so near: a pipe is waited for, and a link leads into the folders of others
    for path in (*folder.glob("*"), *folder.glob("*/*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir() or not path.exists()):
            raise GateError(f"{path}: a link, a pipe or a device, but results are files; take it away")
    if not folder.is_dir() or is_mark(folder / MARK) or any(any(folder.glob(trace)) for trace in _TRACES):
        return
    if any(path.name != f"{MARK}.tmp" for path in folder.rglob("*") if not path.is_dir()):
        raise GateError(f"{folder}: holds files that no run of ours wrote; name an empty folder, or a new one")


def take(folder: Path) -> Path:
    """Make a folder for the results of runs, or go on with one. Raises GateError for a stranger's."""
    require_ours(folder)
    return mark(folder)


def mark(folder: Path) -> Path:
    """Make a folder, with the mark by which it is known again as ours, and which hides what is in it from git."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / MARK).exists():
        with suppress(FileNotFoundError):  # another run has just done so
            half = folder / f"{MARK}.tmp"
            half.write_text(OURS)
            half.replace(folder / MARK)
    return folder


def is_mark(path: Path) -> bool:
    """Is this the mark of a folder of ours, as it was written?"""
    return path.is_file() and path.stat().st_size == len(OURS) and path.read_bytes() == OURS.encode()


def state_of(configs: Path) -> Path:
    """Where a folder of configs keeps what outlives results."""
    return configs / STATE


def is_put_away(name: str) -> bool:
    """Is this the name of a folder that `put_away` makes in history/?"""
    return bool(_RUN_ID.fullmatch(name) or re.fullmatch(r"unreadable-[0-9]+", name))


def put_away(artifacts: Path, *, keep: int) -> None:
    """Move the release's files and all heroes' folders to history/<run_id>/; keep the newest `keep` runs there.

    What says of no run which it was is kept aside as unreadable-N, and never removed: somebody may need to read it.
    """
    for pattern in ("*.tmp", "bundles/*.tmp", "bundles/keys/*.tmp"):  # of a run that was killed
        for half in artifacts.glob(pattern):
            half.unlink()
    heroes = [path.parent for path in sorted(artifacts.glob("*/attestation.json"))]
    history = artifacts / "history"
    aside = f"unreadable-{1 + len(list(history.glob('unreadable-*')))}"
    of_release = [artifacts / name for name in RELEASE_FILES if (artifacts / name).exists()]
    of_release += sorted((artifacts / ALLURE).glob("*"))  # the folder stays: allure-pytest may have made it just now
    # all run ids first: the attestation that tells them is put away as well
    old = {
        path: history / (_run_id((path if path in heroes else artifacts) / "attestation.json") or aside)
        for path in (*of_release, *heroes)
    }
    for path, home in old.items():
        target = home / path.relative_to(artifacts)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():  # a run that was archived halfway
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        path.rename(target)
    runs = sorted(path for path in history.glob("*") if path.is_dir() and _RUN_ID.fullmatch(path.name))
    for expired in runs[: max(0, len(runs) - keep)]:
        shutil.rmtree(expired)


def _run_id(attestation: Path) -> str:
    """The run that wrote an attestation, "" where none is named; nothing but a run id becomes a folder's name."""
    try:
        require_regular(attestation)
        run_id = str(json.loads(attestation.read_text())["run_id"])
    except (OSError, ConfigError, ValueError, KeyError, TypeError, RecursionError):
        run_id = ""
    return run_id if _RUN_ID.fullmatch(run_id) else ""
