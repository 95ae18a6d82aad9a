"""How is a text of the data shown where it could break the page, the table or the terminal?"""

import itertools
import re
import shlex
import unicodedata
from pathlib import Path

#: Of Unicode: control and format characters (those that turn the direction of text, or show nothing, among them),
#: halves of pairs, private characters, and what separates lines.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~#&!])")


def clean(text: str) -> str:
    """A text on one line, without characters that are not seen; some in a row become one blank."""
    if text.isprintable():  # what Python prints as it is holds none of them
        return text
    parts = itertools.groupby(text, lambda character: unicodedata.category(character) in _UNPRINTABLE)
    return "".join(" " if unseen else "".join(characters) for unseen, characters in parts)


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


def elsewhere(configs: str | Path, artifacts: str | Path) -> list[str]:
    """What a command must be told where these do not lie where it looks by itself: as printed, it would take the last
    change off another baseline."""
    places = (("configs", configs, "configs"), ("artifacts", artifacts, "reports/out"))
    return [shlex.quote(f"--{name}={typed(path)}") for name, path, usual in places if typed(path) != usual]


def csv_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    line = clean(text)
    plain = unicodedata.normalize("NFKC", line).lstrip()  # full-width signs are taken for signs as well
    return f"'{line}" if text.startswith(_FORMULA) or plain.startswith(_FORMULA) else line


def markdown(text: str) -> str:
    """A text inside Markdown that neither a table nor HTML takes for markup, and that calls nobody by `@name`."""
    return re.sub(r"@(?=[a-zA-Z])", "@<!-- -->", _MARKDOWN.sub(r"\\\1", clean(text)))
