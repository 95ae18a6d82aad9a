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
    ("text", "said"),
    [
        ("selected: 3\n", "no `selected` block; name a pack such as configs/lexical_pack_a.yaml"),
        ("selected: {system: lens}\n", "corpus: missing; add it"),
    ],
)
def test_a_bad_config_gets_a_line_and_status_2(tmp_path: Path, capsys, text: str, said: str):
    config = tmp_path / "pack.yaml"
    config.write_text(text)
    assert main(["search", "a query", f"--config={config}"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("config", ["nowhere.yaml", "/dev/zero"])
def test_what_is_no_config_gets_a_line_and_status_2(capsys, config: str):
    assert main(["search", "a query", f"--config={config}"]) == 2
    assert capsys.readouterr().err.startswith(f"{config}: no such file")
