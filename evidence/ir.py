"""What do other people's measures say of each answer? By ir-measures, one number a query."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from evidence.measures import Truth


def by_ir_measures(
    name: str,
    query_ord: NDArray[np.int32],
    truth: Truth,
    row: NDArray[np.int32],
    rank: NDArray[np.int16],
    doc_ord: NDArray[np.int32],
) -> NDArray[np.float64]:
    """One of its measures for each query of a block; `row`, `rank` and `doc_ord` are of the hits.

    Documents are told apart by their place in the collection; a hit where it has none is one that nobody judged.
    """
    qrels = (
        (i, int(truth.doc_ord[at]), int(truth.grade[at]))
        for i, query in enumerate(query_ord.tolist())
        for at in range(truth.start[query], truth.start[query + 1])
    )
    hits = enumerate(zip(row.tolist(), rank.tolist(), doc_ord.tolist(), strict=True))
    return calculated(name, len(query_ord), qrels, ((i, d if d >= 0 else -1 - at, r) for at, (i, r, d) in hits))


def calculated(
    name: str, queries: int, judged: Iterable[tuple[int, int, int]], hits: Iterable[tuple[int, int, int]]
) -> NDArray[np.float64]:
    """One of its measures for each of so many queries, from (query, document, grade) and (query, document, rank).

    0 for a query that it says nothing of. Raises what ir-measures raises for what it does not know or cannot compute.
    """
    import ir_measures  # a second that policies without it need not wait

    qrels = [ir_measures.Qrel(str(query), str(document), grade) for query, document, grade in judged]
    run = [ir_measures.ScoredDoc(str(query), str(document), -float(rank)) for query, document, rank in hits]
    found = np.zeros(queries)
    for one in ir_measures.iter_calc([ir_measures.parse_measure(name)], qrels, run):
        found[int(one.query_id)] = one.value
    return found
