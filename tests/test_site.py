"""Are the pages of docs/ a site: each in the navigation, with links that lead somewhere and a first line for whom?"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from gates.policy import Policy
from gates.verdicts import Decision, Kind, Verdict
from tests.test_readme import ROOT, dead, unknown

DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def named(nav: Any) -> Iterator[str]:
    """The pages of a navigation, in its order."""
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from named(part)


def unsaid(text: str) -> str:
    """What a page lacks of: a title, and below it one sentence for whom it is and what for; "" where nothing."""
    title, blank, first, *_ = (*text.splitlines(), "", "", "")
    if not re.match(r"# \S", title) or blank:
        return "a title with an empty line below"
    paragraph = " ".join(text.split("\n\n")[1].split("\n"))
    if not re.match(r"For (whoever|somebody|a )((?!\. ).)*: .+", paragraph):
        return f"a first line for whom it is, and what for: {first[:60]}"
    return ""


def astray(text: str, page: str) -> list[str]:
    """Links to what is not there, or not in the site; headings whose address the site would write otherwise."""
    folder, text = (DOCS / page).parent, re.sub(r"\]\(https?:[^)]*\)", "]", text)
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    outside = [name for name in targets if not (folder / name).resolve().is_relative_to(DOCS)]
    folders = [name for name in targets if (folder / name).is_dir()]
    return [*dead(text, folder), *outside, *folders, *re.findall(r"\]\(\S*#(\S*--\S*)\)", text)]


def test_the_navigation_names_every_page_and_nothing_else() -> None:
    assert sorted(named(SITE["nav"])) == PAGES
    assert SITE.keys() == {"site_name", "docs_dir", "nav"}  # what any builder of such sites understands


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_it_is_for_and_leads_somewhere(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    if not re.match(r"adr/\d", page):  # what was decided stands in the title of those
        assert unsaid(text) == ""
    assert astray(text, page) == []
    assert [*unknown(text)] == []


def test_what_a_page_lacks_is_found() -> None:
    assert unsaid("# A\n\nFor whoever has b: what c is. More.\n") == ""
    assert unsaid("# A\nFor whoever has b: what c is.\n") == "a title with an empty line below"
    assert unsaid("# A\n\n    make b\n").endswith("what for:     make b")
    assert unsaid("# A\n\nFor whoever has b. More: d.\n").startswith("a first line for whom")
    assert unsaid("") == "a title with an empty line below"
    bent = "[a](../README.md) [b](none.md) [c](adr) [d](formats.md#a--b) [e](https://example.org) [f](ci.md)"
    assert astray(bent, "index.md") == ["none.md", "formats.md#a--b", "../README.md", "adr", "a--b"]


def test_every_decision_is_listed() -> None:
    listed = re.findall(
        r"^\d+\. \[(.*)\]\((.*)\)$", (DOCS / "adr" / "index.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    there = sorted((DOCS / "adr").glob("0*.md"))
    titles = [(path.read_text(encoding="utf-8").splitlines()[0].partition(". ")[2], path.name) for path in there]
    assert listed == titles


def test_every_page_is_found_from_the_first_one() -> None:
    first = (DOCS / "index.md").read_text(encoding="utf-8")
    linked = {Path(name).as_posix() for name in re.findall(r"\]\(([^)]*)\)", first)}
    assert {page for page in PAGES if not page.startswith("adr/0")} - linked == {"index.md"}


def test_every_word_that_a_decision_is_told_in_stands_in_the_glossary() -> None:
    known = (DOCS / "glossary.md").read_text(encoding="utf-8")
    modes = get_args(Policy.model_fields["mode"].annotation)
    marks = re.findall(r"`([+?x~.])`", (DOCS / "reading.md").read_text(encoding="utf-8"))
    row = re.findall(r"^\| (`.*?) \|", (DOCS / "red-run.md").read_text(encoding="utf-8"), re.MULTILINE)
    words = {
        *Decision,
        *Verdict,
        *Kind,
        *modes,
        *(f"`{mark}`" for mark in marks),
        *re.findall("`(e-.*?)`", " ".join(row)),
    }
    assert len(words) > 20
    assert [word for word in words if word not in known] == []
