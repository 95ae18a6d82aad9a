"""Which units of the user's systemd tick? A oneshot service and its timer."""

import os
import subprocess
from pathlib import Path
from shutil import which

from automation.emit import TEMPLATES
from evidence.files import write_whole
from gates.errors import GateError

NAME = "hero-gate-tick"
SERVICE, TIMER = f"{NAME}.service", f"{NAME}.timer"


def units(root: Path, command: str) -> dict[str, str]:
    """File name -> text. KillMode=process: jobs go on when the tick that started them has ended."""
    values = {"setting": _setting(root), "command": f"/bin/sh -c {_quoted(command)}"}
    return {name: TEMPLATES.get_template(name).render(values) for name in (SERVICE, TIMER)}


def install(root: Path, command: str) -> str:
    """Write, verify and start the units; says what was done. Raises GateError, leaving nothing half done."""
    if which("systemctl") is None:
        raise GateError("systemctl: no such command, so there is no systemd here; install crontab instead")
    folder, texts = _folder(), units(root, command)
    _check_checkout(folder, root, "run python -m automation uninstall systemd there first")
    for name, content in texts.items():
        write_whole(folder / name, content)
    if failed := _systemctl("daemon-reload") or _systemctl("enable", "--now", TIMER):
        way_out = f"log in as this user with a session and run systemctl --user enable --now {TIMER}"
        raise GateError(f"{folder}/{TIMER}: written, but systemctl --user says: {failed}; {way_out}")
    return f"{folder}/{TIMER}: enabled and started; for ticks while nobody is logged in: loginctl enable-linger"


def uninstall(root: Path) -> str:
    """Stop the timer and remove the units; says what was done."""
    folder = _folder()
    if not (folder / SERVICE).exists():
        return f"{folder} holds no {SERVICE}"
    _check_checkout(folder, root, "uninstall it there")
    _systemctl("disable", "--now", TIMER)
    for name in (TIMER, SERVICE):
        (folder / name).unlink(missing_ok=True)
    _systemctl("daemon-reload")
    return f"removed from {folder}: {TIMER}, {SERVICE}"


def _folder() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base else Path.home() / ".config") / "systemd" / "user"


def _check_checkout(folder: Path, root: Path, way_out: str) -> None:
    """One user has one timer: that of another checkout is left alone."""
    there = folder / SERVICE
    if there.exists() and _setting(root) not in there.read_text().splitlines():
        raise GateError(f"{there}: ticks for another checkout; {way_out}")


def _systemctl(*arguments: str) -> str:
    """What went wrong, in one line; empty when nothing did."""
    done = subprocess.run(["systemctl", "--user", *arguments], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else " ".join(done.stderr.split()) or f"exit status {done.returncode}"


def _setting(root: Path) -> str:
    return f"WorkingDirectory={_escaped(str(root))}"


def _escaped(text: str) -> str:
    """systemd expands %."""
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    escaped = _escaped(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"'
