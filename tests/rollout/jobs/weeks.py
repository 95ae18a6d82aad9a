"""Made-up answers of one system, calibrated, for tests that break one thing in them; and systems that are broken."""

import functools
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from fixtures.systems.protocol import DEPTH, Answer, Documents, Query, SearchSystem
from gates.archive import take
from gates.verdicts import Cell, Verdict
from rollout.answered import Answered
from rollout.jobs.job import Jobs
from tests.gates import builders

CONFIGS = Path(__file__).parents[3] / "configs"


def slips_and_rescues(draw: np.random.Generator, n: int, *, slip: float, share: float, rescue: float) -> np.ndarray:
    """Losses of mean 0 of which most are 0: many small ones, and a whole gain that is rare enough not to be seen."""
    return draw.choice([slip, -1.0, 0.0], n, p=[share, rescue, 1 - share - rescue])


def red(cells: Mapping[Any, Cell]) -> set[str]:
    return {cell.check for cell in cells.values() if cell.verdict is Verdict.RED}


def jobs_in(folder: Path, run_id: str, at: datetime, *, write: bool = False) -> Jobs:
    """A run of jobs that leaves its results in a folder."""
    take(folder)
    return Jobs(root=folder, artifacts=folder, configs=folder, run_id=run_id, at=at, write=write)


def week(n: int = 4_000, seed: int = 7, *, columns: dict[str, Any] | None = None, **arm: Any) -> Answered:
    """Answers to n queries of two suites. Keywords replace columns of the arm, `columns` those beside it."""
    draw = np.random.default_rng(seed)
    confidence = 1 / (1 + np.exp(-draw.normal(0.8, 1.2, n)))
    correct = (draw.random(n) < confidence).astype(np.float64)
    sound: dict[str, Any] = {
        "ndcg": np.where(correct > 0, 1.0, draw.uniform(0, 0.6, n)),
        "recall": draw.choice([0.0, 1.0], n, p=[0.1, 0.9]),
        "latency_ms": draw.lognormal(0.5, 0.4, n),
        "confidence": confidence,
        "correct": correct,
        "file_credits": np.arange(n) % 50 == 0,
        "credits": 1 + (np.arange(n) % 50 == 0),
    }
    beside: dict[str, Any] = {
        "query_id": np.array([f"q{i:05d}" for i in range(n)]),
        "suite": np.array(["names", "words"])[np.arange(n) % 2],
        "intent": np.array(["identifier", "docstring"])[np.arange(n) % 2],
        "within_sla": np.ones(n, dtype=np.bool_),
    }
    return Answered(**{**beside, **(columns or {})}, arm=builders.arm(n, **{**sound, **arm}))


class Remembered:
    """Finds again what it found when a query was asked first: searching takes most of a job."""

    def __init__(self, system: SearchSystem) -> None:
        self.documents, self.lacks, self.gaps = system.documents, system.lacks, system.gaps
        self.answer = functools.cache(system.answer)


class Constant:
    """Answers whatever is asked as it answered first, and as sure as ever."""

    def __init__(self, system: SearchSystem) -> None:
        self._system, self._first = system, None
        self.documents, self.lacks, self.gaps = system.documents, system.lacks, system.gaps

    def answer(self, query: Query) -> Answer:
        found = self._system.answer(query)
        self._first = self._first or found
        return replace(self._first, confidence=found.confidence)


class Leftover(Constant):
    """Its index holds an old copy of each document, a line off; every third query finds that of its first hit, last."""

    def __init__(self, system: SearchSystem) -> None:
        super().__init__(system)
        known = self._known = system.documents
        self.documents = Documents(  # "~" comes after every other letter of an id
            doc_id=[*known.doc_id, *(f"~{name}" for name in known.doc_id)],
            file=[*known.file, *known.file],
            line_start=np.concatenate([known.line_start, known.line_start + 1]),
            line_end=np.concatenate([known.line_end, known.line_end + 1]),
        )

    def answer(self, query: Query) -> Answer:
        found = self._system.answer(query)
        if query.query_ord % 3 or not len(found.doc_ord):
            return found
        kept, copy = slice(DEPTH - 1), found.doc_ord[0] + len(self._known.doc_id)
        return replace(
            found,
            doc_ord=np.append(found.doc_ord[kept], copy).astype(np.int32),
            score=np.append(found.score[kept], np.nextafter(found.score[kept].min(), np.float32(-np.inf))),
            why=np.append(found.why[kept], found.why[0]),
        )
