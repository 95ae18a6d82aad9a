"""Does `pytest -m select` show its table, write only when asked, and leave a lock that is told to be stale?"""

import shutil
from pathlib import Path

import pytest
import yaml

from tests import forked
from tests.edits import replace

pytestmark = [pytest.mark.smoke, pytest.mark.usefixtures("short")]

GRID = """
grid: # of this test
  - lexical: {phrase_boost: 1.00, window_tokens: 8}
  - {lexical: {phrase_boost: 1.40, window_tokens: 8}, published: true}
"""
SHIPPED, WORSE = "phrase_boost: 1.40, window_tokens: 8", "phrase_boost: 1.00, window_tokens: 8"


@pytest.fixture
def smoke(root: Path, tmp_path: Path) -> Path:
    """The smoke configs, whose lexical hero has a grid and selects the row that gains nothing."""
    folder = Path(shutil.copytree(root / "configs", tmp_path / "configs")) / "smoke"
    shipped = f"changes:\n  lexical: {{{SHIPPED}}}"
    replace(folder / "lexical_pack_a.yaml", shipped, GRID.lstrip() + shipped.replace(SHIPPED, WORSE))
    return folder


def suite(root: Path, smoke: Path, *arguments: str) -> tuple[int, str]:
    """Exit status and terminal of a suite about one hero."""
    where = [f"--configs={smoke}", f"--artifacts={smoke.parent / 'out'}", "--hero=lexical"]
    done = forked.run(["pytest", *where, *arguments], root)
    return done.returncode, done.stdout + done.stderr


def test_the_winner_is_written_only_when_asked_and_is_then_to_be_locked_anew(root: Path, smoke: Path) -> None:
    pack = smoke / "lexical_pack_a.yaml"
    before = pack.read_text(encoding="utf-8")
    assert suite(root, smoke, "-m", "lock", "--write")[0] == 0

    status, told = suite(root, smoke, "-m", "select")
    assert (status, pack.read_text(encoding="utf-8")) == (1, before)
    assert "phrase_boost 1.4, window_tokens 8 is the best candidate, but the pack selects another one" in told
    table = (smoke.parent / "out" / "selection" / "lexical.md").read_text(encoding="utf-8")
    assert table in told
    assert "| chosen, as published |" in table

    status, told = suite(root, smoke, "-m", "select", "--write")
    assert status == 0
    assert f"make lock HERO=lexical CONFIGS={smoke}" in told
    after = pack.read_text(encoding="utf-8")
    old = f"changes:\n  lexical: {{{WORSE}}}"
    assert after == before.replace(old, old.replace(WORSE, SHIPPED))
    assert yaml.safe_load(after)["changes"]["lexical"]["phrase_boost"] == 1.4

    status, told = suite(root, smoke, "-m", "lock")
    assert status == 1
    assert "config.lexical.phrase_boost: locked 1.0, now 1.4" in told


def test_a_pack_without_a_grid_is_not_evidenced(root: Path, smoke: Path) -> None:
    shutil.copy(root / "configs" / "smoke" / "lexical_pack_a.yaml", smoke)
    status, told = suite(root, smoke, "-m", "select")
    assert (status, "has no grid to choose from" in told) == (10, True)


def test_a_pack_whose_candidates_all_lose_selects_none(root: Path, smoke: Path) -> None:
    pack = smoke / "lexical_pack_a.yaml"
    for row in GRID.splitlines()[2:]:
        replace(pack, f"{row}\n", "  - lexical: {name_weight: 0.0}\n")
    text = pack.read_text(encoding="utf-8")
    status, told = suite(root, smoke, "-m", "select", "--write")
    assert (status, pack.read_text(encoding="utf-8")) == (1, text)
    assert "no candidate of the grid is without a shown loss; nothing is selected" in told
