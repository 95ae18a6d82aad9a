"""Which queries does the hero change, the most changed first, and what did both arms answer there?"""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fixtures.systems.protocol import DEPTH
from gates.release import Subject
from rollout.columns import Measured, read_texts

TOP = 10  # answers of each arm that are told, beside the right ones
_COLUMNS = ("system", "query_ord", "rank", "grade", "file", "line_start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one arm found the first right answer. `rank` is 0 where none is among its answers."""

    rank: int = 0
    where: str = ""  # file:line of the right answer
    first: str = ""  # file:line of the arm's first answer
    trouble: str = ""  # "late: 182 ms", "error: TimeoutError"

    def words(self) -> str:
        """What a release manager needs to know: rank, or that there is none, and why."""
        found = f"rank {self.rank}" if self.rank else "not in top 50"
        return f"{found}, {self.trouble}" if self.trouble else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One answer: at which rank each arm has it, 0 where it is not among the arm's first ten (fifty if right)."""

    where: str  # file:line
    baseline: int
    hero: int
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One query with both arms' answers; `difference` is hero minus baseline of the measure in question."""

    text: str
    intent: str
    difference: float
    judged: tuple[str, ...]
    baseline: Place
    hero: Place
    hits: tuple[Hit, ...] = ()  # of both arms, the best rank first


def find_examples(measured: Measured, subject: Subject, folder: Path, words: Path, metric: str) -> tuple[Example, ...]:
    """Every query that is changed by nDCG@10 or SLA-Recall@50, as `metric` says, and then by the other; most first.

    Hits come from `folder`/hits.parquet, texts from what the ladder left in `words`; what is not there is left empty.
    """
    ndcg, recall = measured.hero.ndcg - measured.baseline.ndcg, measured.hero.recall - measured.baseline.recall
    first, second = (recall, ndcg) if metric == "sla_recall_at_50" else (ndcg, recall)
    order = np.lexsort((measured.query_ord, -np.abs(second), -np.abs(first)))
    changed = order[first[order] != 0]
    wanted = measured.query_ord[changed]
    if not len(wanted):
        return ()
    texts, hits = read_texts(words, wanted), _hits(folder / "hits.parquet", subject, wanted)
    baseline = _troubles(measured.baseline_error, measured.baseline_late, measured.baseline.latency_ms)
    hero = _troubles(measured.hero_error, measured.hero_late, measured.hero.latency_ms)

    def tell(i: int) -> Example:
        query = int(measured.query_ord[i])
        text, judged = texts.get(query, (str(measured.query_id[i]), ()))
        found = hits.get(query, ())
        return Example(
            text=text,
            intent=str(measured.intent[i]),
            difference=float(first[i]),
            judged=judged,
            baseline=_place(found, "baseline", baseline.get(i, "")),
            hero=_place(found, "hero", hero.get(i, "")),
            hits=found,
        )

    return tuple(tell(int(i)) for i in changed)


def _troubles(errors: NDArray[np.str_], late: NDArray[np.bool_], latency_ms: NDArray[np.float64]) -> dict[int, str]:
    """What went wrong with an arm's answers, by their row."""
    rows = np.flatnonzero((errors != "") | late).tolist()
    return {i: f"error: {errors[i]}" if errors[i] else f"late: {latency_ms[i]:.0f} ms" for i in rows}


def _place(hits: tuple[Hit, ...], arm: str, trouble: str) -> Place:
    """Where an arm found the first right answer, and what it put first."""
    ranked = sorted((hit for hit in hits if getattr(hit, arm)), key=attrgetter(arm))
    right = next((hit for hit in ranked if hit.right), None)
    first = ranked[0].where if ranked else ""
    rank, where = (getattr(right, arm), right.where) if right else (0, "")
    return Place(rank=rank, where=where, first=first, trouble=trouble)


def _hits(path: Path, subject: Subject, wanted: NDArray[np.int32]) -> dict[int, tuple[Hit, ...]]:
    """Query -> what either arm put into its first ten, and the right answers below; {} where nothing was kept."""
    if not path.exists():
        return {}
    rows = pq.ParquetFile(path).read([*_COLUMNS])
    told = pc.or_(
        pc.less_equal(rows["rank"], TOP), pc.and_(pc.greater(rows["grade"], 0), pc.less_equal(rows["rank"], DEPTH))
    )
    rows = rows.filter(pc.and_(told, pc.is_in(rows["query_ord"], pa.array(wanted))))
    found: dict[int, dict[str, list[int]]] = {}
    for system, query, rank, grade, file, line in zip(*(rows[name].to_pylist() for name in _COLUMNS), strict=True):
        where = f"{file}:{line}" if line else file  # an id that names no line is one by itself
        ranks = found.setdefault(query, {}).setdefault(where, [0, 0, 0])
        arm = int(system == subject.name)
        ranks[arm] = min(rank, ranks[arm] or rank)
        ranks[2] = max(ranks[2], grade)
    return {query: tuple(_sorted(places)) for query, places in found.items()}


def _sorted(places: dict[str, list[int]]) -> Iterator[Hit]:
    """The hits of a query, the best rank of either arm first."""
    best = {where: min(filter(None, ranks[:2]), default=0) for where, ranks in places.items()}
    for where in sorted(places, key=lambda where: (best[where], places[where][0] or TOP * DEPTH)):
        baseline, hero, grade = places[where]
        yield Hit(where=where, baseline=baseline, hero=hero, right=grade > 0)
