"""Does each next command work as it is printed, or refuse for the reason that it says?"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gates.attestation import ATTESTATION, Attestation
from gates.verdicts import NOT_ENFORCED, Decision
from tests.reports.finished_run import call, canary, frozen_now, policy_with
from tests.reports.test_card import said_in


def as_made(folder: Path, root: Path) -> None:
    """Let `make` find what it needs in a miniature checkout, without installing anything."""
    shutil.copy(root / "Makefile", folder)
    (folder / "requirements").mkdir(exist_ok=True)
    (folder / "requirements" / "runtime.lock").touch()
    (folder / ".venv" / "bin").mkdir(parents=True)
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {sys.executable} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    (folder / ".venv" / "runtime.done").touch()


def typed(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command as somebody types it in a checkout, but what make would run are forks, which need not begin anew."""
    done = subprocess.CompletedProcess(line, 0, "", "")
    for part in line.split(" && "):
        assert part.startswith("make ")
        shown = shell(part.replace("make ", "make -n ", 1), folder).stdout
        python, module, *words = shlex.split(shown.partition("||")[0])
        assert (python, module) == (".venv/bin/python", "-m"), shown
        done = call(folder, *words, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
        if done.returncode:
            break
    return done


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The same as it is."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}  # of the make that runs us
    return subprocess.run(["sh", "-c", line], cwd=folder, env=environ, capture_output=True, text=True, check=False)


def test_the_next_command_works_as_printed_or_refuses_for_the_reason_it_says(copied: Path, root: Path) -> None:
    as_made(copied, root)
    (copied / "configs").rename(copied / "others")
    done = canary(copied, "--configs=others", "--artifacts=else/where", hero="rival,unsure")
    assert done.returncode == 10, done.stdout + done.stderr

    def run_next(hero: str, *also: tuple[str, str]) -> tuple[str, subprocess.CompletedProcess[str]]:
        said = Attestation.read((copied / "else" / "where" / hero / ATTESTATION).read_bytes(), hero).card.next
        assert said in said_in((copied / "else" / "where" / "index.html").read_text(encoding="utf-8"), "<[^>]*>")
        line = said[said.index("make ") :].partition(" (")[0]
        for before, after in also:
            line = line.replace(before, after)
        return said, typed(line, copied)

    said, refused = run_next("rival")
    why = said.partition("(refused while signed ")[2].removesuffix(")")
    assert why
    assert f"refused: rival: signed {why}" in refused.stderr
    _, accepted = run_next("rival", ("ARGS=--artifacts=else/where", "ARGS='--artifacts=else/where --accept-untrusted'"))
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    _, longer = run_next("unsure")
    assert "HOLD  unsure" in longer.stdout
    assert "else/where/index.html#unsure" in longer.stdout


def said_of(hero: str, artifacts: Path) -> tuple[str, str]:
    """What is to be done next about a hero, and the command in it."""
    said = Attestation.read((artifacts / hero / ATTESTATION).read_bytes(), hero).card.next
    return said, said[said.index("make ") :].partition(" (")[0]


def test_a_rollback_is_locked_and_asked_anew_as_it_is_printed(copied: Path, root: Path) -> None:
    as_made(copied, root)
    said, line = said_of("worse", copied / "reports" / "out")
    assert line == "make lock HERO=worse && make canary HERO=worse", said
    assert "ROLLBACK  worse" in typed(line, copied).stdout


def test_a_policy_that_is_enforced_may_be_asked_without_as_printed(copied: Path, root: Path) -> None:
    """Until it is locked so, the lock alone holds. That the way back works as well is in test_warn.py."""
    as_made(copied, root)
    held = canary(copied, "--decision-mode=warn", hero="equal")
    assert (held.returncode, held.stderr.splitlines()[-1]) == (0, f"{NOT_ENFORCED}: would have ended with 10")
    attested = Attestation.read_file(copied / "reports" / "out" / "equal" / ATTESTATION)
    assert (attested.decision, attested.reasons[0].partition(": ")[0]) == (Decision.HOLD, "lock")
    printed = "make lock HERO=equal ARGS=--decision-mode={0} && make canary HERO=equal ARGS=--decision-mode={0}"
    said, line = said_of("equal", copied / "reports" / "out")
    assert line == printed.format("warn"), said
    done = typed(line, copied)
    assert (done.returncode, "PROMOTE  equal" in done.stdout) == (0, True)
    said, line = said_of("equal", copied / "reports" / "out")
    assert line == printed.format("evidence"), said


def test_a_promotion_is_refused_for_people_and_time_as_its_card_says(
    copied: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_made(copied, root)
    monkeypatch.chdir(copied)
    monkeypatch.setenv("HERO_GATE_SIGNER", f"file2:{copied / 'key.pem'}")
    said, line = said_of("equal", copied / "reports" / "out")
    assert "(refused: nothing to promote, its configuration is the baseline's; " in said
    done = shell(f"{line} ARGS=--accept-untrusted", copied)
    assert done.returncode
    assert "there is nothing to promote" in done.stderr
    for asked, told, refused in (
        ({"approvals": 1}, "refused without approvals by 1", "refused: approvals: 0 in force"),
        ({"approvals": 0, **frozen_now()}, "UTC: freeze, incident", "refused: freeze until "),
    ):
        policy_with(**asked)
        canary(copied, hero="rival")
        said, line = said_of("rival", copied / "reports" / "out")
        assert line == "make promote HERO=rival"
        assert told in said
        done = typed(f"{line} ARGS=--accept-untrusted", copied)
        assert done.returncode
        assert refused in done.stderr, done.stdout + done.stderr
