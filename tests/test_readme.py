"""Is what a newcomer reads first short, true of this checkout, and shown by runs of one commit?"""

import importlib.util
import re
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gates.status import EXIT, FAILED, INTERRUPTED, MISTAKE, NO_GATE
from hero_gate.__main__ import COMMANDS
from proof.pages.samples import COMMIT, PAGES, REGION, ROOT

TOLD = (*PAGES, "docs/commands.md", "docs/promotion.md", "docs/works.md", "docs/installing.md")
README, READING, HEROES, _, EVERY, *_ = ((ROOT / page).read_text(encoding="utf-8") for page in TOLD)
TARGETS = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def unknown(text: str) -> Iterator[str]:
    """Commands that a page names in code and this checkout does not have."""
    code = "\n".join(re.findall(r"^```\n.*?^```|`[^`\n]+`", text, re.DOTALL | re.MULTILINE))
    yield from (f"make {name}" for name in re.findall(r"\bmake ([a-z-]+)", code) if name not in TARGETS)
    yield from (f"./hero-gate {name}" for name in re.findall(r"\./hero-gate ([a-z]+)", code) if name not in COMMANDS)
    for module in re.findall(r"\bpython -m ([a-z_.]+)", code):
        if importlib.util.find_spec(module) is None:
            yield f"python -m {module}"


def dead(text: str, folder: Path) -> Iterator[str]:
    """Links of a page to a file that is not there, or to a heading that it does not have."""
    for name, heading in re.findall(r"\]\(([^)#\s]+)#?([^)\s]*)\)", text):
        if not (folder / name).exists():
            yield name
        elif heading:
            heads = re.findall(r"^#+ (.*)", (folder / name).read_text(encoding="utf-8"), re.MULTILINE)
            if heading not in {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}:
                yield f"{name}#{heading}"


def rows(text: str) -> list[list[str]]:
    """The cells of each line of its tables, without stars."""
    lines = (line for line in text.splitlines() if line.startswith("|"))
    return [[cell.strip().strip("*") for cell in line.strip("|").split("|")] for line in lines]


def region(text: str, name: str) -> str:
    """What stands between the marks of a sample."""
    return next(mark[0] for mark in REGION.finditer(text) if mark[2] == name)


def test_it_is_read_in_two_minutes() -> None:
    lines = README.splitlines()
    assert len(lines) <= 120
    assert [line for line in lines if len(line) > 125] == []
    picture = (ROOT / "docs" / "page.png").read_bytes()
    assert len(picture) <= 250_000
    assert struct.unpack(">I", picture[16:20]) == (1200,)
    assert re.search(r"!\[.{40,}\]\(docs/page\.png\)", README)


@pytest.mark.parametrize("page", TOLD)
def test_what_it_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [*unknown(text)] == []
    assert [*dead(text, (ROOT / page).parent)] == []


def test_what_is_not_there_is_found(tmp_path: Path) -> None:
    bent = "`make promte`, ./hero-gate anything\n```\n./hero-gate lok\npython -m reports.nothing\n```\nmake it better"
    assert [*unknown(bent)] == ["make promte", "./hero-gate lok", "python -m reports.nothing"]
    (tmp_path / "a.md").write_text("# One thing, and another\n")
    assert [*dead("[a](a.md#one-thing-and-another) [b](a.md#none) [c](b.md)", tmp_path)] == ["a.md#none", "b.md"]


def test_every_command_has_its_line() -> None:
    assert {f"make {name}" for name in TARGETS} - set(re.findall(r"make [a-z-]+", EVERY)) == set()


def test_the_outcomes_are_those_that_the_gate_ends_with() -> None:
    for text in (README, READING):
        told = {row[0]: row[1] for row in rows(text)} | {row[1]: row[0] for row in rows(text) if len(row) == 3}
        assert {name: told.get(name) for name in EXIT} == {name: str(status) for name, status in EXIT.items()}
    no_decision = [row[0] for row in rows(READING) if row[1] == "none"]
    assert no_decision == [f"{INTERRUPTED}, {FAILED}", f"{MISTAKE}", f"{NO_GATE}", "any other"]
    first_sample = README.index("<!-- sample")
    assert max(README.index(f"| {name} |") for name in EXIT) < first_sample


def test_seven_words_stand_in_the_glossary() -> None:
    table = README.split("| seven words | |\n")[1].split("\n\n")[0]
    words = [row[0] for row in rows(table)[1:]]
    known = ", ".join(row[0] for row in rows((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"))).split(", ")
    assert len(words) == 7
    assert set(words) - set(known) == set()


def test_samples_are_of_one_commit_and_agree() -> None:
    promote, rollback = region(READING, "promote_whole"), region(READING, "rollback_whole")
    assert {*region(README, "promote").splitlines()[2:]} <= {"", *promote.splitlines()}
    assert {*region(README, "rollback").splitlines()[2:]} <= {"", *rollback.splitlines()}
    first, more = rows(region(README, "heroes")), rows(region(HEROES, "heroes_more"))
    assert first[:4] == more[:4]  # commit, names, decisions, pairs
    (commit,) = set(COMMIT.findall(promote + rollback))
    assert first[0][0].startswith(f"commit {commit.removesuffix(' clean')},")
    decisions = dict(zip(first[0][1:], first[2][1:], strict=True))
    assert decisions["lexical"] == "PROMOTE" == promote.splitlines()[2].split()[0]
    assert rollback.splitlines()[2].split()[0] == "ROLLBACK"


def test_their_commit_is_one_of_ours() -> None:
    def git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)

    if git("rev-parse", "--is-shallow-repository").stdout.strip() != "false":
        pytest.skip("no git, or a shallow clone: whether the samples' commit came before this one cannot be known")
    commit = COMMIT.findall(region(READING, "promote_whole"))[0].removesuffix(" clean")
    assert git("merge-base", "--is-ancestor", commit, "HEAD").returncode == 0, f"{commit}: make readme"
