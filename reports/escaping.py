"""How is a text of the data shown where it could break the page, the table or the terminal?"""

from __future__ import annotations

import re
from pathlib import Path

#: Control characters, line separators, and the marks that turn the direction of text.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~#&!])")


def clean(text: str) -> str:
    """A text on one line, without control characters."""
    return _UNPRINTABLE.sub(" ", text)


def cut(text: str, width: int) -> str:
    """A text on one line, at most `width` characters."""
    line = clean(text)
    return line if len(line) <= width else line[: width - 1] + "…"


def cut_path(text: str, width: int) -> str:
    """The end of a file:line, at most `width` characters."""
    line = clean(text)
    return line if len(line) <= width else "…" + line[-(width - 1) :]


def typed(path: str | Path) -> str:
    """A path as one would type it here: a report names no folder of this machine where it need not."""
    try:
        return str(Path(path).resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def csv_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    line = clean(text)
    return f"'{line}" if text.startswith(_FORMULA) else line


def markdown(text: str) -> str:
    """A text inside Markdown that neither a table nor HTML takes for markup."""
    return _MARKDOWN.sub(r"\\\1", clean(text))
