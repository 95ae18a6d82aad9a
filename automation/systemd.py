"""Which units of the user's systemd tick? A oneshot service and its timer, verified before they are put in place."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from automation.emit import TEMPLATES
from evidence.files import write_whole
from gates.errors import GateError

NAME = "hero-gate-tick"
SERVICE, TIMER = f"{NAME}.service", f"{NAME}.timer"


def units(root: Path, words: Sequence[str], ledger: Path) -> dict[str, str]:
    """File name -> text. KillMode=process: jobs go on when the tick that started them has ended."""
    values = {
        "setting": _setting(root),
        "command": " ".join(_quoted(word) for word in words),
        "log": _escaped(ledger.parent / "tick.log"),
    }
    return {name: TEMPLATES.get_template(name).render(values) for name in (SERVICE, TIMER)}


def install(root: Path, words: Sequence[str], ledger: Path) -> str:
    """Write, verify and start the units; says what was done. Raises GateError, leaving nothing half done."""
    folder, texts = _folder(), units(root, words, ledger)
    _check_checkout(folder, root, "run python -m automation uninstall systemd there first")
    verify(texts)
    ledger.parent.mkdir(parents=True, exist_ok=True)
    for name, content in texts.items():
        write_whole(folder / name, content)
    for arguments in (("daemon-reload",), ("enable", "--now", TIMER)):
        failed = _systemctl(*arguments)
        if failed:
            raise GateError(
                f"{folder}/{TIMER}: verified by systemd-analyze and written, but systemctl --user {arguments[0]} says: "
                f"{failed}; log in as this user with a session and run systemctl --user enable --now {TIMER}"
            )
    return (
        f"{folder}/{TIMER}: verified by systemd-analyze, enabled and started; "
        "for ticks while nobody is logged in: loginctl enable-linger"
    )


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


def verify(texts: dict[str, str]) -> None:
    """Ask systemd's own verifier; raises GateError when it finds a mistake."""
    if shutil.which("systemd-analyze") is None:
        raise GateError("systemd-analyze: no such command, so there is no systemd here; install crontab instead")
    with tempfile.TemporaryDirectory() as name:
        for file, content in texts.items():
            (Path(name) / file).write_text(content)
        done = subprocess.run(
            ["systemd-analyze", "--user", "verify", *(str(Path(name) / file) for file in texts)],
            env={"XDG_RUNTIME_DIR": name, **os.environ},
            capture_output=True,
            text=True,
            check=False,
        )
    mistakes = [line for line in done.stderr.splitlines() if NAME in line]
    if done.returncode != 0 or mistakes:
        raise GateError(f"systemd-analyze verify: {' '.join(mistakes or done.stderr.split())}; nothing was changed")


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
    return f"WorkingDirectory={_escaped(root)}"


def _escaped(path: Path | str) -> str:
    """systemd expands %; a line break would end the setting."""
    text = str(path)
    if "\n" in text:
        raise GateError(f"{text!r}: a path with a line break cannot stand in a unit; move the checkout")
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    escaped = _escaped(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if set(escaped) & set(" '\"\\\t;") else escaped
