"""Where does a number of a document stand on record? Only a value that knows its place brings one into a text."""

import json
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from gates.errors import GateError
from reports.attestation.documents import FOLDER
from reports.escaping import clean, markdown

#: Names with a digit in them. Whatever else has one comes from a record.
NAMES = re.compile(r"nDCG@10|(SLA-)?Recall@50|RR@10|Success@10|\bp9[59]\b|95 %|sha256|in-toto")


class Unsourced(GateError):
    """A template would print a number of which nobody could say where it stands."""


@dataclass(frozen=True, slots=True, eq=False)
class Sourced:
    """A value of an artefact and where it stands: the file, and a JSON pointer (of a table: row, column).

    Behind the pointer to a list, `;key=word` leaves what says so of itself. `text` is how people read the value.
    """

    value: Any
    artefact: str  # its path in the folder of results
    path: str = ""
    text: str = ""

    def __getitem__(self, key: str | int) -> "Sourced":
        """What stands under a key, or at a place of a list. Raises LookupError."""
        step = str(key).replace("~", "~0").replace("/", "~1")
        return Sourced(self.value[key], self.artefact, f"{self.path}/{step}")

    def __iter__(self) -> Iterator["Sourced"]:
        """What stands in a list or a mapping."""
        return (self[key] for key in (self.value if isinstance(self.value, dict) else range(len(self.value))))

    def __bool__(self) -> bool:
        """Is anything there?"""
        return bool(self.value)

    def __str__(self) -> str:
        """Raise Unsourced: joined to other texts it would not be known any more whence it came."""
        raise Unsourced(f"{self.artefact}#{self.path}: is to be printed alone, where it stays a link")

    def told(self, text: str) -> "Sourced":
        """The same in words of its own; "" where there is nothing to tell."""
        return replace(self, text=text or "-")

    def where(self, **said: str) -> list["Sourced"]:
        """What in a list says this of itself."""
        return [one for one in self if all(str(one.value[key]) == word for key, word in said.items())]

    def count(self, **said: str) -> "Sourced":
        """How many that are."""
        path = self.path + "".join(f";{key}={word}" for key, word in said.items())
        return Sourced(len(self.where(**said)), self.artefact, path)

    def leaves(self, name: str = "") -> Iterator[tuple["Sourced", "Sourced"]]:
        """Every single value below, under its dotted name."""
        nested = isinstance(self.value, dict) or any(isinstance(one, dict | list) for one in self._listed)
        if nested and self.value:
            for key in self.value if isinstance(self.value, dict) else range(len(self.value)):
                yield from self[key].leaves(f"{name}.{key}" if name else str(key))
        else:
            yield self.told(name), self

    @property
    def words(self) -> str:
        """How people read it."""
        return clean(self.text) or " ".join(map(_plain, self._listed)) or "-"

    @property
    def _listed(self) -> list[Any]:
        return self.value if isinstance(self.value, list) else [self.value]

    @property
    def link(self) -> str:
        """Where it stands, as seen from a document."""
        return f"{_beside(self.artefact)}#{quote(self.path, safe='/~;=')}"


def in_markdown(value: object) -> Markup:
    """What a template prints, in Markdown."""
    return _printed(value, markdown, lambda words, link: f"[{markdown(words)}]({link})")


def in_html(value: object) -> Markup:
    """The same in HTML."""
    return _printed(
        value, lambda text: str(escape(clean(text))), lambda words, link: f'<a href="{link}">{escape(words)}</a>'
    )


def _printed(value: object, text: Callable[[str], str], linked: Callable[[str, str], str]) -> Markup:
    """Raises Unsourced for a number, and for a text that holds one."""
    if isinstance(value, Sourced):
        return Markup(linked(value.words, value.link))
    if isinstance(value, Markup):
        return value
    if not isinstance(value, str) or re.search(r"\d", NAMES.sub("", value)):
        raise Unsourced(f"{value}: comes from no record, so no document says it; give it as Sourced")
    return Markup(text(value))


@cache
def _beside(artefact: str) -> str:
    """A path as seen from a document: a dozen files are linked ten thousand times."""
    return posixpath.relpath(artefact, FOLDER)


def _plain(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.12g}"
        case dict():
            return json.dumps(value)
    return str(value)
