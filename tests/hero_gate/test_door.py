"""Does the door start what it is asked for, and end as that does, in a checkout's script and in make as well?"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hero_gate.__main__ import COMMANDS, main

#: Stands in for the Python of a checkout: tells what it was asked to run, and ends as it is told to.
PYTHON = '#!/bin/sh\necho "python $*"\nexit ${STATUS:-0}\n'


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    """What make and the script need, with a Python that only says what it would run."""
    for name in ("Makefile", "hero-gate"):
        shutil.copy(root / name, tmp_path)
    shutil.copytree(root / ".ci", tmp_path / ".ci")
    (tmp_path / "requirements").mkdir()
    for kind in ("runtime", "dev"):
        (tmp_path / "requirements" / f"{kind}.lock").touch()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON, encoding="utf-8")
    python.chmod(0o755)
    for kind in ("runtime", "dev"):
        (tmp_path / ".venv" / f"{kind}.done").touch()
    return tmp_path


def run(*words: str, cwd: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "STATUS": str(status)}
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("name", "words"), [(name, words.split()) for name, (words, _) in COMMANDS.items()])
def test_each_command_becomes_what_it_stands_for(
    name: str, words: list[str], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    became = []
    monkeypatch.setattr(os, "execv", lambda program, argv: became.append((program, argv)))
    main([name, "--hero=a b", "--more"])
    assert became == [(sys.executable, [sys.executable, "-m", *words, "--hero=a b", "--more"])]
    module = root / words[0].replace(".", "/")
    assert words[0] == "pytest" or module.with_suffix(".py").exists() or (module / "__main__.py").exists()


def test_the_door_ends_as_what_it_started(root: Path) -> None:
    no_hero = run(sys.executable, "-m", "hero_gate", "canary", "--hero=nobody", cwd=root)
    assert no_hero.returncode == 4
    assert "--hero=nobody: no such hero" in no_hero.stderr
    no_folder = run(sys.executable, "-m", "hero_gate", "verify", "no/such/folder", cwd=root)
    assert no_folder.returncode == 1


def test_help_lists_every_command_and_none_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert listed == list(COMMANDS)


def test_a_mistyped_command_is_told_in_a_line_with_its_neighbours(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["promte", "--hero=router"]) == 4
    assert capsys.readouterr().err == "hero-gate promte: no such command; did you mean promote?\n"
    assert main(["xyzzy"]) == 4
    assert capsys.readouterr().err == "hero-gate xyzzy: no such command; --help lists all\n"


@pytest.mark.parametrize("status", [0, 4, 10, 20])
def test_the_script_sets_up_from_anywhere_and_passes_the_status_on(status: int, checkout: Path) -> None:
    done = run(str(checkout / "hero-gate"), "canary", "--hero=a b", cwd=Path("/"), status=status)
    assert (done.returncode, done.stdout, done.stderr) == (status, "python -m hero_gate canary --hero=a b\n", "")


def test_the_script_starts_nothing_where_the_set_up_fails(checkout: Path) -> None:
    (checkout / "requirements" / "runtime.lock").unlink()
    done = run(str(checkout / "hero-gate"), "canary", cwd=checkout)
    assert (done.returncode, done.stdout) == (3, "")
    assert "runtime.lock" in done.stderr


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [
        ("canary", 10, "the gate decided: HOLD (10). make itself ends with 2"),
        ("canary", 20, "the gate decided: ROLLBACK (20). make itself ends with 2"),
        ("nightly", 10, "nightly ran: something is not evidenced (10). make itself ends with 2"),
        ("weekly", 20, "weekly ran: something is shown broken (20). make itself ends with 2"),
    ],
)
def test_make_says_what_was_decided_before_its_own_error(target: str, status: int, said: str, checkout: Path) -> None:
    done = run("make", target, cwd=checkout, status=status)
    assert done.returncode == 2
    line, error = done.stderr.splitlines()
    assert line.startswith(said)
    assert line.endswith(f"./hero-gate {target} passes 0, 10 and 20 through")
    assert error.endswith(f"Error {status}")


def test_make_adds_nothing_where_nothing_was_decided_or_a_hero_is_promoted(checkout: Path) -> None:
    mistake = run("make", "canary", cwd=checkout, status=4)
    assert (mistake.returncode, len(mistake.stderr.splitlines())) == (2, 1)
    promoted = run("make", "canary", cwd=checkout, status=0)
    assert (promoted.returncode, promoted.stderr) == (0, "")
