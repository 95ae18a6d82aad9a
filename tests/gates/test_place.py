"""Does whoever runs the gate know whose code runs, for whose folder, at which commits, and through which door?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gates.extras import EXTRAS, lacking, with_way_out
from gates.place import DOORS, HERE, TARGETS, Whereabouts, commits_told, place_of
from hero_gate.__main__ import COMMANDS


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Whereabouts:
    """A tool whose house bears a stamp, for the folder beside it."""
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "COMMIT").write_text("4f2c9e1 clean\n", encoding="utf-8")
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    return place_of(tmp_path / "house")


def git(folder: Path, *words: str) -> str:
    name = ("-c", "user.name=A", "-c", "user.email=a@localhost")
    done = subprocess.run(["git", *name, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def repository(folder: Path) -> str:
    """One commit of a folder of configs with something beside it; its id."""
    (folder / "configs").mkdir(parents=True)
    (folder / "configs" / "policy.yaml").touch()
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "begun")
    return git(folder, "rev-parse", "--short", "HEAD")


def test_a_checkout_is_house_and_home_wherever_one_stands(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = place_of(root)
    assert (found.house, found.home, found.installed) == (root, root, False)
    assert root.resolve() == HERE.house


def test_an_installed_tool_works_for_the_folder_one_stands_in(installed: Whereabouts, tmp_path: Path) -> None:
    assert (installed.house, installed.home) == (tmp_path / "house", tmp_path / "home")
    assert (installed.installed, installed.commit) == (True, "4f2c9e1 clean")


def test_a_stamp_that_says_nothing_makes_no_commit(tmp_path: Path) -> None:
    (tmp_path / "COMMIT").touch()
    assert (place_of(tmp_path).installed, place_of(tmp_path).commit) == (True, "no commit")


def test_configs_of_a_checkout_are_of_its_commit(tmp_path: Path) -> None:
    at = repository(tmp_path / "checkout")
    found = place_of(tmp_path / "checkout")
    assert found.commits(tmp_path / "checkout" / "configs") == (f"{at} clean",) * 2
    (tmp_path / "checkout" / "more.py").touch()
    assert found.commits(tmp_path / "checkout" / "configs") == (f"{at} with uncommitted changes",) * 2
    assert commits_told(found.commit, found.commit) == found.commit


def test_configs_of_a_team_are_of_their_own_commit_and_only_what_differs_of_them_counts(
    installed: Whereabouts, tmp_path: Path
) -> None:
    team = tmp_path / "team"
    at = repository(team)
    (team / "notes.txt").touch()
    assert installed.commits(team / "configs") == ("4f2c9e1 clean", f"{at} clean")
    (team / "configs" / "mine.yaml").touch()
    assert installed.commits(team / "configs") == ("4f2c9e1 clean", f"{at} with uncommitted changes")
    told = commits_told(*installed.commits(team / "configs"))
    assert told == f"4f2c9e1 clean, configs {at} with uncommitted changes"


def test_configs_in_no_repository_and_in_no_folder_are_of_no_commit(installed: Whereabouts, tmp_path: Path) -> None:
    assert installed.commits(tmp_path)[1] == installed.commits(tmp_path / "none")[1] == ""
    assert commits_told("4f2c9e1 clean", "") == "4f2c9e1 clean, configs of no repository"


def test_a_command_is_said_as_one_types_it(installed: Whereabouts) -> None:
    said = "run python -m pytest -m drift --write, then make promote; make doctor and `make it better` stay"
    assert HERE.typed(said) == said
    asks = "run hero-gate pytest -m drift --write, then hero-gate promote; make doctor and `make it better` stay"
    assert installed.typed(said) == asks
    assert installed.typed("python -m automation.outbox show") == "hero-gate alerts show"
    assert installed.typed("python -m reports.attestation verify x") == "hero-gate verify x"


def test_every_door_leads_to_a_command() -> None:
    through = {words.removeprefix("hero-gate").strip() for words in DOORS.values()} - {""}
    assert through | {*TARGETS} <= {*COMMANDS}


def test_a_target_names_what_is_not_its_default(installed: Whereabouts) -> None:
    asked = {"hero": "a b.yaml", "configs": "configs/smoke"}
    made = HERE.made("canary", "--decision-mode=letter", **asked)
    assert made == "make canary HERO=''\"'\"'a b.yaml'\"'\"'' CONFIGS=configs/smoke ARGS=--decision-mode=letter"
    typed = installed.made("canary", "--decision-mode=letter", **asked)
    assert typed == "hero-gate canary '--hero=a b.yaml' --configs=configs/smoke --decision-mode=letter"
    assert installed.made("lock", hero="x", configs="configs") == "hero-gate lock --hero=x"


def test_a_process_that_knows_nothing_of_us_is_given_the_door(installed: Whereabouts) -> None:
    job = ("python", "-m", "pytest", "-m", "drift")
    assert HERE.argv(*job) == (sys.executable, *job[1:])
    assert installed.argv(*job) == (sys.executable, "-m", "hero_gate", "pytest", "-m", "drift")
    assert installed.argv("true", "x") == HERE.argv("true", "x") == ("true", "x")


def test_pytest_finds_what_the_house_has(installed: Whereabouts) -> None:
    house = installed.house
    assert HERE.session(["-m", "canary"]) == ["-m", "canary"]
    found = installed.session(["-m", "canary", "--configs=suites/x"])
    assert found[:2] == ["-c", str(house / "pytest.ini")]
    assert found[-4:] == ["-m", "canary", "--configs=suites/x", str(house / "suites")]
    emergency = installed.session(COMMANDS["emergency"][0].split()[1:])
    assert emergency == [
        "-c",
        *(f"{house}/suites/continuous/{name}" for name in ("emergency.ini", "test_emergency.py")),
    ]


def test_rooms_come_before_what_is_called_alike(installed: Whereabouts) -> None:
    assert HERE.environment({"PYTHONPATH": "/mine"}) == {}
    found = installed.environment({"PYTHONPATH": os.pathsep.join(["/mine", str(installed.house), ""])})
    assert found["PYTHONPATH"].split(os.pathsep) == [str(installed.house), "/mine"]
    assert installed.environment({})["PYTHONPATH"] == str(installed.house)


def test_what_is_not_installed_is_said_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lacking("report") == lacking("lens", "faiss") == ""
    assert lacking("lens", "faiss", "no_such") == (
        "no_such: not installed; pip install --require-hashes -r requirements/runtime.lock"
    )
    monkeypatch.setattr("gates.extras.HERE", Whereabouts(house=Path(), home=Path(), stamp="4f2c9e1 clean"))
    assert lacking("lens", "no_such", "nor_this") == "no_such, nor_this: not installed; pip install 'hero-gate[lens]'"
    said = "measure AP@10 is none of ours, and ir-measures is not installed"
    assert with_way_out(said) == f"{said}; pip install 'hero-gate[measures]'"
    assert with_way_out("anything else") == "anything else"
    assert set(EXTRAS) == {"lens", "report", "measures", "alerts"}
