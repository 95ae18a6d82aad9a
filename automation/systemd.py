"""Which units of the user's systemd tick? A oneshot service and its timer, verified before they are put in place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from evidence.files import write_whole
from gates.errors import GateError

NAME = "hero-gate-tick"


def units(root: Path, schedule: Path, ledger: Path, defaults: bool) -> dict[str, str]:
    """File name -> text. KillMode=process: jobs go on when the tick that started them has ended."""
    options = [] if defaults else ["--schedule", str(schedule), "--ledger", str(ledger)]
    command = " ".join(_quoted(word) for word in (sys.executable, "-m", "automation", *options, "tick"))
    log = ledger.parent / "tick.log"
    service = f"""\
[Unit]
Description=Hero Gate: run what is due

[Service]
Type=oneshot
WorkingDirectory={_escaped(root)}
ExecStart={command}
StandardOutput=append:{_escaped(log)}
StandardError=append:{_escaped(log)}
KillMode=process
"""
    timer = f"""\
[Unit]
Description=Hero Gate: tick every minute

[Timer]
OnCalendar=minutely
AccuracySec=1s
Persistent=true
Unit={NAME}.service

[Install]
WantedBy=timers.target
"""
    return {f"{NAME}.service": service, f"{NAME}.timer": timer}


def install(root: Path, schedule: Path, ledger: Path, defaults: bool) -> str:
    """Write, verify and start the units; says what was done. Raises GateError, leaving nothing half done."""
    folder, texts = _folder(), units(root, schedule, ledger, defaults)
    there = folder / f"{NAME}.service"
    if there.exists() and f"WorkingDirectory={_escaped(root)}\n" not in there.read_text():
        raise GateError(f"{there}: ticks for another checkout; run python -m automation uninstall systemd there first")
    verified = _verify(texts)
    ledger.parent.mkdir(parents=True, exist_ok=True)
    for name, content in texts.items():
        write_whole(folder / name, content)
    for arguments in (("daemon-reload",), ("enable", "--now", f"{NAME}.timer")):
        failed = _systemctl(*arguments)
        if failed:
            raise GateError(
                f"{folder}/{NAME}.timer: {verified} and written, but systemctl --user {arguments[0]} says: {failed}; "
                f"log in as this user with a session and run systemctl --user enable --now {NAME}.timer"
            )
    return (
        f"{folder}/{NAME}.timer: {verified}, enabled and started; "
        "for ticks while nobody is logged in: loginctl enable-linger"
    )


def uninstall(root: Path) -> str:
    """Stop the timer and remove the units; says what was done."""
    folder = _folder()
    there = folder / f"{NAME}.service"
    if not there.exists():
        return f"{folder} holds no {NAME}.service"
    if f"WorkingDirectory={_escaped(root)}\n" not in there.read_text():
        raise GateError(f"{there}: ticks for another checkout; uninstall it there")
    _systemctl("disable", "--now", f"{NAME}.timer")
    for suffix in ("timer", "service"):
        (folder / f"{NAME}.{suffix}").unlink(missing_ok=True)
    _systemctl("daemon-reload")
    return f"removed from {folder}: {NAME}.timer, {NAME}.service"


def _folder() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base else Path.home() / ".config") / "systemd" / "user"


def _verify(texts: dict[str, str]) -> str:
    """What systemd's own verifier says of the units; raises GateError when it finds a mistake."""
    if shutil.which("systemd-analyze") is None:
        raise GateError("systemd-analyze: no such command, so there is no systemd here; install crontab instead")
    with tempfile.TemporaryDirectory() as name:
        for file, content in texts.items():
            (Path(name) / file).write_text(content)
        files = [str(Path(name) / file) for file in texts]
        done = subprocess.run(
            ["systemd-analyze", "--user", "verify", *files],
            env={**os.environ, "XDG_RUNTIME_DIR": os.environ.get("XDG_RUNTIME_DIR", name)},
            capture_output=True,
            text=True,
            check=False,
        )
    mistakes = [line for line in done.stderr.splitlines() if NAME in line]
    if done.returncode != 0 or mistakes:
        said = " ".join(mistakes or done.stderr.split())
        raise GateError(f"systemd-analyze verify: {said}; nothing was changed")
    return "verified by systemd-analyze"


def _systemctl(*arguments: str) -> str:
    """What went wrong, in one line; empty when nothing did."""
    done = subprocess.run(["systemctl", "--user", *arguments], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else " ".join(done.stderr.split()) or f"exit status {done.returncode}"


def _escaped(path: Path | str) -> str:
    """systemd expands %; a line break would end the setting."""
    text = str(path)
    if "\n" in text:
        raise GateError(f"{text!r}: a path with a line break cannot stand in a unit; move the checkout")
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    escaped = _escaped(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if set(escaped) & set(" '\"\\\t;") else escaped
