"""How does this system answer a query? Words first, then meaning, fused, with a calibrated confidence."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lens.calibrator import CLAMP, Calibrator, read_calibrator
from lens.config import Config, parse
from lens.dense import DenseSearch
from lens.features import fused_features, lexical_features
from lens.index import Index
from lens.intent import Intent, intent_of
from lens.lexical import LexicalSearch
from lens.text import terms

DEPTH = 50  # hits of an answer
LEX, SEM = 0, 1  # what put a hit into an answer

Ordinals = NDArray[np.int32]
Floats = NDArray[np.float32]
Ranked = tuple[Ordinals, Floats]  # documents and scores, best first
Clock = Callable[[], int]

NOTHING: Ranked = (np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32))


@dataclass(frozen=True, slots=True, kw_only=True)
class LensAnswer:
    """At most DEPTH hits, best first, and what the system says about them."""

    doc_ord: Ordinals
    score: Floats
    why: NDArray[np.int8]  # LEX or SEM
    confidence: float  # that the first hit is right
    calibrator_ns: int
    router_decision: str  # "" without router; confident, never, fused, budget_exceeded
    spend_ms: float  # on the dense side
    intent: Intent  # as told from the text


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The lexical side of a query."""

    intent: Intent
    plain: Ranked  # unboosted: what confidence is told from, whatever a configuration boosts
    boosted: Ranked
    features: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Lens:
    """One configuration on an index."""

    config: Config
    index: Index
    calibrator: Calibrator
    lexical: LexicalSearch
    dense: DenseSearch
    clock: Clock

    @staticmethod
    def open(selected: Mapping[str, Any], folder: Path, index: Index, clock: Clock = time.perf_counter_ns) -> Lens:
        """The system that a pack's `selected` block describes. Raises ValueError with one line for each mistake."""
        config = parse(selected)
        return Lens.of(config, index, read_calibrator(folder / config.calibrator), clock)

    @staticmethod
    def of(config: Config, index: Index, calibrator: Calibrator, clock: Clock = time.perf_counter_ns) -> Lens:
        """The system of a configuration and a calibrator. The router's time runs out by `clock`, in ns."""
        ann = config.ann
        dense = DenseSearch.open(index.graph, index.vectors, ann.efSearch, ann.pq.refine_topk, DEPTH)
        return Lens(config, index, calibrator, LexicalSearch(index, config.lexical), dense, clock)

    def search(self, text: str) -> LensAnswer:
        """Answer one query."""
        words, router = self.find_words(text), self.config.router
        begun = time.perf_counter_ns()
        if not router.enabled:
            return self._fused(words, self.find_meaning(text), "", begun)
        confidence = CLAMP[0]
        if len(words.plain[0]):
            confidence = self.calibrator.confidence("lexical", words.intent, words.features)
        judged = confidence, time.perf_counter_ns() - begun
        if words.intent in router.never:
            return self._lexical(words, "never", judged)
        if confidence >= router.tau:
            return self._lexical(words, "confident", judged)
        begun = time.perf_counter_ns()  # what was spent is told as measured, whatever clock the deadline goes by
        deadline = self.clock() + router.spend_cap_ms * 1e6
        vector = self.index.words.embed(text)
        meaning = NOTHING if vector is None or self.clock() > deadline else self.dense.nearest(vector)
        if self.clock() > deadline:  # time ran out: the lexical answer stands
            return self._lexical(words, "budget_exceeded", judged, time.perf_counter_ns() - begun)
        return self._fused(words, meaning, "fused", begun, judged[1])

    def find_words(self, text: str) -> Words:
        """The lexical candidates of a query, plain and boosted."""
        intent = intent_of(text)
        distinct = list(dict.fromkeys(terms(text)))
        documents, scores = self.lexical.best(distinct) if distinct else NOTHING
        tuned = self.config.lexical
        boosted = documents, scores
        if tuned.boosts and intent in tuned.intents and len(documents):
            boosted = best_first(documents, scores * self.lexical.boost(documents, distinct))
        features = lexical_features(scores, len(distinct), self.lexical.ideal(distinct))
        return Words(intent=intent, plain=(documents, scores), boosted=boosted, features=features)

    def find_meaning(self, text: str) -> Ranked:
        """The dense candidates of a query."""
        vector = self.index.words.embed(text)
        return NOTHING if vector is None else self.dense.nearest(vector)

    def fuse(self, words: Words, meaning: Ranked, *, boosted: bool) -> Ranked:
        """Both sides in one ranking: scores relative to the best lexical one, plus weighted inner products.

        What one side did not return counts there as its last candidate does.
        """
        (documents, scores), (others, products) = words.boosted if boosted else words.plain, meaning
        if not len(documents) or not len(others):
            return (documents, scores / words.plain[1][0]) if len(documents) else meaning
        pool = np.union1d(documents, others)
        relative = scores / words.plain[1][0]
        lexical = np.full(len(pool), relative.min(), dtype=np.float32)
        lexical[np.searchsorted(pool, documents)] = relative
        dense = np.full(len(pool), products.min(), dtype=np.float32)
        dense[np.searchsorted(pool, others)] = products
        return best_first(pool, lexical + np.float32(self.config.ann.fusion_weight) * dense)

    def _lexical(self, words: Words, decision: str, judged: tuple[float, int], spent: int = 0) -> LensAnswer:
        """The lexical answer; `judged` is its confidence and the nanoseconds that took."""
        return self._answer(words, *words.boosted, *judged, decision, spent)

    def _fused(self, words: Words, meaning: Ranked, decision: str, begun: int, calibrator_ns: int = 0) -> LensAnswer:
        plain = self.fuse(words, meaning, boosted=False)
        ranked = plain if words.boosted[0] is words.plain[0] else self.fuse(words, meaning, boosted=True)
        spent = time.perf_counter_ns() - begun
        started = time.perf_counter_ns()
        features = fused_features(words.features, *plain, words.plain[0], meaning)
        confidence = self.calibrator.confidence("fused", words.intent, features) if len(plain[0]) else CLAMP[0]
        calibrator_ns += time.perf_counter_ns() - started
        return self._answer(words, *ranked, confidence, calibrator_ns, decision, spent)

    def _answer(
        self, words: Words, documents: Ordinals, scores: Floats, confidence: float, ns: int, decision: str, spent: int
    ) -> LensAnswer:
        top = documents[:DEPTH]
        by_words = set(words.plain[0].tolist())
        return LensAnswer(
            doc_ord=top,
            score=scores[:DEPTH],
            why=np.array([LEX if document in by_words else SEM for document in top.tolist()], dtype=np.int8),
            confidence=confidence,
            calibrator_ns=ns,
            router_decision=decision,
            spend_ms=spent / 1e6,
            intent=words.intent,
        )


def best_first(documents: Ordinals, scores: Floats) -> Ranked:
    """By score; equal ones by descending ordinal, as trec_eval ranks."""
    order = np.lexsort((-documents, -scores))
    return documents[order], scores[order]
