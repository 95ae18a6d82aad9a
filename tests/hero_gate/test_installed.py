"""Does the installed tool decide as its checkout does, for the folder one stands in, and say where one is?

What is done with two run files alone, from compare to rollback, is asked of it in tests/test_guides.py.
"""

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.lock import read_lock
from fixtures.packs import load_hero
from gates.extras import EXTRAS
from tests.edits import append
from tests.hero_gate.laid_out import CORE_LACKS, call, house_of, lay_out, take_away
from tests.test_imports import LINE

STAMP = "c0ffee1 clean"
ENGINES = f"{', '.join(EXTRAS['lens'])}: not installed; pip install 'hero-gate[lens]'"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """An installed tool, and beside it what lets it find none of its extras."""
    site = tmp_path_factory.mktemp("installed") / "site"
    lay_out(root, site, STAMP)
    take_away(site.with_name("core"), *CORE_LACKS)
    return site


@pytest.fixture
def home(tmp_path: Path, release_template: Path) -> Path:
    """A team's folder: nothing but configs, and modules that are called like a room and a library."""
    shutil.copytree(release_template / "configs", tmp_path / "home" / "configs")
    for name in ("gates.py", "yaml.py", "conftest.py"):
        (tmp_path / "home" / name).write_text("raise SystemExit(0)\n", encoding="utf-8")
    return tmp_path / "home"


def commit(folder: Path) -> str:
    name = ("-c", "user.name=A", "-c", "user.email=a@localhost")
    for words in (["init", "-q"], ["add", "."], [*name, "commit", "-qm", "begun"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    head = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(head, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_the_house_holds_every_room_and_what_a_run_needs_beside_them(root: Path) -> None:
    rooms = {*LINE} - {"hero_gate"}
    assert {*house_of(root)} == {*rooms, "configs", "requirements", "conftest.py", "pytest.ini", "LICENSE"}


def listed(root: Path, name: str) -> list[str]:
    lines = (root / "requirements" / f"{name}.in").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_is_missed_by_what_its_distributions_bring(extra: str, root: Path) -> None:
    by_module = importlib.metadata.packages_distributions()
    brought = {by.lower().replace("_", "-") for module in EXTRAS[extra] for by in by_module[module]}
    assert {*listed(root, extra)} <= brought


def test_the_core_is_pinned_as_the_checkout_is(root: Path) -> None:
    """Else a lock of the one would not fit the other."""
    locks = (root / "requirements" / f"{name}.lock" for name in ("core", "runtime"))
    core, runtime = (lock.read_text(encoding="utf-8") for lock in locks)
    pins = {*re.findall(r"^[a-z][\w.-]*==\S+|--hash=\S+", core, re.MULTILINE)}
    assert len(pins) > 50
    assert pins <= {*re.findall(r"^[a-z][\w.-]*==\S+|--hash=\S+", runtime, re.MULTILINE)}
    assert [line for line in listed(root, "runtime") if not line.startswith("-r ")] == []


def test_a_canary_decides_as_the_checkout_does_and_bears_both_commits(site: Path, home: Path) -> None:
    """With another commit of the team's: the lock is the one that this checkout wrote."""
    at = commit(home)
    locked = read_lock(load_hero("equal", home / "configs", foreseen=False))["fingerprint"]
    done = call(site, home, "canary", "--hero=equal", "-n1")  # whose worker finds the house as well
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    attested = json.loads((home / "reports" / "out" / "equal" / "attestation.json").read_bytes())
    assert attested["decision"] == "PROMOTE"
    assert (attested["release_fingerprint"], attested["commit"]) == (locked, STAMP)
    assert attested["configs_commit"] == f"{at} clean"
    assert f"commit {STAMP}, configs {at} clean" in done.stdout
    for words in ("next      hero-gate promote --hero=equal", "check  hero-gate verify reports/out"):
        assert words in done.stdout

    page = (home / "reports" / "out" / "index.html").read_text(encoding="utf-8")
    assert "Plots are not drawn: matplotlib: not installed; pip install &#39;hero-gate[report]&#39;" in page
    assert not (home / "reports" / "out" / "allure-results").exists()
    for command, told in (("replay", "as attested"), ("show", STAMP)):  # verify is asked in test_guides.py
        asked = call(site, home, command, "reports/out")
        assert (asked.returncode, told in asked.stdout) == (0, True), asked.stdout + asked.stderr
    assert sorted(path.name for path in home.iterdir()) == [
        ".git", "configs", "conftest.py", "gates.py", "reports", "yaml.py"
    ]  # fmt: skip
    clean = subprocess.run(["git", "status", "--porcelain"], cwd=home, capture_output=True, text=True, check=True)
    assert clean.stdout == ""


def test_what_it_does_not_find_is_looked_for_in_this_folder_and_told_in_a_line(site: Path, tmp_path: Path) -> None:
    done = call(site, tmp_path, "canary", "--hero=equal")
    assert done.returncode == 4
    assert f"{tmp_path}/configs/policy.yaml: no such file" in done.stderr
    jobs = call(site, tmp_path, "jobs", "list")
    assert (jobs.returncode, jobs.stdout) == (2, "")
    assert f"{tmp_path}/configs/schedule.yaml" in jobs.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_schedule_of_a_checkout_runs_through_the_door(site: Path, home: Path, root: Path) -> None:
    shutil.copy(root / "configs" / "schedule.yaml", home / "configs")
    done = call(site, home, "jobs", "list")
    assert done.returncode == 0, done.stderr
    assert "emergency_tripwire" in done.stdout
    code = (
        "import hero_gate, json; from pathlib import Path; from automation.schedule_file import load_schedule; "
        "print(json.dumps([job.words() for job in load_schedule(Path('configs/schedule.yaml')).jobs]))"
    )
    environ = {"PYTHONPATH": str(site)}
    asked = subprocess.run([sys.executable, "-P", "-c", code], cwd=home, env=environ, capture_output=True, check=True)
    words = {tuple(job) for job in json.loads(asked.stdout)}
    assert (sys.executable, "-m", "hero_gate", "pytest", "-m", "drift") in words
    assert all(job[1:4] == ("-m", "hero_gate", "pytest") for job in words)
    status = call(site, home, "jobs", "status")
    assert "hero-gate jobs install crontab" in status.stdout


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        (["lens", "search", "x"], f"hero-gate lens: {ENGINES}"),
        (["canary", "--hero=lexical"], f"system: lens needs what is not here: {ENGINES}"),
        (["promote", "--hero=lexical"], "refused: "),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)  # fmt: skip
def test_what_needs_an_extra_decides_nothing_without_it(
    words: list[str], gone: str, site: Path, tmp_path: Path, root: Path
) -> None:
    shutil.copytree(root / "configs" / "smoke", tmp_path / "configs")
    done = call(site, tmp_path, *words)
    assert (done.returncode, gone in done.stderr) == (1 if words[0] == "promote" else 4, True), done.stderr


def test_a_check_by_a_measure_that_is_not_there_is_refused(site: Path, home: Path) -> None:
    append(home / "configs" / "policy.yaml", "checks:\n  ap: {form: loss, measure: AP@10, margin: 0.1}\n")
    done = call(site, home, "canary", "--hero=equal")
    assert done.returncode == 4
    assert "and ir-measures is not installed; pip install 'hero-gate[measures]'" in done.stderr


def test_the_door_says_where_one_is(site: Path, home: Path) -> None:
    done = call(site, home, "--version")
    assert done.stdout == (
        f"hero-gate of commit {STAMP}; code in {site}/hero_gate/house, configs and results in {home}\n"
    )
    assert call(site, home).stdout.startswith("usage: hero-gate COMMAND")
    asked = call(site, home, "promote", "--help")
    assert asked.stdout.startswith("usage: hero-gate promote")


def test_pytest_of_others_finds_nothing_of_it(site: Path, tmp_path: Path) -> None:
    """No room is a top-level package, and no entry point loads the gate."""
    (tmp_path / "test_mine.py").write_text(
        "import importlib.util\n\ndef test_rooms(pytestconfig):\n"
        "    assert importlib.util.find_spec('rollout') is None\n"
        "    assert not pytestconfig.pluginmanager.hasplugin('gates.plugin')\n",
        encoding="utf-8",
    )
    environ = {"PYTHONPATH": str(site), "PATH": ""}
    words = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
