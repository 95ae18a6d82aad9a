"""A real run of the miniature release, signed, made once for all tests that look at what it left."""

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from reports.attestation import chain
from reports.attestation.chain import Statement
from reports.attestation.signing import make_key
from reports.attestation.trust import SCHEMA, TrustRoot, read_trust
from reports.attestation.verify import verify
from reports.promotion.change import promote
from reports.promotion.conditions import Wanted
from tests import forked
from tests.once import made_once
from tests.recorded_release import declare, lock, pack, run
from tests.reports.signed import trusting

UNDRAWN = ("-p", "tests.reports.undrawn")


def canary(
    folder: Path, *arguments: str, hero: str = "all", complete: bool = False, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run the canary of a miniature checkout as people do.

    Unless it is `complete`, without Allure, which leaves five times as many files to copy and to look at, and undrawn.
    """
    also = ("-p", "allure_pytest") if complete else UNDRAWN
    command = ("pytest", "-p", "xdist", *also, "-m", "canary", f"--hero={hero}", *arguments)
    return call(folder, *command, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", **environ)


def call(folder: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a module in a miniature checkout, with our rooms on the path."""
    return forked.run(command, folder, {**os.environ, "PYTHONPATH": str(forked.ROOT), **environ})


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, release_template: Path) -> Path:
    """A miniature checkout after one canary: `rival` and `equal` are promoted, one hero falls, one is held.

    What it said lies beside it.
    """
    return made_once(tmp_path_factory, "finished", partial(_finish, release_template)) / "checkout"


def _finish(template: Path, home: Path) -> None:
    folder = Path(shutil.copytree(template, home / "checkout"))
    configs = folder / "configs"
    (configs / "rival.run").write_text(run(lost=0.0, latency=True, digits=5))
    (configs / "rival.yaml").write_text(pack("rival", "rival"), encoding="utf-8")
    declare(configs, ("equal", "worse", "unsure", "rival"))
    lock(folder)
    trusted = []
    for name in ("key", "second"):
        signer, private = make_key("ed25519")
        (folder / f"{name}.pem").write_bytes(private)
        trusted += trusting(signer, "decide", "approve", "promote", name=name).keys
    (folder / "trusted.json").write_text(TrustRoot(schema=SCHEMA, keys=tuple(trusted)).model_dump_json(by_alias=True))
    done = canary(folder, HERO_GATE_SIGNER=f"file2:{folder / 'key.pem'}")
    assert done.returncode == 20, done.stdout + done.stderr
    leave_told(done, home)


def leave_told(done: subprocess.CompletedProcess[str], home: Path) -> None:
    """Leave what a process said in a folder."""
    (home / "stdout").write_text(done.stdout, encoding="utf-8")
    (home / "stderr").write_text(done.stderr, encoding="utf-8")


@pytest.fixture(scope="session")
def in_two_processes(tmp_path_factory: pytest.TempPathFactory, release_template: Path) -> Path:
    """A miniature checkout after a canary of its three heroes in two processes, by a key made for it, and JUnit's file.

    What it said lies beside it. Nobody changes it.
    """

    def judge(home: Path) -> None:
        shutil.copytree(release_template, home / "checkout")
        done = canary(home / "checkout", "-n2", "--junitxml=junit.xml", complete=True, HERO_GATE_SIGNER="")
        assert done.returncode == 20, done.stdout + done.stderr
        leave_told(done, home)

    return made_once(tmp_path_factory, "in-two-processes", judge) / "checkout"


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of that checkout, to be spoiled."""
    shutil.copytree(finished, tmp_path / "checkout", symlinks=True)
    return tmp_path / "checkout"


@pytest.fixture
def asked(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Wanted]:
    """What a release manager asks for in that copy, of another folder or at another time where one is named."""
    monkeypatch.chdir(copied)
    monkeypatch.setenv("HERO_GATE_SIGNER", f"file2:{copied / 'key.pem'}")

    return _wanted


def _wanted(**changed: object) -> Wanted:
    values = {
        "artifacts": Path("reports/out"), "configs": Path("configs"), "by": "R. Manager", "why": "it gains",
        "root": read_trust(Path("trusted.json")), "now": datetime.now(UTC),
    }  # fmt: skip
    return Wanted(**{**values, **changed})


@pytest.fixture
def here(asked: Callable[..., Wanted]) -> Wanted:
    """What is asked for in a copy of the finished run, in which one stands."""
    return asked()


@pytest.fixture(scope="session")
def rival_serves(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Path:
    """The configs of that checkout after the promotion of `rival`."""

    def change(home: Path) -> None:
        folder = shutil.copytree(finished, home / "checkout", symlinks=True)
        with pytest.MonkeyPatch.context() as patched:
            patched.chdir(folder)
            patched.setenv("HERO_GATE_SIGNER", f"file2:{folder / 'key.pem'}")
            promote(_wanted(), "rival")

    return made_once(tmp_path_factory, "rival-serves", change) / "checkout" / "configs"


@pytest.fixture
def promoted(asked: Callable[..., Wanted], rival_serves: Path) -> Wanted:
    """What is asked for where one stands, in a copy of the finished run, at the moment when `rival` was promoted."""
    shutil.rmtree("configs")
    shutil.copytree(rival_serves, "configs")
    (said,) = changes(Path.cwd())
    return asked(now=datetime.fromisoformat(said.predicate["createdOn"]))


def problems() -> tuple[str, ...]:
    """What verify finds in the results where one stands."""
    return verify(Path("reports/out"), read_trust(Path("trusted.json"))).problems


def baseline(checkout: Path) -> bytes:
    """What serves in it."""
    return (checkout / "configs" / "baseline.yaml").read_bytes()


def changes(checkout: Path) -> tuple[Statement, ...]:
    """The chain of what served, which must be whole."""
    whole = chain.read(checkout / "configs" / "state")
    assert whole.problems == ()
    return whole.statements


def policy_with(**promotion: object) -> None:
    """The policy of the folder that one is in, asking people for more: no part of what heroes are judged by."""
    path = Path("configs/policy.yaml")
    policy = yaml.safe_load(path.read_text())
    policy["promotion"] |= promotion
    path.write_text(yaml.safe_dump(policy, sort_keys=False))


def frozen_now(hours: int = 1) -> dict[str, Any]:
    """A freeze window in force for so long."""
    begins, ends = (datetime.now(UTC) + timedelta(hours=h) for h in (-1, hours))
    return {"freeze": [{"begins": begins.isoformat(), "ends": ends.isoformat(), "why": "incident"}]}
