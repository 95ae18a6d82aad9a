"""A snapshot of sound answers and facts, for tests that break one thing in them."""

from dataclasses import replace
from typing import Any

import numpy as np

from gates.checks.battery import SanityFacts, Side, Snapshot

N = 300
INTENTS = np.array(["docstring", "identifier", "error"])[np.arange(N) % 3]


def side(name: str, **columns: Any) -> Side:
    """One arm: in time, all documents known, calibrated, one credit in four answers shared with a file's."""
    draw = np.random.default_rng(len(name))
    ndcg = draw.uniform(0, 1, N)
    recall = draw.choice([0.0, 0.5, 1.0], N, p=[0.1, 0.1, 0.8])
    sound: dict[str, Any] = {
        "ndcg": ndcg,
        "recall": recall,
        "sla_recall": recall,
        "latency_ms": draw.uniform(1, 20, N),
        "within_sla": np.ones(N, dtype=np.bool_),
        "confidence": draw.uniform(0.05, 0.95, N),
        "hits": np.full(N, 50),
        "known": np.full(N, 50),
        "credits": 1 + np.arange(N) % 2,
        "file_credits": (np.arange(N) % 4 == 1).astype(np.int64),
        "pooled": 40 * N,
        "decision": np.full(N, ""),
    }
    return Side(name=name, **{**sound, **columns})


def late(arm: Side, which: Any) -> Side:
    """The same answers, those of `which` after the time limit and masked as they must be."""
    in_time = arm.within_sla & ~which
    return replace(
        arm,
        latency_ms=np.where(which, 200.0, arm.latency_ms),
        within_sla=in_time,
        sla_recall=np.where(in_time, arm.recall, 0.0),
    )


def snapshot(**sides: Side) -> Snapshot:
    """Both arms; `hero` or `baseline` in the place of the sound one."""
    arms = {"hero": side("lexical"), "baseline": side("lens"), **sides}
    return Snapshot(hero=arms["hero"], baseline=arms["baseline"], intent=INTENTS, pool=50 * N)


def facts(**changes: Any) -> SanityFacts:
    """What such a battery knows beside the answers."""
    oracle = {"id": "error-1", "query": "no such table", "expected": "db.py:3-9", "rank": 1}
    known = {
        "asked": N,
        "of": N,
        "places": "all",
        "fallbacks": ["budget_exceeded"],
        "configurations": ["7c1e9a04b2d35f88", "0a94be71c6d2203f"],
        "oracles": {"within": 1, "asked": [oracle, {**oracle, "id": "error-2"}]},
        "index": {"counts": {"documents": 9, "graph": 9}, "damaged": [], "sampled": 50, "found": 50},
        **changes,
    }
    return SanityFacts.model_validate(known)
