"""What is searched? All documented functions of the corpus's wheels, with their words."""

import zipfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path, PurePosixPath

from lens.spans import Span, read_spans
from lens.text import surface_words

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


def read_corpus(wheels: Sequence[Path], titles: Sequence[str]) -> Corpus:
    """Read the wheels' functions, two wheels at a time, in processes of their own."""
    documents: list[SpanWords] = []
    unreadable: list[str] = []
    largest_first = sorted(zip(wheels, titles, strict=True), key=lambda pair: -pair[0].stat().st_size)
    # spawned: a fork of a process with threads may hang
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        for found, failed in pool.map(read_wheel, *zip(*largest_first, strict=True)):
            documents += found
            unreadable += failed
    documents.sort(key=lambda document: document.span.doc_id)
    return Corpus(documents=tuple(documents), unreadable=tuple(sorted(unreadable)))


def read_wheel(wheel: Path, title: str) -> tuple[list[SpanWords], list[str]]:
    """The documents of one wheel, and the names of files that are not Python this interpreter can parse."""
    documents: list[SpanWords] = []
    unreadable: list[str] = []
    with zipfile.ZipFile(wheel) as archive:
        for name in filter(wanted, sorted(archive.namelist())):
            try:
                spans = read_spans(title, name, archive.read(name))
            except (SyntaxError, ValueError):
                unreadable.append(f"{title}/{name}")
                continue
            for span in spans:
                words = tuple(surface_words(span.qualname)), tuple(surface_words(span.text))
                documents.append(SpanWords(span=span, name=words[0], body=words[1]))
    return documents, unreadable


def wanted(name: str) -> bool:
    """Whether a file of a wheel belongs to the corpus."""
    path = PurePosixPath(name)
    is_test = path.name.startswith("test_") or path.name == "conftest.py"
    return path.suffix == ".py" and not is_test and not LEFT_OUT & {part.lower() for part in path.parts[:-1]}
