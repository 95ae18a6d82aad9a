"""Are the units such as systemd itself accepts, and is nothing put in place that it does not?"""

import shutil
import sys
from pathlib import Path

import pytest

from automation import systemd
from gates.errors import GateError

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="NOT EVIDENCED: no systemd-analyze here to verify the units"
)


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
    return calls


def install(root: Path) -> str:
    return systemd.install(root, words(root), root / "out" / "slots.sqlite")


def words(root: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "automation", "--schedule", str(root / "s.yaml"), "tick")


@needs_systemd
@pytest.mark.parametrize("name", ["plain", "with a space", "100% $HOME"])
def test_the_units_are_verified_put_in_place_and_taken_away(
    units: Path, asked: list[str], tmp_path: Path, name: str
) -> None:
    root = tmp_path / name
    root.mkdir()
    assert "verified by systemd-analyze, enabled and started; for ticks while nobody is logged in" in install(root)
    service, timer = ((units / f"hero-gate-tick.{suffix}").read_text() for suffix in ("service", "timer"))
    for setting in ("OnCalendar=minutely", "Persistent=true", "AccuracySec=1s"):
        assert setting in timer
    assert "KillMode=process" in service
    assert f"WorkingDirectory={str(root).replace('%', '%%')}\n" in service
    assert "-m automation " in service
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


@needs_systemd
def test_units_with_a_mistake_are_refused(units: Path, asked: list[str], tmp_path: Path) -> None:
    texts = systemd.units(tmp_path, words(tmp_path), tmp_path / "l")
    wrong = {name: text.replace("OnCalendar=minutely", "OnCalendar=at noon") for name, text in texts.items()}
    with pytest.raises(GateError, match=r"^systemd-analyze verify: .*hero-gate-tick.timer.*; nothing was changed$"):
        systemd.verify(wrong)


@needs_systemd
def test_the_units_of_another_checkout_are_left_alone(units: Path, asked: list[str], tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    install(tmp_path / "one")
    with pytest.raises(GateError, match="ticks for another checkout; run python -m automation uninstall systemd there"):
        install(tmp_path / "two")
    with pytest.raises(GateError, match="ticks for another checkout; uninstall it there"):
        systemd.uninstall(tmp_path / "two")


@needs_systemd
def test_a_user_without_a_running_systemd_is_told_what_to_do(
    units: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "_systemctl", lambda *arguments: "Failed to connect to bus")
    with pytest.raises(GateError, match=r"verified by systemd-analyze and written, but systemctl --user daemon-reload"):
        install(tmp_path)


def test_without_systemd_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GateError, match=r"^systemd-analyze: no such command, so there is no systemd here; inst"):
        install(tmp_path)
