"""How does a hero climb without pytest around it?"""

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


@pytest.fixture
def ladder(configs: Path, tmp_path: Path, release_template: Path) -> Climb:
    """Opens the ladder of a hero; `policy` changes the release's policy, other keywords change the hero's pack."""

    def opened(name: str, *, folder: str = "", policy: Mapping[str, Any] | None = None, **pack: Any) -> Ladder:
        put(configs / "policy.yaml", **(policy or {}))
        put(configs / f"{name}.yaml", **pack)
        runs = tmp_path / "runs" / (folder or name)
        battery = Battery(load_hero(name, configs), runs, "run", release_template, lambda line: None)
        return Ladder(battery, runs, "run", lambda line: None)

    return opened


@pytest.fixture
def climb(ladder: Climb) -> Climb:
    """The same, as high as the hero gets."""

    def climbed(name: str, **changes: Any) -> Ladder:
        opened = ladder(name, **changes)
        opened.reach(100)
        return opened

    return climbed
