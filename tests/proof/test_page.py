"""Is the page the one that the committed numbers give?"""

import json
from pathlib import Path

import pytest

from proof.page import write_page


def test_the_page_is_made_of_the_committed_numbers(root: Path, tmp_path: Path):
    committed = root / "configs" / "characteristics.json"
    if not committed.exists():
        pytest.skip("no characteristics are committed; make characteristics")
    write_page(json.loads(committed.read_text(encoding="utf-8")), tmp_path)
    page = (tmp_path / "operating-characteristics.md").read_text(encoding="utf-8")
    assert page == (root / "docs" / "operating-characteristics.md").read_text(encoding="utf-8")
    assert (tmp_path / "operating-characteristics.png").stat().st_size > 10_000
