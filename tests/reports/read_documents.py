"""What does a document say, and where does each number stand? Read as a reader does, by none of our code."""

import csv
import html
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from markdown_it import MarkdownIt

#: The whole list of what may hold a digit and be no number: names of measures, of intervals and of a hash.
ALLOWED = re.compile(r"nDCG@10|SLA-Recall@50|\bp95\b|\bp99\b|95 %|sha256")
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
_LINK = re.compile(r"!?\[((?:\\.|[^\]\\])*)\]\(([^)\s]+)\)")


class Link(NamedTuple):
    """What is linked, and where to."""

    text: str
    target: str


class Read(NamedTuple):
    """A document: all that is no link, and the links."""

    plain: str
    links: list[Link]


def read(path: Path) -> Read:
    """A document as it is read, whichever way it is written."""
    text = path.read_text("utf-8")
    if path.suffix == ".html":
        return read_html(text)
    links = [Link(re.sub(r"\\(.)", r"\1", one[1]).replace("<!-- -->", ""), one[2]) for one in _LINK.finditer(text)]
    return Read(_LINK.sub("", text), links)


def read_html(text: str) -> Read:
    """The same of a page."""
    page = _Page()
    page.feed(text)
    return Read(" ".join(page.plain), page.links)


def as_html(path: Path) -> Read:
    """A Markdown document as those who render Markdown show it."""
    return read_html(MarkdownIt("commonmark").enable("table").render(path.read_text("utf-8")))


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.plain: list[str] = []
        self.links: list[Link] = []
        self._href, self._text, self._style = "", "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {key: value or "" for key, value in attrs}
        assert not [key for key in said if key.startswith("on")]
        assert tag != "script"
        self._style = tag == "style"
        if tag == "a":
            self._href, self._text = said["href"], ""
        elif tag == "img":
            self.links.append(Link(said["alt"], said["src"]))
        self.plain += [said.get(key, "") for key in ("aria-label", "alt", "title")]

    def handle_endtag(self, tag: str) -> None:
        self._style = False
        if tag == "a":
            self.links.append(Link(self._text, self._href))
            self._href = ""

    def handle_data(self, data: str) -> None:
        if self._href:
            self._text += data
        elif not self._style:
            self.plain.append(data)


def unsourced(document: Read) -> list[str]:
    """Whatever in it holds a digit and is no link."""
    return re.findall(r"\S*\d\S*", ALLOWED.sub("", document.plain))


def wrong_links(document: Read, folder: Path) -> Iterator[str]:
    """Each link that leads nowhere, or to where its numbers do not stand; `folder` is where the document lies."""
    for link in document.links:
        name, _, place = html.unescape(link.target).partition("#")
        path = folder / unquote(name)
        if not path.is_file():
            yield f"dead: {link}"
        elif place:
            try:
                value = _at(_content(path), unquote(place))
            except (LookupError, ValueError, TypeError) as error:
                yield f"{type(error).__name__}: {link}"
                continue
            if not _says(value, link.text, unquote(place)):
                yield f"says {json.dumps(value)[:200]}: {link}"


_CONTENTS: dict[tuple[Path, int], Any] = {}


def _content(path: Path) -> Any:
    key = (path.resolve(), path.stat().st_mtime_ns)
    if key not in _CONTENTS:
        text = path.read_text("utf-8")
        _CONTENTS[key] = [*csv.DictReader(text.splitlines())] if path.suffix == ".csv" else json.loads(text)
    return _CONTENTS[key]


def _at(value: Any, place: str) -> Any:
    """What stands at a JSON pointer; `;key=word` leaves those of a list that say so, and is about their number."""
    pointer, *asked = place.split(";")
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        value = value[int(key) if isinstance(value, list) else key]
    for one in asked:
        key, _, word = one.partition("=")
        value = [each for each in value if str(each[key]) == word]
    return value


def _says(value: Any, text: str, place: str) -> bool:
    """Does every number of a text stand in a value, or in the name of its place?"""
    told = value if isinstance(value, str) else json.dumps(value)
    if text == told or place.replace("/", ".").endswith(f".{text}") or (text == "> 100 %" and float(value) > 1):
        return True
    there = [float(n.replace(",", "")) for n in NUMBER.findall(told)]
    there += [len(value)] if isinstance(value, list) else []
    if re.fullmatch(r"/gains/\d+", place) and float(value["baseline"]):
        there.append(float(value["difference"]) / float(value["baseline"]))  # as a share of it
    return all(_is(token, there) for token in NUMBER.findall(ALLOWED.sub("", text)))


def _is(token: str, there: list[float]) -> bool:
    """Is it one of these, or a hundred times one, rounded to its digits?"""
    number, digits = float(token.replace(",", "")), len(token.partition(".")[2])
    near = 0.5000001 * 10**-digits
    return any(abs(number - scale * one) <= near for one in there for scale in (1, 100))
