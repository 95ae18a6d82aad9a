"""Is `python -m lens` pleasant when all is well, and one line when it is not?"""

from pathlib import Path

import pytest

from lens.__main__ import main


@pytest.mark.smoke
def test_search_prints_places_scores_and_confidence(smoke: Path, capsys: pytest.CaptureFixture[str]):
    config = str(smoke / "lexical_pack_a.yaml")
    assert main(["search", "shortest path between two nodes", f"--config={config}", "--top=3"]) == 0
    printed = capsys.readouterr().out
    assert printed.count(".py:") == 3
    assert "def " in printed
    assert "% confidence; read as docstring" in printed


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("no_block.yaml", "no `selected` block; name a pack such as configs/lexical_pack_a.yaml"),
        ("half.yaml", "corpus: missing; add it"),
        ("nowhere.yaml", "nowhere.yaml: no such file"),
        ("/dev/zero", "/dev/zero: no such file"),
    ],
)
def test_a_bad_config_gets_a_line_and_status_2(tmp_path: Path, capsys, config: str, said: str):
    (tmp_path / "no_block.yaml").write_text("selected: 3\n")
    (tmp_path / "half.yaml").write_text("selected: {system: lens}\n")
    assert main(["search", "a query", f"--config={tmp_path / config}"]) == 2
    assert said in capsys.readouterr().err
