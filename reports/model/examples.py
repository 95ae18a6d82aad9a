"""On which queries does the hero lose and gain most, and what did both arms answer there?"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gates.release import Subject
from rollout.columns import Measured, read_texts

SHOWN = 10  # of each kind, on the page


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
class Example:
    """One query with both arms' answers; `difference` is hero minus baseline of the measure in question."""

    text: str
    intent: str
    difference: float
    judged: tuple[str, ...]
    baseline: Place
    hero: Place


def find_examples(
    measured: Measured, subject: Subject, folder: Path, words: Path, metric: str
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """(lost most, gained most), at most SHOWN each, by nDCG@10 or SLA-Recall@50 and then by the other.

    Hits come from `folder`/hits.parquet, texts from what the ladder left in `words`; what is not there is left empty.
    """
    ndcg, recall = measured.hero.ndcg - measured.baseline.ndcg, measured.hero.recall - measured.baseline.recall
    first, second = (ndcg, recall) if metric == "ndcg_at_10" else (recall, ndcg)
    order = np.lexsort((measured.query_ord, second, first))
    lost = [int(i) for i in order[:SHOWN] if first[i] < 0]
    gained = [int(i) for i in order[::-1][:SHOWN] if first[i] > 0]
    wanted = measured.query_ord[lost + gained]
    if not len(wanted):
        return (), ()
    texts, places = read_texts(words, wanted), _places(folder / "hits.parquet", wanted)

    arms = {
        subject.name: (measured.hero, measured.hero_error, measured.hero_late),
        subject.baseline_name: (measured.baseline, measured.baseline_error, measured.baseline_late),
    }

    def place(system: str, i: int) -> Place:
        arm, errors, late = arms[system]
        trouble = f"error: {errors[i]}" if errors[i] else f"late: {arm.latency_ms[i]:.0f} ms" if late[i] else ""
        return replace(places.get((system, int(measured.query_ord[i])), Place()), trouble=trouble)

    def tell(i: int) -> Example:
        text, judged = texts.get(int(measured.query_ord[i]), (str(measured.query_id[i]), ()))
        return Example(
            text=text,
            intent=str(measured.intent[i]),
            difference=float(first[i]),
            judged=judged,
            baseline=place(subject.baseline_name, i),
            hero=place(subject.name, i),
        )

    return tuple(tell(i) for i in lost), tuple(tell(i) for i in gained)


def _places(path: Path, wanted: NDArray[np.int32]) -> dict[tuple[str, int], Place]:
    """(system, query) -> the first right answer and the first answer."""
    if not path.exists():
        return {}
    columns = ["system", "query_ord", "rank", "grade", "file", "line_start"]
    rows = pq.read_table(path, columns=columns, filters=[("query_ord", "in", wanted.tolist())]).to_pylist()
    found: dict[tuple[str, int], Place] = {}
    for row in sorted(rows, key=lambda row: int(row["rank"])):
        key, where = (str(row["system"]), int(row["query_ord"])), f"{row['file']}:{row['line_start']}"
        place = found.setdefault(key, Place(first=where))
        if row["grade"] > 0 and not place.rank:
            found[key] = Place(rank=int(row["rank"]), where=where, first=place.first)
    return found
