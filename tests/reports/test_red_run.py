"""Does the page on a red run name words that rows and cards say, and read the evidence that a run leaves?"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gates.release import Release

PAGE = Path(__file__).parents[2] / "docs" / "red-run.md"
TEXT = PAGE.read_text(encoding="utf-8")


def words(heading: str, text: str = TEXT) -> list[str]:
    """What stands as code in the first column of the table below a heading."""
    table = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [
        word
        for line in table.splitlines()
        if line.startswith("| ")
        for word in re.findall("`(.+?)`", line.split("|")[1])
    ]


def said(root: Path) -> str:
    """All that gates and reports can say."""
    return "\n".join(
        path.read_text(encoding="utf-8") for room in ("gates", "reports") for path in (root / room).rglob("*.py")
    )


@pytest.mark.parametrize("heading", ["The words of a row", "Which kind of HOLD"])
def test_every_word_it_explains_is_said(root: Path, heading: str) -> None:
    sources = said(root)
    explained = words(heading)
    assert len(explained) > 5
    assert [word for word in explained if word not in sources] == []


def test_a_word_that_nobody_says_is_found(root: Path) -> None:
    bent = "\n## Words\n\n| word | says |\n|---|---|\n| `e-red` and `e-blue` | `n` |\n\n## Next\n"
    assert words("Words", bent) == ["e-red", "e-blue"]
    assert "e-blue" not in said(root)


def test_its_lines_find_the_queries_that_lost_most(
    judged: Callable[..., Release], capsys: pytest.CaptureFixture[str]
) -> None:
    release = judged("worse")
    (outcome,) = release.outcomes
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    intent = outcome.subject.policy.slices.intents[0]
    there = code.replace("reports/out/lexical", f"{release.artifacts}/worse").replace("'error'", repr(intent))
    exec(there.replace('"lexical"', '"worse"').replace('"lens"', repr(outcome.subject.baseline_name)))
    lines = capsys.readouterr().out.splitlines()
    lost = [float(line.split()[-1]) for line in lines[1:-1]]
    assert lines[0] == "query_id"
    assert len(lost) == 10
    assert lost == sorted(lost)
    assert lost[0] < 0
