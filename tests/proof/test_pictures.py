"""Are the pictures of docs/statistics.md drawn by the gate's own functions, and its numbers those that these found?"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from gates.policy import Policy
from gates.verdicts import Verdict
from proof.pages.pictures import TEMPLATE, write_pictures

ANEW = "draw it anew: python -m proof.pages.pictures"
#: Digits that are names, roundings of a promise, or the world's that the pictures are of.
NAMES = ("nDCG@10", "95 %", "about 95", ".8", ".05")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> tuple[Path, dict[str, Any]]:
    docs = tmp_path_factory.mktemp("docs")
    return docs, write_pictures(docs, policy)


def by_hand(template: str) -> Iterator[str]:
    """Numbers that no function found."""
    text = re.sub(r"\{[{%].*?[}%]\}|\]\([^)]*\)|`[^`]*`", "", template)
    for name in NAMES:
        text = text.replace(name, "")
    yield from re.findall(r"\S*\d\S*", text)


def test_the_page_says_what_its_pictures_found(root: Path, drawn: tuple[Path, dict[str, Any]]) -> None:
    docs, _ = drawn
    shipped = (root / "docs" / "statistics.md").read_text(encoding="utf-8")
    assert (docs / "statistics.md").read_text(encoding="utf-8") == shipped, ANEW
    named = set(re.findall(r"\]\(pictures/(\w+\.svg)\)", shipped))
    for folder in (docs, root / "docs"):
        assert {path.name for path in (folder / "pictures").iterdir()} == named, ANEW


def test_no_number_is_written_by_hand() -> None:
    assert [*by_hand(TEMPLATE.read_text(encoding="utf-8"))] == []
    assert [*by_hand("In {{ n }} pairs of `12`, ± 0.9 points, see [7](a.md#b-2) {% for i in [1] %}")] == ["0.9", "[7"]


def test_a_picture_is_small_whole_and_lies_on_white(root: Path, drawn: tuple[Path, dict[str, Any]]) -> None:
    docs, _ = drawn
    for path in (*(docs / "pictures").iterdir(), *(root / "docs" / "pictures").iterdir()):
        assert path.stat().st_size <= 60_000, path.name
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
        assert "fill: #ffffff" in path.read_text(encoding="utf-8")[:2500], path.name  # read on a dark ground


def test_what_it_says_in_words_is_so(drawn: tuple[Path, dict[str, Any]]) -> None:
    _, found = drawn
    assert found["same"] < found["split"]
    assert found["by_promise_0"] <= 100 * found["alpha"] < found["by_p_0"]
    assert found["half_promise"] < found["half_red"]
    assert found["verdicts"] == {
        "equal, 800": Verdict.GREEN, "equal, 60": Verdict.INCONCLUSIVE, "1 point worse, 6000": Verdict.GREEN,
        "6 points worse, 60": Verdict.INCONCLUSIVE, "6 points worse, 800": Verdict.RED,
    }  # fmt: skip
    assert found["gain"]["offline"] <= found["level"] < found["gain"]["t"]
    assert found["error"].lower <= 0.05 <= found["error"].upper
    assert found["seen_last"] < found["last_limit"] < found["seen"] < found["first_limit"]
    *churns, least = found["needed"].values()
    assert all(low < high for margins in churns for low, high in zip(least, margins, strict=True))
