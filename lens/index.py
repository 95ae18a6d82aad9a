"""What does a running system search? The built index, opened from the cache; built first where it is missing."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import tantivy
from numpy.typing import NDArray

from lens.build import Steps, build_index
from lens.cache import built, cache_folder, content_key
from lens.dense import read_graph
from lens.wheels import fetch, read_lock
from lens.words import TokenVectors, WordVectors, read_tokens

MADE_BY = ("build", "corpus", "dense", "queries", "spans", "text", "words")  # what decides an index's content
WITH = ("faiss-cpu", "numpy", "pyarrow", "snowballstemmer", "tantivy", "tokenizers")
ANSWERS = ("documents.parquet", "terms.npy", "word_vectors.npy", "words.txt", "vectors.npy", "dense.faiss")


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Documents sorted by id, questions about them with judgements (CSR), and the structures that are searched."""

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
        with Steps(tell) as steps:
            build_index(part, corpus_lock, weights_lock, wheel_folder, steps)

    files = built(folder, build, tell or (lambda message: print(message, file=sys.stderr)))
    (weights,) = fetch(weights_lock, wheel_folder)
    return read_index(folder, files, read_tokens(weights), read_lock(weights_lock)[0].sha256)


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


def read_index(folder: Path, files: Mapping[str, str], tokens: TokenVectors, weights_digest: str) -> Index:
    """Open a complete folder."""
    documents = pq.ParquetFile(folder / "documents.parquet").read()
    queries = pq.ParquetFile(folder / "queries.parquet").read()
    judged, grade = queries["judged"].combine_chunks(), queries["grade"].combine_chunks()
    parts = np.array(queries["part"].to_pylist())
    words = (folder / "words.txt").read_text(encoding="utf-8").split("\n")
    stems = (folder / "stems.txt").read_text(encoding="utf-8").split("\n")
    return Index(
        doc_id=documents["doc_id"].to_pylist(),
        file=documents["file"].to_pylist(),
        line_start=documents["line_start"].to_numpy(),
        line_end=documents["line_end"].to_numpy(),
        signature=documents["signature"].to_pylist(),
        query_id=queries["query_id"].to_pylist(),
        text=queries["text"].to_pylist(),
        intent=queries["intent"].to_pylist(),
        suite=queries["suite"].to_pylist(),
        judged_start=judged.offsets.to_numpy().astype(np.int64),
        judged_doc=judged.values.to_numpy(),
        judged_grade=grade.values.to_numpy(),
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
