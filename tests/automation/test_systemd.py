"""Are the units such as systemd itself accepts, and is nothing put in place that it does not?"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from automation import systemd
from automation.environment import line
from gates.errors import GateError


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a user's units lie."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "systemd" / "user"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a stand-in for `systemctl --user` was asked to do."""
    calls: list[str] = []

    def systemctl(*arguments: str) -> str:
        calls.append(" ".join(arguments))
        return ""

    monkeypatch.setattr(systemd, "_systemctl", systemctl)
    monkeypatch.setattr(systemd, "which", lambda name: name)
    return calls


def install(root: Path) -> str:
    words = (sys.executable, "-m", "automation", "--schedule", str(root / "s.yaml"), "tick")
    return systemd.install(root, line(root, words, root / "out" / "slots.sqlite", root / "state" / "tick.env"))


@pytest.mark.parametrize("name", ["plain", "with a space", "100% $HOME"])
def test_the_units_are_put_in_place_and_taken_away(units: Path, asked: list[str], tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    assert "enabled and started; for ticks while nobody is logged in: loginctl enable-linger" in install(root)
    service, timer = ((units / f"hero-gate-tick.{suffix}").read_text() for suffix in ("service", "timer"))
    for setting in ("OnCalendar=minutely", "Persistent=true", "AccuracySec=1s"):
        assert setting in timer
    assert "KillMode=process" in service
    assert f"WorkingDirectory={str(root).replace('%', '%%')}\n" in service
    assert "-m automation " in service
    if shutil.which("systemd-analyze"):
        told = subprocess.run(["systemd-analyze", "--user", "verify", *map(str, units.iterdir())], capture_output=True,
                              text=True, check=False, env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)})  # fmt: skip
        assert "hero-gate-tick" not in told.stderr
    before = {path.name: path.read_bytes() for path in units.iterdir()}
    install(root)
    assert {path.name: path.read_bytes() for path in units.iterdir()} == before
    assert systemd.uninstall(root).startswith("removed from ")
    assert list(units.iterdir()) == []
    assert asked == [
        *("daemon-reload", "enable --now hero-gate-tick.timer") * 2,
        *("disable --now hero-gate-tick.timer", "daemon-reload"),
    ]
    assert systemd.uninstall(root) == f"{units} holds no hero-gate-tick.service"


def test_the_units_of_another_checkout_are_left_alone(units: Path, asked: list[str], tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    install(tmp_path / "one")
    with pytest.raises(GateError, match="ticks for another checkout; run python -m automation uninstall systemd there"):
        install(tmp_path / "two")
    with pytest.raises(GateError, match="ticks for another checkout; uninstall it there"):
        systemd.uninstall(tmp_path / "two")


def test_a_user_without_a_running_systemd_is_told_what_to_do(
    units: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "which", lambda name: name)
    monkeypatch.setattr(systemd, "_systemctl", lambda *arguments: "Failed to connect to bus")
    with pytest.raises(
        GateError,
        match=r"hero-gate-tick.timer: written, but systemctl --user says: Failed to connect to bus; log in as",
    ):
        install(tmp_path)


def test_without_systemd_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GateError, match=r"^systemctl: no such command, so there is no systemd here; install crontab"):
        install(tmp_path)
