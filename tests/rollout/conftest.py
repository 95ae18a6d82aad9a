"""How does a hero climb without pytest around it?"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fixtures.packs import load_hero
from rollout.battery import Battery
from rollout.ladder import Ladder
from tests.edits import put

Climb = Callable[..., Ladder]


def late(run: Path) -> None:
    """Let every answer of a run come after 500 ms."""
    lines = (line.split() for line in run.read_text(encoding="utf-8").splitlines())
    run.write_text("\n".join(" ".join([*f[:6], "500", f[7]]) for f in lines), encoding="utf-8")


def open_ladder(name: str, configs: Path, runs: Path, checkout: Path) -> Ladder:
    """The ladder of a hero, whose evidence goes to a folder."""
    battery = Battery(load_hero(name, configs), runs, "run", checkout, lambda line: None)
    return Ladder(battery, runs, "run", lambda line: None)


@pytest.fixture
def ladder(configs: Path, tmp_path: Path, release_template: Path) -> Climb:
    """Opens the ladder of a hero; `policy` changes the release's policy, other keywords change the hero's pack."""

    def opened(name: str, *, folder: str = "", policy: Mapping[str, Any] | None = None, **pack: Any) -> Ladder:
        put(configs / "policy.yaml", **(policy or {}))
        put(configs / f"{name}.yaml", **pack)
        return open_ladder(name, configs, tmp_path / "runs" / (folder or name), release_template)

    return opened


@pytest.fixture
def climb(ladder: Climb) -> Climb:
    """The same, as high as the hero gets."""

    def climbed(name: str, **changes: Any) -> Ladder:
        opened = ladder(name, **changes)
        opened.reach(100)
        return opened

    return climbed


@pytest.fixture(scope="module")
def once(release_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Climb:
    """A hero of the release as it is, as high as it gets: climbed once for tests that only look at what it left."""

    @functools.cache
    def climbed(name: str) -> Ladder:
        opened = open_ladder(name, release_template / "configs", tmp_path_factory.mktemp(name), release_template)
        opened.reach(100)
        return opened

    return climbed
