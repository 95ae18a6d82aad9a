"""What is searched? All documented functions of the corpus's wheels, with their words."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from lens.spans import Span, read_spans
from lens.text import surface_words
from lens.wheels import CorpusError

# Tests and copies of other projects answer nothing that their originals do not.
LEFT_OUT = {"test", "tests", "testing", "_vendor", "vendor", "_vendored", "typeshed"}
PROCESSES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanWords:
    """A span with the words of its qualified name and of its source, in their order."""

    span: Span
    name: tuple[str, ...]
    body: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The documents sorted by doc_id, and the files that could not be parsed."""

    documents: tuple[SpanWords, ...]
    unreadable: tuple[str, ...]


def read_corpus(wheels: Sequence[Path], titles: Sequence[str], tell: Callable[[], None]) -> Corpus:
    """Read the wheels' functions, two wheels at a time; `tell` is called for each wheel that is done."""
    documents: list[SpanWords] = []
    unreadable: list[str] = []
    largest_first = sorted(zip(wheels, titles, strict=True), key=lambda pair: -pair[0].stat().st_size)
    with ThreadPoolExecutor(PROCESSES) as pool:
        for found, failed in pool.map(read_apart, *zip(*largest_first, strict=True)):
            documents += found
            unreadable += failed
            tell()
    documents.sort(key=lambda document: document.span.doc_id)
    return Corpus(documents=tuple(documents), unreadable=tuple(sorted(unreadable)))


def read_apart(wheel: Path, title: str) -> tuple[list[SpanWords], list[str]]:
    """The documents of one wheel and its unreadable files, read by a process of its own.

    A plain subprocess: multiprocessing would import the caller's main module again, or fork a process with threads.
    """
    command = [sys.executable, "-m", "lens.corpus", str(wheel.resolve()), title]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent)
    if done.returncode:
        raise CorpusError(f"{wheel}: cannot be read ({done.stderr.strip().splitlines()[-1]}); remove it and run again")
    documents: list[SpanWords] = []
    unreadable: list[str] = []
    for line in done.stdout.splitlines():
        row = json.loads(line)
        if "unreadable" in row:
            unreadable.append(row["unreadable"])
        else:
            span = Span(**{**row["span"], "messages": tuple(row["span"]["messages"])})
            documents.append(SpanWords(span=span, name=tuple(row["name"]), body=tuple(row["body"])))
    return documents, unreadable


def read_wheel(wheel: Path, title: str) -> Iterator[SpanWords | str]:
    """The documents of one wheel, and the names of files that are not Python this interpreter can parse."""
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if not wanted(name):
                continue
            try:
                spans = read_spans(title, name, archive.read(name))
            except (SyntaxError, ValueError):
                yield f"{title}/{name}"
                continue
            for span in spans:
                words = tuple(surface_words(span.qualname)), tuple(surface_words(span.text))
                yield SpanWords(span=span, name=words[0], body=words[1])


def wanted(name: str) -> bool:
    """Whether a file of a wheel belongs to the corpus."""
    path = PurePosixPath(name)
    is_test = path.name.startswith("test_") or path.name == "conftest.py"
    return path.suffix == ".py" and not is_test and not LEFT_OUT & {part.lower() for part in path.parts[:-1]}


def main() -> None:
    """Print a wheel's documents as JSON lines: the other end of `read_apart`."""
    wheel, title = sys.argv[1:]
    for found in read_wheel(Path(wheel), title):
        print(json.dumps({"unreadable": found} if isinstance(found, str) else asdict(found)))


if __name__ == "__main__":
    main()
