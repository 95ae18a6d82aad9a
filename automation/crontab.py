"""Which line of the user's crontab ticks? Exactly one, marked with its checkout; all other lines stay byte for byte.

Times are no business of cron here: the line fires every minute in whatever zone the machine lives (Debian's cron
ignores CRON_TZ), and the tick knows the schedule's own zone. The target's verifier is crontab itself, which refuses a
table with a mistake and leaves the old one.
"""

import subprocess
from pathlib import Path

from gates.errors import GateError
from gates.place import HERE


def install(root: Path, command: str) -> str:
    """Put the line in that runs this command every minute; says what was done. Raises GateError if crontab refuses."""
    new = f"* * * * * {command} {_marker(root)}".replace("%", "\\%")  # cron reads % as a line's end
    old = _crontab("-l")
    kept = _without(old, root)
    if kept and not kept.endswith(b"\n"):
        kept += b"\n"
    table = kept + new.encode() + b"\n"
    if sorted(old.splitlines()) == sorted(table.splitlines()):
        return f"the crontab ticks already: {new}"
    _crontab("-", table)
    return f"added to the crontab: {new}"


def uninstall(root: Path) -> str:
    """Take the line of this checkout out; says what was done."""
    old = _crontab("-l")
    kept = _without(old, root)
    if kept == old:
        return f"the crontab has no line for {root}"
    _crontab("-", kept)
    return f"removed from the crontab: the line for {root}"


def _marker(root: Path) -> str:
    return f"# hero-gate tick {root}"


def _without(table: bytes, root: Path) -> bytes:
    mark = _marker(root).replace("%", "\\%").encode()
    return b"".join(text for text in table.splitlines(keepends=True) if not text.rstrip().endswith(mark))


def _crontab(argument: str, table: bytes | None = None) -> bytes:
    """The table of `crontab -l`, or b"" of `crontab -`, which puts this one in its place. Raises GateError."""
    try:
        done = subprocess.run(["crontab", argument], input=table, capture_output=True, check=False)
    except FileNotFoundError:
        raise GateError(
            "crontab: no such command; install cron (Debian: apt-get install cron), or run "
            f"{HERE.typed('python -m automation emit')}"
        ) from None
    if done.returncode == 0 or (argument == "-l" and b"no crontab for" in done.stderr):
        return done.stdout
    said = done.stderr.decode("utf-8", "replace").strip().replace("\n", " ") or f"exit status {done.returncode}"
    raise GateError(f"crontab {argument}: {said}; nothing was changed")
