"""Where does the corpus come from? Wheels named and hashed in a lock file, fetched once by pip, never installed."""

import hashlib
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# The same files on any host: only sources and data are read, so the wheel of one fixed platform serves all.
PLATFORM = [
    *("--only-binary", ":all:", "--python-version", "3.11", "--implementation", "cp"),
    *("--abi", "cp311", "--abi", "abi3", "--abi", "none"),
    *(f"--platform=manylinux{tag}_x86_64" for tag in ("_2_28", "_2_27", "_2_24", "_2_17", "2014")),
    "--platform=any",
]

_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[\w.]+) --hash=sha256:(?P<sha256>[0-9a-f]{64})")


class CorpusError(Exception):
    """The corpus or the weights cannot be had. One line: what happened and the way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One wheel of a lock file."""

    name: str
    version: str
    sha256: str

    @property
    def title(self) -> str:
        return f"{self.name}-{self.version}"


def read_lock(path: Path) -> tuple[Wheel, ...]:
    """The wheels of a lock file: one requirement a line with its hash; # begins a comment. Raises CorpusError."""
    wheels = []
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror}); name a lock file such as corpus.lock") from None
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            expected = "name==version --hash=sha256:<64 hex digits>"
            raise CorpusError(f"{path}:{number}: {text[:60]!r}, but should be {expected}; see configs/corpus.lock")
        wheels.append(Wheel(**match.groupdict()))
    if not wheels:
        raise CorpusError(f"{path}: names no wheel; add lines such as name==version --hash=sha256:...")
    return tuple(wheels)


def fetch(lock: Path, folder: Path) -> list[Path]:
    """The wheels' files in the order of the lock, downloaded into `folder` where they are not there intact.

    Raises CorpusError when they cannot be had or are not those of the lock.
    """
    wheels = read_lock(lock)
    folder.mkdir(parents=True, exist_ok=True)
    there = _by_hash(folder, wheels)
    if any(wheel.sha256 not in there for wheel in wheels):
        _download(lock, folder)
        there = _by_hash(folder, wheels)
    missing = [wheel.title for wheel in wheels if wheel.sha256 not in there]
    if missing:
        raise CorpusError(f"{folder}: {', '.join(missing)} not there with the hash of {lock}; empty it and run again")
    return [there[wheel.sha256] for wheel in wheels]


def _download(lock: Path, folder: Path) -> None:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    command = [sys.executable, "-m", "pip", "download", *quiet, "--no-deps", "--require-hashes", *PLATFORM]
    done = subprocess.run(
        [*command, "--dest", str(folder), "--requirement", str(lock)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr.strip()]
        raise CorpusError(
            f"{lock}: pip could not download its wheels ({errors[-1][:300]}); "
            f"connect to a package index once, or put the wheels into {folder}"
        )


def _by_hash(folder: Path, wheels: Sequence[Wheel]) -> dict[str, Path]:
    """The files of these projects by their digest: what other locks fetched need not be read."""
    projects = {wheel.name.lower().replace("_", "-") for wheel in wheels}
    return {
        hashlib.sha256(path.read_bytes()).hexdigest(): path
        for path in sorted(folder.glob("*.whl"))
        if path.name.partition("-")[0].lower().replace("_", "-") in projects
    }
