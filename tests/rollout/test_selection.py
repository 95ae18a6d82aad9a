"""Does selection choose the best candidate that loses nothing, and none where all lose?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fixtures.packs import Candidate, load_hero
from fixtures.systems import Answer
from gates.errors import EvidenceError
from gates.pvalues import Interval
from rollout.replay import NOTHING as NOTHING_FOUND
from rollout.selection import Row, ask_in_turn, compare_grid, winner

ROOT = Path(__file__).parents[2]
NOTHING = Interval(0.0, -0.005, 0.005)


def row(label: str, **numbers: Any) -> Row:
    """A candidate that differs from the baseline in nothing but what is given."""
    values: Mapping[str, Any] = {
        "ndcg": NOTHING,
        "recall": NOTHING,
        "cpu_ms": NOTHING,
        "p95_ms": 10.0,
        "calibration_error": 0.01,
        **numbers,
    }
    return Row(candidate=Candidate(label=label, system={}, selected=False), **values)


def chosen(*rows: Row, metric: str = "ndcg_at_10") -> str:
    best = winner(rows, metric)
    return best.candidate.label if best else "none"


@pytest.mark.parametrize(
    ("numbers", "eligible"),
    [
        ({}, True),
        ({"ndcg": Interval(0.0, -0.0099, 0.01)}, True),
        ({"ndcg": Interval(0.0, -0.0101, 0.01)}, False),  # a loss of one point is not excluded
        ({"recall": Interval(0.02, -0.02, 0.06)}, False),
        ({"by_intent": {"error": (Interval(-0.02, -0.04, 0.001), NOTHING)}}, True),  # a loss is not shown
        ({"by_intent": {"error": (Interval(-0.02, -0.04, -0.001), NOTHING)}}, False),
        ({"by_intent": {"error": (NOTHING, Interval(-0.02, -0.04, -0.001))}}, False),
    ],
)
def test_who_loses_is_not_eligible(numbers: dict[str, Any], eligible: bool) -> None:
    assert row("a", **numbers).eligible == eligible


def test_the_best_by_the_packs_metric_is_chosen() -> None:
    exact = row("exact", ndcg=Interval(0.03, 0.02, 0.04), cpu_ms=Interval(5, 4, 6))
    deep = row("deep", recall=Interval(0.03, 0.02, 0.04), cpu_ms=Interval(2, 1, 3))
    cheap = row("cheap", cpu_ms=Interval(-2, -3, -1))
    assert chosen(exact, deep, cheap) == "exact"
    assert chosen(exact, deep, cheap, metric="recall_at_50") == "deep"
    assert chosen(exact, deep, cheap, metric="cpu_ms") == "cheap"


def test_the_best_is_not_chosen_where_it_loses_elsewhere() -> None:
    best = row("best", ndcg=Interval(0.03, 0.02, 0.04), recall=Interval(-0.02, -0.03, -0.01))
    assert chosen(best, row("fair")) == "fair"


def test_among_equals_the_first_listed_is_chosen_whatever_a_clock_said() -> None:
    one = row("one", ndcg=Interval(0.030_01, 0.02, 0.04), cpu_ms=Interval(5, 4, 6))
    other = row("other", ndcg=Interval(0.03, 0.02, 0.04), cpu_ms=Interval(1, 0, 2))
    assert chosen(one, other) == "one"
    assert chosen(other, one) == "other"


def test_each_query_is_begun_by_another_system() -> None:
    asked: list[str] = []

    class System:
        def __init__(self, name: str) -> None:
            self.name = name

        def answer(self, query: object) -> Answer:
            asked.append(f"{self.name}{query}")
            return NOTHING_FOUND

    timed = ask_in_turn([System("a"), System("b"), System("c")], [0, 1, 2], lambda _: None)  # type: ignore[list-item]
    assert asked == ["a0", "b0", "c0", "b1", "c1", "a1", "c2", "a2", "b2"]
    assert [len(t) for t in timed] == [3, 3, 3]


def test_a_pack_whose_queries_have_no_selection_part_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "a.run").write_text("q Q0 d 1 1.0 a\n")
    (tmp_path / "qrels.txt").write_text("q 0 d 1\n")
    pack = tmp_path / "mine.yaml"
    system = "{system: recorded, run: a.run, qrels: qrels.txt}"
    pack.write_text(
        "schema: hero-gate/pack/v1\nname: mine\nowner: me\nclaim: {text: none}\n"
        f"selected: {system}\nbaseline: {system}\n"
    )
    with pytest.raises(EvidenceError, match=r"mine\.yaml: its queries have no selection part"):
        compare_grid(load_hero(str(pack), ROOT / "configs"), lambda _: None)


def test_where_all_lose_none_is_chosen() -> None:
    assert chosen(row("a", recall=Interval(-0.1, -0.2, -0.05))) == "none"
    assert chosen() == "none"
