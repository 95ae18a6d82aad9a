"""What does a running system search? The built index, opened from the cache; built first where it is missing."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.parquet as pq
import tantivy
from numpy.typing import NDArray

from lens.cache import built, cache_folder, content_key, verify
from lens.dense import read_graph
from lens.wheels import CorpusError, fetch, read_lock
from lens.words import TokenVectors, Vectors, WordVectors, read_tokens

MADE_BY = ("build", "corpus", "dense", "queries", "spans", "text", "words")  # what decides an index's content
WITH = ("faiss-cpu", "numpy", "pyarrow", "snowballstemmer", "tantivy", "tokenizers")
ANSWERS = ("documents.parquet", "terms.npy", "word_vectors.npy", "words.txt", "vectors.npy", "dense.faiss")


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Documents sorted by id, questions about them with judgements (CSR), and the structures that are searched."""

    folder: Path  # where all of it lies
    doc_id: list[str]
    file: list[str]
    line_start: NDArray[np.int32]
    line_end: NDArray[np.int32]
    signature: list[str]
    query_id: list[str]
    text: list[str]
    intent: list[str]
    suite: list[str]
    judged_start: NDArray[np.int64]
    judged_doc: NDArray[np.int32]
    judged_grade: NDArray[np.int8]
    part: Mapping[str, NDArray[np.int32]]
    bm25: tantivy.Index
    stem_number: Mapping[str, int]
    terms: NDArray[np.int32]  # stems of all bodies, one after the other
    term_start: NDArray[np.int64]
    words: WordVectors
    graph: Any
    vectors: NDArray[np.float16]
    digests: Mapping[str, str]  # sha256 of corpus, qrels, weights, index


def open_index(corpus_lock: Path, weights_lock: Path, tell: Callable[[str], None] | None = None) -> Index:
    """The index of a corpus. Downloads and builds once; afterwards no network is needed. Raises CorpusError.

    A build shows a progress bar on standard error, or tells its stages line by line to `tell`.
    """
    cache = cache_folder()
    wheel_folder = cache / "wheels"
    folder = cache / f"index-{index_key(corpus_lock, weights_lock)}"

    def build(part: Path) -> None:
        from lens.build import Steps, build_index  # its progress bar: a sixth of a second where nothing is built

        with Steps(tell) as steps:
            build_index(part, corpus_lock, weights_lock, wheel_folder, steps)

    files = built(folder, build, tell or (lambda message: print(message, file=sys.stderr)))
    (weights,) = fetch(weights_lock, wheel_folder)
    return read_index(folder, files, read_tokens(weights), read_lock(weights_lock)[0].sha256)


def open_built(corpus_lock: Path, weights_lock: Path) -> Index:
    """The index of a corpus where it is built, without its questions: what a probe that may take a second searches.

    Every file is still held against its digest. Raises CorpusError where there is no index, or a damaged one.
    """
    cache = cache_folder()
    folder = cache / f"index-{index_key(corpus_lock, weights_lock)}"
    files = verify(folder)
    if files is None:
        raise CorpusError(f"{folder}: no whole index, but a probe builds none; run any canary, which builds it again")

    def read() -> TokenVectors:
        (weights,) = fetch(weights_lock, cache / "wheels")
        return read_tokens(weights)

    tokens = cast(TokenVectors, LateTokens(read))
    return read_index(folder, files, tokens, read_lock(weights_lock)[0].sha256, questions=False)


class LateTokens:
    """Token vectors that are read (a third of a second) when a word is asked for that no document has."""

    def __init__(self, read: Callable[[], TokenVectors]) -> None:
        self._read = read

    def of(self, words: Sequence[str]) -> Vectors:
        """As TokenVectors."""
        return self._tokens.of(words)

    @cached_property
    def _tokens(self) -> TokenVectors:
        return self._read()


def index_key(corpus_lock: Path, weights_lock: Path) -> str:
    """Names the index by what decides its content: wheels, our sources, versions of libraries."""
    here = Path(__file__).parent
    return content_key(
        {
            "wheels": [wheel.sha256 for lock in (corpus_lock, weights_lock) for wheel in read_lock(lock)],
            "sources": [hashlib.sha256((here / f"{name}.py").read_bytes()).hexdigest() for name in MADE_BY],
            "libraries": [version(name) for name in WITH],
        }
    )


def read_index(
    folder: Path, files: Mapping[str, str], tokens: TokenVectors, weights_digest: str, *, questions: bool = True
) -> Index:
    """Open a complete folder; without its questions where nobody asks them."""
    documents = pq.ParquetFile(folder / "documents.parquet").read()
    asked = pq.ParquetFile(folder / "queries.parquet")
    queries = asked.read() if questions else asked.read_row_groups([])
    judged, grade = queries["judged"].combine_chunks(), queries["grade"].combine_chunks()
    parts = np.array(queries["part"].to_pylist())
    words = (folder / "words.txt").read_text(encoding="utf-8").split("\n")
    stems = (folder / "stems.txt").read_text(encoding="utf-8").split("\n")
    return Index(
        folder=folder,
        doc_id=documents["doc_id"].to_pylist(),
        file=documents["file"].to_pylist(),
        line_start=_numbers(documents["line_start"]),
        line_end=_numbers(documents["line_end"]),
        signature=documents["signature"].to_pylist(),
        query_id=queries["query_id"].to_pylist(),
        text=queries["text"].to_pylist(),
        intent=queries["intent"].to_pylist(),
        suite=queries["suite"].to_pylist(),
        judged_start=_numbers(judged.offsets).astype(np.int64),
        judged_doc=_numbers(judged.values),
        judged_grade=_numbers(grade.values),
        part={str(name): np.flatnonzero(parts == name).astype(np.int32) for name in np.unique(parts)},
        bm25=tantivy.Index.open(str(folder / "bm25")),
        stem_number={stem: number for number, stem in enumerate(stems)},
        terms=np.load(folder / "terms.npy"),
        term_start=np.load(folder / "term_start.npy"),
        words=WordVectors(
            row={word: i for i, word in enumerate(words)},
            weighted=np.load(folder / "word_vectors.npy"),
            rarest=float(np.load(folder / "rarest.npy")),
            tokens=tokens,
        ),
        graph=read_graph(folder / "dense.faiss"),
        vectors=np.load(folder / "vectors.npy"),
        digests={
            "corpus": (folder / "corpus.sha256").read_text(encoding="ascii"),
            "qrels": files["queries.parquet"],
            "weights": weights_digest,
            # not of the inverted index, whose files are named at random; the terms decide its content
            "index": hashlib.sha256("".join(files[name] for name in ANSWERS).encode()).hexdigest(),
        },
    )


def _numbers(column: Any) -> NDArray[Any]:
    """A column without nulls. Not by to_numpy, which imports pandas where it is installed: a quarter of a second."""
    whole = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    return np.from_dlpack(whole)
