"""Turns measured answers into rows of the two evidence files, and queries into the words of examples."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from evidence.measures import CREDIT
from evidence.schemas import AGG, HITS, OWN
from fixtures.systems.protocol import WHY, Collection, Query
from rollout.columns import WORDS
from rollout.replay import Answers, Locator


class Label(NamedTuple):
    """What every row of a table has in common."""

    run_id: str
    system: str
    config_hash: str
    hero: str
    stream: str
    step: int
    window: int


def hits_table(label: Label, queries: Sequence[Query], answers: Answers, locator: Locator) -> pa.Table:
    """One row per hit."""
    hits, documents, (doc_id, file) = answers.hits, locator.documents, locator.names
    doc = hits.system_doc
    columns: Mapping[str, object] = {
        **_common(label, queries, hits.row),
        "query_id": _strings([q.query_id for q in queries], hits.row),
        "rank": hits.rank,
        "doc_ord": hits.doc_ord,
        "doc_id": doc_id.take(pa.array(doc)).dictionary_encode(),
        "file": file.take(pa.array(doc)),
        "line_start": documents.line_start[doc],
        "line_end": documents.line_end[doc],
        "score": hits.score,
        "grade": hits.grade,
        "credit": pa.DictionaryArray.from_arrays(pa.array(hits.credit.astype(np.int32)), pa.array(CREDIT)),
        "why": pa.DictionaryArray.from_arrays(pa.array(hits.why.astype(np.int32)), pa.array(WHY)),
    }
    return pa.table([columns[field.name] for field in HITS], schema=HITS)


def agg_table(
    label: Label, queries: Sequence[Query], answers: Answers, arm_served: Sequence[str], pair_ord: Sequence[int]
) -> pa.Table:
    """One row per query."""
    everyone = np.arange(len(queries))
    columns: Mapping[str, object] = {
        **_common(label, queries, everyone),
        **answers.columns,
        **{name: _strings(answers.columns[name].tolist(), everyone) for name in WORDS},
        "query_id": pa.array([q.query_id for q in queries]),
        "arm_served": _strings(list(arm_served), everyone),
        "pair_ord": np.array(pair_ord, dtype=np.int32),
    }
    own = [pa.field(name, pa.float64()) for name in columns if name.startswith(OWN)]
    schema = pa.schema([*AGG, *own])
    return pa.table([columns[field.name] for field in schema], schema=schema)


def texts_table(queries: Sequence[Query], collection: Collection) -> pa.Table:
    """The words of replayed queries, and where their right answers lie; `rollout.columns.read_texts` reads it."""
    documents, judged = collection.documents, collection.judgements

    def right(query: Query) -> list[str]:
        rows = judged.doc_ord[judged.start[query.query_ord] : judged.start[query.query_ord + 1]]
        return [f"{documents.file[d]}:{documents.line_start[d]}-{documents.line_end[d]}" for d in rows]

    return pa.table(
        {
            "query_ord": pa.array([q.query_ord for q in queries], pa.int32()),
            "text": [q.text for q in queries],
            "judged": pa.array([right(q) for q in queries], pa.list_(pa.string())),
        }
    )


def _common(label: Label, queries: Sequence[Query], at: np.ndarray) -> dict[str, object]:
    """The columns of both tables; row i is of the query at[i]."""
    alike = {
        name: np.full(len(at), value, np.int16) if isinstance(value, int) else _strings([value], np.zeros(len(at)))
        for name, value in label._asdict().items()
    }
    words = {name: _strings([getattr(q, name) for q in queries], at) for name in ("suite", "intent")}
    return {**alike, **words, "query_ord": np.array([q.query_ord for q in queries], dtype=np.int32)[at]}


def _strings(values: list[str], at: np.ndarray) -> pa.Array:
    """A dictionary column: row i holds values[at[i]]."""
    encoded = pa.array(values).dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        encoded.indices.take(pa.array(np.asarray(at, dtype=np.int64))), encoded.dictionary
    )
