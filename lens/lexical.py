"""Which functions hold the query's words? BM25 over names and bodies, and a boost where the words stand together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import tantivy
from numpy.typing import NDArray

from lens.config import Lexical
from lens.index import Index

DEPTH = 100  # candidates: what a boost can reorder and a fusion can combine
K1 = 1.2  # tantivy's

Ordinals = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(slots=True)
class LexicalSearch:
    """BM25 with one weight for names."""

    index: Index
    tuned: Lexical
    _searcher: tantivy.Searcher = field(init=False)
    _idf: dict[str, float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._searcher = self.index.bm25.searcher()

    def best(self, terms: Sequence[str]) -> tuple[Ordinals, Floats]:
        """Up to DEPTH documents and their scores, best first; equal scores by ordinal. `terms` are distinct stems."""
        schema, weight = self.index.bm25.schema, self.tuned.name_weight
        clauses = []
        for term in terms:
            name = tantivy.Query.term_query(schema, "name", term, "freq")
            clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(name, weight)))
            clauses.append((tantivy.Occur.Should, tantivy.Query.term_query(schema, "body", term, "freq")))
        hits = self._searcher.search(tantivy.Query.boolean_query(clauses), DEPTH, count=False).hits
        documents = np.array([address.doc for _, address in hits], dtype=np.int32)  # one segment: these are ordinals
        return documents, np.array([score for score, _ in hits], dtype=np.float32)

    def ideal(self, terms: Sequence[str]) -> float:
        """About the score of a short function that holds every term: what a score is measured against."""
        return sum(self._rarity(term) for term in terms) * (K1 + 1)

    def _rarity(self, term: str) -> float:
        if term not in self._idf:
            holding, all_documents = self._searcher.doc_freq("body", term), len(self.index.doc_id)
            self._idf[term] = math.log(1 + (all_documents - holding + 0.5) / (holding + 0.5))
        return self._idf[term]

    def boost(self, documents: Ordinals, terms: Sequence[str]) -> Floats:
        """The factor of each document for query words that stand together in its body, shape (documents,)."""
        numbers = [n for term in terms if (n := self.index.stem_number.get(term)) is not None]
        if len(terms) < 2 or not numbers:
            return np.ones(len(documents), dtype=np.float32)
        together = most_together(self.index, documents, numbers, self.tuned.window_tokens) / len(terms)
        graded = self.tuned.proximity_weight
        share = graded * together + (1 - graded) * (together == 1)
        factor: Floats = (1 + (self.tuned.phrase_boost - 1) * share).astype(np.float32)
        return factor


def most_together(index: Index, documents: Ordinals, numbers: Sequence[int], window: int) -> NDArray[np.int64]:
    """How many distinct query stems the best window of each document holds, shape (documents,)."""
    first, end = index.term_start[documents], index.term_start[documents + 1]
    bodies = np.concatenate([index.terms[a:b] for a, b in zip(first.tolist(), end.tolist(), strict=True)])
    number = np.full(len(index.stem_number), -1, dtype=np.int16)
    number[list(numbers)] = np.arange(len(numbers))
    which = number[bodies]
    at = np.flatnonzero(which >= 0)
    if not len(at):
        return np.zeros(len(documents), dtype=np.int64)
    document = np.searchsorted(np.cumsum(end - first), at, side="right")
    place = at + document * window  # so far apart that no window reaches from one document into the next
    far = place[-1] + 2 * window
    following = np.full((len(numbers), len(at)), far)
    following[which[at], np.arange(len(at))] = place
    following = np.minimum.accumulate(following[:, ::-1], axis=1)[:, ::-1]  # each stem's next place from here on
    held = (following - place < window).sum(axis=0)
    most = np.zeros(len(documents), dtype=np.int64)
    np.maximum.at(most, document, held)
    return most
