"""Turns measured answers into rows of the two evidence files, and queries into the words of examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from evidence.measures import CREDIT
from evidence.schemas import AGG, HITS, OWN
from fixtures.systems.protocol import WHY, Collection, Documents, Query
from rollout.replay import Answers, Judged

TEXTS = "queries.parquet"  # beside the parts of a run's evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What every row of a table has in common."""

    run_id: str
    system: str
    config_hash: str
    hero: str
    stream: str
    step: int
    window: int


class Names(NamedTuple):
    """A system's document names as Arrow dictionaries, built once."""

    doc_id: pa.Array
    file: pa.Array
    documents: Documents

    @classmethod
    def of(cls, documents: Documents) -> Names:
        """The names of a system's documents."""
        return cls(pa.array(documents.doc_id), pa.array(documents.file).dictionary_encode(), documents)


def hits_table(label: Label, queries: Sequence[Query], answers: Answers, names: Names) -> pa.Table:
    """One row per hit."""
    hits = answers.hits
    doc = hits.system_doc
    columns: Mapping[str, object] = {
        **_label(label, len(doc)),
        "suite": _strings([q.suite for q in queries], hits.row),
        "intent": _strings([q.intent for q in queries], hits.row),
        "query_ord": np.array([q.query_ord for q in queries], dtype=np.int32)[hits.row],
        "query_id": _strings([q.query_id for q in queries], hits.row),
        "rank": hits.rank,
        "doc_ord": hits.doc_ord,
        "doc_id": names.doc_id.take(pa.array(doc)).dictionary_encode(),
        "file": names.file.take(pa.array(doc)),
        "line_start": names.documents.line_start[doc],
        "line_end": names.documents.line_end[doc],
        "score": hits.score,
        "grade": hits.grade,
        "credit": pa.DictionaryArray.from_arrays(pa.array(hits.credit.astype(np.int32)), pa.array(CREDIT)),
        "why": pa.DictionaryArray.from_arrays(pa.array(hits.why.astype(np.int32)), pa.array(WHY)),
    }
    return pa.table([columns[field.name] for field in HITS], schema=HITS)


def agg_table(
    label: Label,
    queries: Sequence[Query],
    answers: Answers,
    judged: Judged,
    arm_served: Sequence[str],
    pair_ord: Sequence[int],
) -> pa.Table:
    """One row per query."""
    query_ord = np.array([q.query_ord for q in queries], dtype=np.int32)
    everyone = np.arange(len(queries))
    measures = answers.measures
    columns: Mapping[str, object] = {
        **_label(label, len(queries)),
        "stream": _strings([label.stream], np.zeros(len(queries), dtype=np.int32)),
        "suite": _strings([q.suite for q in queries], everyone),
        "intent": _strings([q.intent for q in queries], everyone),
        "query_ord": query_ord,
        "query_id": pa.array([q.query_id for q in queries]),
        "arm_served": _strings(list(arm_served), everyone),
        "latency_ms": answers.arm.latency_ms,
        "cpu_ms": answers.cpu_ms,
        "wait_ms": answers.arm.wait_ms,
        "server_ms": answers.server_ms,
        "calibrator_ns": answers.calibrator_ns,
        "within_sla": answers.within_sla,
        "n_relevant": judged.n_relevant[query_ord],
        "ideal_dcg_at_10": judged.ideal_dcg_at_10[query_ord],
        "ndcg_at_10": measures.ndcg_at_10,
        "recall_at_50": measures.recall_at_50,
        "sla_recall_at_50": answers.arm.recall,
        "rr_at_10": measures.rr_at_10,
        "success_at_10": measures.success_at_10,
        "confidence": answers.arm.confidence,
        "correct": measures.correct,
        "file_credit": measures.file_credits / np.maximum(measures.credits, 1),
        "n_credited": measures.credits,
        "total_hits": measures.total_hits,
        "router_decision": _strings(list(answers.router_decision), everyone),
        "spend_ms": answers.spend_ms,
        "error_code": _strings(list(answers.error_code), everyone),
        "pair_ord": np.array(pair_ord, dtype=np.int32),
    }
    table = pa.table([columns[field.name] for field in AGG], schema=AGG)
    for name, values in answers.arm.more.items():
        table = table.append_column(f"{OWN}{name}", pa.array(values, pa.float64()))
    return table


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


def _label(label: Label, n: int) -> dict[str, object]:
    zeros = np.zeros(n, dtype=np.int32)
    texts = {
        "run_id": label.run_id,
        "system": label.system,
        "config_hash": label.config_hash,
        "hero": label.hero,
    }
    numbers = {"step": np.full(n, label.step, np.int16), "window": np.full(n, label.window, np.int16)}
    return {**{key: _strings([text], zeros) for key, text in texts.items()}, **numbers}


def _strings(values: list[str], at: np.ndarray) -> pa.Array:
    """A dictionary column: row i holds values[at[i]]."""
    encoded = pa.array(values).dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        encoded.indices.take(pa.array(np.asarray(at, dtype=np.int64))), encoded.dictionary
    )
