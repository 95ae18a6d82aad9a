"""Is a cache that was killed, damaged or raced for noticed, and never trusted?"""

import subprocess
import sys
from pathlib import Path

import pytest

from lens.cache import MANIFEST, built, cache_folder, verify
from lens.wheels import CorpusError

said: list[str] = []


def build(folder: Path) -> None:
    (folder / "data").write_text("whole")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    said.clear()
    built(tmp_path / "index", build, said.append)
    return tmp_path / "index"


def refuse(_: Path) -> None:
    raise AssertionError("built again")


def test_what_is_whole_is_not_built_again(folder: Path):
    assert set(built(folder, refuse, said.append)) == {"data"}
    assert said == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: (f / "data").write_text("hole"),
        lambda f: (f / "data").unlink(),
        lambda f: (f / "planted").write_text("new"),
        lambda f: (f / MANIFEST).write_text("{"),
        lambda f: (f / MANIFEST).write_text("{}"),
        lambda f: (f / MANIFEST).unlink(),
    ],
    ids=["changed", "missing", "planted", "half a manifest", "an empty one", "no manifest"],
)
def test_damage_is_said_and_mended(folder: Path, damage):
    assert verify(folder)[1] == []
    damage(folder)
    assert verify(folder)[1] in (["data"], ["planted"], [MANIFEST])
    built(folder, build, said.append)
    assert said == [f"{folder} is damaged: building it again"]
    assert (folder / "data").read_text() == "whole"
    assert not (folder / "planted").exists()


def test_a_killed_build_leaves_nothing_that_looks_whole(tmp_path: Path):
    folder = tmp_path / "index"

    def killed(part: Path) -> None:
        (part / "data").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        built(folder, killed, said.append)
    assert not folder.exists()
    built(folder, build, said.append)
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == ["index"], "what was half built is removed"


def test_two_processes_build_once(tmp_path: Path, root: Path):
    program = f"""
import sys, time
from pathlib import Path
from lens.cache import built
def build(folder):
    with open({str(tmp_path / "log")!r}, "a") as log:
        log.write("built\\n")
    time.sleep(0.5)
    (folder / "data").write_text("whole")
built(Path({str(tmp_path / "index")!r}), build, print)
"""
    both = [
        subprocess.Popen([sys.executable, "-c", program], cwd=root, stdout=subprocess.PIPE, text=True) for _ in "ab"
    ]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert (tmp_path / "log").read_text() == "built\n"
    assert "".join(outputs) == "another process is building the index: waiting for it\n"


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"HERO_GATE_CACHE": "{}/own"}, "own"),
        ({"XDG_CACHE_HOME": "{}"}, "hero-gate"),
        ({"HOME": "{}"}, ".cache/hero-gate"),
    ],
)
def test_the_cache_is_where_it_is_asked_for_and_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], place: str
):
    for name in ("HERO_GATE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    assert cache_folder() == tmp_path / place
    assert cache_folder().stat().st_mode & 0o077 == 0


def test_a_cache_that_others_can_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HERO_GATE_CACHE", str(tmp_path / "shared"))
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    with pytest.raises(CorpusError, match=r"other users can write here.*name another folder with HERO_GATE_CACHE"):
        cache_folder()
