"""Which line of the user's crontab ticks? Exactly one, marked with its checkout; all other lines stay byte for byte.

Times are no business of cron here: the line fires every minute in whatever zone the machine lives (Debian's cron
ignores CRON_TZ), and the tick knows the schedule's own zone. The target's verifier is crontab itself, which refuses a
table with a mistake and leaves the old one.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from gates.errors import GateError


def line(root: Path, schedule: Path, ledger: Path, defaults: bool) -> str:
    """The line for this checkout. cron reads % as a line's end, hence the escapes."""
    options = [] if defaults else ["--schedule", str(schedule), "--ledger", str(ledger)]
    command = shlex.join([sys.executable, "-m", "automation", *options, "tick"])
    log, here = shlex.quote(str(ledger.parent / "tick.log")), shlex.quote(str(root))
    text = f"* * * * * cd {here} && {command} >> {log} 2>&1 {_marker(root)}"
    if "\n" in text:
        raise GateError(f"{str(root)!r}: a path with a line break cannot stand in a crontab; move the checkout")
    return text.replace("%", "\\%")


def install(root: Path, schedule: Path, ledger: Path, defaults: bool) -> str:
    """Put the line in; says what was done. Raises GateError when crontab refuses."""
    new = line(root, schedule, ledger, defaults)
    old = _read()
    ours = [text for text in old.split(b"\n") if _is_ours(text, root)]
    if ours == [new.encode()]:
        return f"the crontab ticks already: {new}"
    kept = _without(old, root)
    if kept and not kept.endswith(b"\n"):
        kept += b"\n"
    ledger.parent.mkdir(parents=True, exist_ok=True)  # the shell opens the log before anything of ours runs
    _write(kept + new.encode() + b"\n")
    if new.encode() not in _read().split(b"\n"):
        raise GateError("crontab took the table, but does not list the line; look at crontab -l")
    return f"added to the crontab: {new}"


def uninstall(root: Path) -> str:
    """Take the line of this checkout out; says what was done."""
    old = _read()
    kept = _without(old, root)
    if kept == old:
        return f"the crontab has no line for {root}"
    _write(kept)
    return f"removed from the crontab: the line for {root}"


def _marker(root: Path) -> str:
    return f"# hero-gate tick {root}"


def _is_ours(text: bytes, root: Path) -> bool:
    return text.rstrip().endswith(_marker(root).replace("%", "\\%").encode())


def _without(table: bytes, root: Path) -> bytes:
    return b"".join(text for text in table.splitlines(keepends=True) if not _is_ours(text, root))


def _crontab(argument: str, table: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["crontab", argument], input=table, capture_output=True, check=False)
    except FileNotFoundError:
        raise GateError(
            "crontab: no such command; install cron (Debian: apt-get install cron), or install systemd instead"
        ) from None


def _read() -> bytes:
    done = _crontab("-l")
    if done.returncode == 0:
        return done.stdout
    if b"no crontab for" in done.stderr:
        return b""
    raise GateError(f"crontab -l: {_said(done)}; nothing was changed")


def _write(table: bytes) -> None:
    done = _crontab("-", table)
    if done.returncode != 0:
        raise GateError(f"crontab -: {_said(done)}; nothing was changed")


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode("utf-8", "replace").strip().replace("\n", " ") or f"exit status {done.returncode}"
