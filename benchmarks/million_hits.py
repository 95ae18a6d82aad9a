"""What does a file of a million hits look like? Drawn evidence in the columns of hits.parquet, and its judgements."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evidence.measures import Places, Truth, grade_hits, rank_hits
from evidence.schemas import HITS

QUERIES, DEPTH, JUDGED = 10_000, 50, 3
SYSTEMS = ("baseline", "hero")
FILES, PER_FILE = 500, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class BigRun:
    """A file of hits, and the judgements of its queries."""

    path: Path
    truth: Truth
    doc_id: list[str]


def write(path: Path) -> BigRun:
    """Two systems x 10,000 queries x 50 hits, ranked and graded. Scores are coarse, so that many hits tie."""
    rng = np.random.default_rng(22)
    documents = np.arange(FILES * PER_FILE, dtype=np.int32)
    first = documents % PER_FILE * 30 + 1
    places = Places(file=documents // PER_FILE, line_start=first, line_end=first + 24)
    doc_id = [f"pkg/m{f:03d}.py:{a:04d}-{a + 24:04d}" for f, a in zip(places.file, first, strict=True)]
    # what a query finds and what is judged lie in one neighbourhood of 150 documents
    near = rng.integers(0, len(documents), (QUERIES, 1))
    judged = np.sort((near + _distinct(rng, QUERIES, JUDGED)) % len(documents), axis=1)
    truth = Truth(
        start=np.arange(QUERIES + 1, dtype=np.int64) * JUDGED,
        doc_ord=judged.ravel().astype(np.int32),
        grade=rng.integers(1, 4, judged.size).astype(np.int32),
        places=places,
    )
    tables = []
    for system in SYSTEMS:
        query = np.repeat(np.arange(QUERIES, dtype=np.int32), DEPTH)
        found = ((near + _distinct(rng, QUERIES, DEPTH)) % len(documents)).ravel().astype(np.int32)
        score = (rng.integers(0, 400, len(query)) / 8).astype(np.float32)
        order = rank_hits(query, score, found)
        tables.append(_table(system, query, found[order], score[order], truth, doc_id))
    pq.write_table(pa.concat_tables(tables).unify_dictionaries(), path, compression="zstd", row_group_size=250_000)
    return BigRun(path=path, truth=truth, doc_id=doc_id)


def _distinct(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    return np.argsort(rng.random((rows, 150)), axis=1)[:, :n]


def _table(
    system: str, query: np.ndarray, doc: np.ndarray, score: np.ndarray, truth: Truth, doc_id: list[str]
) -> pa.Table:
    n, names = len(query), pa.array(doc_id)
    at = Places(
        file=truth.places.file[doc], line_start=truth.places.line_start[doc], line_end=truth.places.line_end[doc]
    )
    grade, credit = grade_hits(query, doc, at, truth)

    def same(text: str) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([text]))

    columns = {
        **{f.name: same("x") for f in HITS if pa.types.is_dictionary(f.type)},
        "system": same(system),
        "step": np.full(n, 5, np.int16),
        "window": np.ones(n, np.int16),
        "query_ord": query,
        "query_id": pa.DictionaryArray.from_arrays(pa.array(query), pa.array([f"q{i}" for i in range(QUERIES)])),
        "rank": np.tile(np.arange(1, DEPTH + 1, dtype=np.int16), QUERIES),
        "doc_ord": doc,
        "doc_id": pa.DictionaryArray.from_arrays(pa.array(doc), names),
        "line_start": at.line_start,
        "line_end": at.line_end,
        "score": score,
        "grade": grade,
        "credit": pa.DictionaryArray.from_arrays(pa.array(credit.astype(np.int32)), pa.array(["none", "file", "span"])),
    }
    return pa.table([columns[f.name] for f in HITS], schema=HITS)
