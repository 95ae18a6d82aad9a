"""Does the wheel of this commit do in a fresh environment what the checkout does? `make wheel-test`: it downloads.

Its name keeps it out of `make test`, which lays an installed tool out by hand (test_installed.py).
"""

import email
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from fixtures.lock import read_lock
from fixtures.packs import load_hero
from gates.place import HERE
from tests.hero_gate.laid_out import clean_environment, house_of
from tests.hero_gate.test_compare import BETTER, write

MB = 1_000_000
MOST_CORE = 480 * MB  # of which pyarrow, numpy and pandas are three quarters


def run(words: Sequence[str], cwd: Path, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environ = clean_environment() if environ is None else environ
    return subprocess.run(words, cwd=cwd, env=environ, capture_output=True, text=True, check=False)


def build(root: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-w", str(folder)]
    return run([*command, *words, str(root)], root)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = build(root, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.whl")
    return found


def installed(folder: Path, wheel: Path, lock: Path) -> Path:
    """The command of a fresh environment in which all is as the lock says, the wheel too."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    asked = folder / "requirements.txt"
    asked.write_text(f"{wheel} --hash=sha256:{digest}\n-r {lock}\n", encoding="utf-8")
    assert run([sys.executable, "-m", "venv", "env"], folder).returncode == 0
    pip = ["env/bin/python", "-m", "pip", "install", "-q", "--require-hashes", "--only-binary", ":all:"]
    done = run([*pip, "-r", str(asked)], folder)
    assert done.returncode == 0, done.stderr
    return folder / "env" / "bin" / "hero-gate"


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory, wheel: Path, root: Path) -> Path:
    return installed(tmp_path_factory.mktemp("core"), wheel, root / "requirements" / "core.lock")


@pytest.fixture(scope="session")
def whole_tool(tmp_path_factory: pytest.TempPathFactory, wheel: Path, root: Path) -> Path:
    return installed(tmp_path_factory.mktemp("whole"), wheel, root / "requirements" / "runtime.lock")


def files_below(folder: Path) -> set[str]:
    """All files but Python's bytecode, which lies beside the code of any package."""
    return {str(path) for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__"}


def test_it_holds_the_checkout_at_its_commit_and_nothing_else(wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        files = {name: content.read(name) for name in content.namelist()}
    assert {name.partition("/")[0].partition("-")[0] for name in files} == {"hero_gate"}
    known = run(["git", "ls-files", "-z", "--", *house_of(root)], root).stdout.split("\0")
    house = {name.removeprefix("hero_gate/house/"): text for name, text in files.items() if "/house/" in name}
    assert house.pop("COMMIT").decode() == f"{HERE.commit}\n"
    assert house == {name: (root / name).read_bytes() for name in known if name}
    (entry_points,) = (text.decode() for name, text in files.items() if name.endswith("entry_points.txt"))
    assert entry_points.split() == ["[console_scripts]", "hero-gate", "=", "hero_gate.__main__:door"]
    (metadata,) = (email.message_from_bytes(text) for name, text in files.items() if name.endswith("METADATA"))
    asked = [str(one) for one in metadata.get_all("Requires-Dist") or []]
    assert not [one for one in asked if "extra" not in one and ("faiss" in one or "allure" in one or "matplot" in one)]
    assert {*(metadata.get_all("Provides-Extra") or [])} == {"alerts", "all", "lens", "measures", "report"}


@pytest.mark.parametrize("hook", ["build_sdist", "build_editable"])
def test_what_would_be_no_commit_is_refused(hook: str, root: Path, tmp_path: Path) -> None:
    code = f"import sys; from hatchling import build; build.{hook}(sys.argv[1])"
    done = run([sys.executable, "-c", code, str(tmp_path)], root)
    assert done.returncode == 1
    assert "is no checkout at a commit; build the wheel alone" in done.stderr.splitlines()[-1]
    assert not [*tmp_path.glob("*.whl"), *tmp_path.glob("*.tar.gz")]


def test_what_git_does_not_know_is_refused(root: Path, tmp_path: Path) -> None:
    """A folder that was unpacked from somewhere has no commit."""
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(root / name, tmp_path)
    for name in ("hero_gate", "requirements"):
        shutil.copytree(root / name, tmp_path / name)
    done = build(tmp_path, tmp_path / "dist")
    assert done.returncode == 1
    assert "no git checkout, so there is no commit to stamp" in done.stdout + done.stderr


def test_the_core_judges_in_an_empty_folder_and_writes_nowhere_else(
    core: Path, tmp_path: Path, release_template: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = core.parents[1]
    size = sum(path.stat().st_size for path in environment.rglob("*") if path.is_file())
    with capsys.disabled():
        print(f"\n  the core environment: {size / MB:,.0f} MB")
    assert size < MOST_CORE
    there = {path.name for path in environment.glob("lib/*/site-packages/*")}
    assert not there & {"faiss", "tantivy", "matplotlib", "allure_pytest", "tokenizers", "apprise", "gates", "reports"}

    home, elsewhere = tmp_path / "home", tmp_path / "user"
    shutil.copytree(release_template / "configs", home / "configs")
    shutil.copy(root / "configs" / "schedule.yaml", home / "configs")
    locked = read_lock(load_hero("equal", home / "configs", foreseen=False))["fingerprint"]  # as this checkout locks it
    for folder in (elsewhere, elsewhere / "tmp"):
        folder.mkdir()
    environ = {"HOME": str(elsewhere), "TMPDIR": str(elsewhere / "tmp"), "PATH": os.environ["PATH"]}
    before = files_below(environment)
    files = [word.replace(f"{home}/", "") for word in write(home, BETTER)]
    runs = [f"configs/{name}.run" for name in ("equal", "worse")]
    for status, *words in (
        (0, "canary", "--hero=equal"),
        (20, "canary", "--hero=worse", "-n2", "--artifacts=worse"),
        (0, "verify", "reports/out"),
        (0, "replay", "reports/out"),
        (0, "replay", "worse"),
        (20, "compare", *runs, "--qrels=configs/qrels.txt", "--unjudged=not-relevant"),
        (0, "verify", "hero-gate-compare"),
        (0, "replay", "hero-gate-compare"),
        (0, "jobs", "list"),
        (0, "init", *files, "--configs=mine"),
        (0, "lock", "--hero=b", "--configs=mine"),
        (0, "canary", "--hero=b", "--configs=mine", "--artifacts=mine/out"),
        (0, "lock", "--hero=equal"),
    ):
        done = run([str(core), *words], home, environ)
        assert done.returncode == status, (words, done.stdout[-2000:], done.stderr)
    attested = json.loads((home / "reports" / "out" / "equal" / "attestation.json").read_bytes())
    assert attested["release_fingerprint"] == locked
    assert {path.name for path in home.iterdir()} == {
        "configs", "reports", "worse", "hero-gate-compare", "mine", "a.run", "b.run", "q.qrels", "q.tsv"
    }  # fmt: skip
    assert {path for path in files_below(elsewhere) if "/.cache/hero-gate/" not in path} == set()
    assert files_below(environment) == before

    mine = "def test_mine(pytestconfig):\n    assert not pytestconfig.pluginmanager.hasplugin('gates.plugin')\n"
    (home / "test_mine.py").write_text(mine, encoding="utf-8")
    others = run([str(environment / "bin" / "python"), "-m", "pytest", "-q", "test_mine.py"], home, environ)
    assert others.returncode == 0, others.stdout


@pytest.mark.smoke
def test_the_whole_tool_judges_the_smoke_corpus_as_the_checkout_does(
    whole_tool: Path, tmp_path: Path, root: Path
) -> None:
    """The packs of the smoke corpus name weights beside their folder."""
    shutil.copytree(root / "configs", tmp_path / "configs", ignore=shutil.ignore_patterns("state"))
    smoke, out = tmp_path / "configs" / "smoke", tmp_path / "reports" / "out"
    done = run([str(whole_tool), "lock", "--hero=lexical", "--configs=configs/smoke"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    locked = read_lock(load_hero("lexical", smoke, foreseen=False))["fingerprint"]
    words = [sys.executable, "-m", "pytest", "-q", "-m", "lock", "--hero=lexical", f"--configs={smoke}"]
    checkout = run([*words, f"--artifacts={tmp_path / 'checkout'}"], root)
    assert f"as {locked}" in checkout.stdout, checkout.stdout + checkout.stderr
    canary = run([str(whole_tool), "canary", "--hero=lexical", "--configs=configs/smoke"], tmp_path)
    assert canary.returncode == 10, canary.stdout + canary.stderr
    attested = json.loads((out / "lexical" / "attestation.json").read_bytes())
    assert attested["release_fingerprint"] == locked
    assert not [cell for cell in attested["cells"] if cell["check"] == "lock" and cell["verdict"] != "GREEN"]
    for command in ("verify", "replay"):
        assert run([str(whole_tool), command, "reports/out"], tmp_path).returncode == 0
    assert [*(out / "lexical" / "plots").glob("*.svg")]
    assert [*(out / "allure-results").glob("*.json")]
