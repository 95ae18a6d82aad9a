"""Which system of a pack's grid is the best one? Answered on the selection queries only, which no canary ever sees.

Rules: a candidate is eligible when, against the baseline, its interval excludes a loss of `MARGIN` in nDCG@10 and in
recall@50, over all queries and on no intent a loss is shown. Of the eligible ones the best by the pack's metric wins;
among equals (to four digits) the one that the grid lists first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fixtures import kinds
from fixtures.packs import Candidate, Hero
from fixtures.systems import Query, SearchSystem
from gates.calibration import calibration_error, equal_mass_edges, fill_bins
from gates.errors import EvidenceError
from gates.pvalues import Interval, mean_interval
from rollout.replay import Answers, Locator, Timed, ask, judge_collection, measure_answers, quiet

MARGIN = 0.01
BINS = 10

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One candidate's numbers beside the baseline's, on the selection queries."""

    candidate: Candidate
    ndcg: Interval  # differences, hero - baseline
    recall: Interval
    cpu_ms: Interval
    p95_ms: float
    calibration_error: float  # AECE, 10 equal-mass bins of this system's own confidences
    by_intent: dict[str, tuple[Interval, Interval]] = field(default_factory=dict)  # nDCG, recall

    @property
    def eligible(self) -> bool:
        """Not worse than allowed, and on no intent shown to lose."""
        whole = self.ndcg.lower > -MARGIN and self.recall.lower > -MARGIN
        return whole and all(n.upper >= 0 and r.upper >= 0 for n, r in self.by_intent.values())

    def score(self, metric: str) -> float:
        """What the pack maximises: a gain, or CPU time saved."""
        return (
            -self.cpu_ms.value
            if metric == "cpu_ms"
            else {"ndcg_at_10": self.ndcg, "recall_at_50": self.recall}[metric].value
        )


def compare_grid(hero: Hero, tell: Callable[[str], None]) -> list[Row]:
    """Answer each selection query with the baseline and every candidate of the grid, one right after the other.

    Raises EvidenceError where the collection has no selection part.
    """
    collection = kinds.open_collection(hero.baseline_system, hero.folder, tell)
    if not len(collection.part.get("selection", ())):
        raise EvidenceError(
            f"{hero.subject.source}: its queries have no selection part, which choosing from a grid needs"
        )
    judged = judge_collection(collection)
    queries = [collection.queries[i] for i in collection.part["selection"]]
    described = [hero.baseline_system, *(candidate.system for candidate in hero.grid)]
    systems = [kinds.open_system(system, hero.folder, collection) for system in described]
    locator = Locator(systems[0].documents, collection.documents)
    timed = ask_in_turn(systems, queries, tell)
    reference, *answers = (measure_answers(t, queries, locator, judged, np.inf) for t in timed)
    return [_row(candidate, found, reference, queries) for candidate, found in zip(hero.grid, answers, strict=True)]


def ask_in_turn(
    systems: Sequence[SearchSystem], queries: Sequence[Query], tell: Callable[[str], None]
) -> list[list[Timed]]:
    """Each system's answers. Another one begins with each query, so that no system gains by its place or its hour."""
    timed: list[list[Timed]] = [[] for _ in systems]
    for begin, query in enumerate(queries):
        if begin % 1000 == 0:
            tell(f"{begin:,} of {len(queries):,} selection queries, {len(systems)} systems each")
        with quiet():
            for turn in range(len(systems)):
                which = (begin + turn) % len(systems)
                timed[which].append(ask(systems[which], query))
    return timed


def winner(rows: Sequence[Row], metric: str) -> Row | None:
    """The eligible candidate that is best by the metric; None where none is eligible."""
    eligible = [row for row in rows if row.eligible]
    return max(eligible, key=lambda row: round(row.score(metric), 4), default=None)


def table(hero: Hero, rows: Sequence[Row]) -> str:
    """The comparison as a Markdown table."""
    best = winner(rows, hero.metric)
    lines = [
        f"### {hero.subject.name}: {hero.subject.claim}",
        "",
        f"Best by {hero.metric} among those that lose nothing shown: **{best.candidate.label if best else 'none'}**.",
        "",
        "| candidate | nDCG@10 | recall@50 | CPU ms a query | p95 ms | AECE | lost on | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lost = [i for i, (n, r) in row.by_intent.items() if n.upper < 0 or r.upper < 0]
        marks = [m for m, yes in (("best", row is best), ("selected", row.candidate.selected)) if yes]
        lines.append(
            f"| {row.candidate.label} | {_shown(row.ndcg)} | {_shown(row.recall)} | {_shown(row.cpu_ms, 3)} "
            f"| {row.p95_ms:.2f} | {row.calibration_error:.4f} | {', '.join(lost) or '-'} | {', '.join(marks)} |"
        )
    return "\n".join(lines) + "\n"


def _row(candidate: Candidate, found: Answers, reference: Answers, queries: Sequence[Query]) -> Row:
    ndcg, recall = found.arm.ndcg - reference.arm.ndcg, found.arm.recall - reference.arm.recall
    intents = np.array([query.intent for query in queries])
    edges = equal_mass_edges(found.arm.confidence, BINS)
    return Row(
        candidate=candidate,
        ndcg=mean_interval(ndcg),
        recall=mean_interval(recall),
        cpu_ms=mean_interval(found.cpu_ms - reference.cpu_ms),
        p95_ms=float(np.quantile(found.latency_ms, 0.95)),
        calibration_error=calibration_error(fill_bins(found.arm.confidence, found.arm.correct, edges)),
        by_intent={
            str(i): (mean_interval(ndcg[intents == i]), mean_interval(recall[intents == i])) for i in np.unique(intents)
        },
    )


def _shown(interval: Interval, digits: int = 4) -> str:
    return f"{interval.value:+.{digits}f} [{interval.lower:+.{digits}f}, {interval.upper:+.{digits}f}]"
