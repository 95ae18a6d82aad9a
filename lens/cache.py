"""Where is what was built, and is it whole? Folders named by their content, filled once, verified when opened.

A folder is built beside its place and renamed when complete, so a killed build leaves nothing that looks whole; its
manifest holds the digest of every file, so damage is found and mended by building again.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from lens.wheels import CorpusError

MANIFEST = "manifest.json"


def cache_folder() -> Path:
    """$HERO_GATE_CACHE, or hero-gate in the user's cache folder. Made for this user alone.

    Raises CorpusError where others could write: what lies there is read by native code.
    """
    named = os.environ.get("HERO_GATE_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(named) if named else base / "hero-gate"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise CorpusError(
            f"{folder}: other users can write here, but the cache must be yours alone; "
            f"run chmod go-w {folder}, or name another folder with HERO_GATE_CACHE"
        )
    return folder


def content_key(content: Mapping[str, object]) -> str:
    """The name of what these inputs give: 16 hex digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def built(folder: Path, build: Callable[[Path], None], say: Callable[[str], None]) -> dict[str, str]:
    """The digests of the files of `folder`, which `build` fills where it is missing or damaged.

    Processes that need the same folder at once wait for the one that builds it.
    """
    files, damaged = verify(folder)
    if not damaged:
        return files
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_suffix(".lock"))
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        say("another process is building the index: waiting for it")
        held = lock.acquire()
    with held:
        files, damaged = verify(folder)
        if not damaged:
            return files
        if folder.exists():
            say(f"{folder} is damaged: building it again")
            shutil.rmtree(folder)
        for half_built in folder.parent.glob(f"{folder.name}.part-*"):
            shutil.rmtree(half_built)
        part = Path(tempfile.mkdtemp(prefix=f"{folder.name}.part-", dir=folder.parent))
        build(part)
        files = digests(part)
        (part / MANIFEST).write_text(json.dumps({"files": files}, indent=1, sort_keys=True), encoding="utf-8")
        part.rename(folder)
        return files


def verify(folder: Path) -> tuple[dict[str, str], list[str]]:
    """The digests in the manifest of a folder, and which files are missing, new or changed; the manifest where none."""
    try:
        files = dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}, [MANIFEST]
    now = digests(folder)
    return files, sorted(name for name in files.keys() | now.keys() if files.get(name) != now.get(name))


def digests(folder: Path) -> dict[str, str]:
    """sha256 of each file under `folder` but the manifest and what a search engine locks, by relative path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST and path.suffix != ".lock":
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
