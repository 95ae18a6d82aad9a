"""Does selection choose the best candidate that loses nothing, and none where all lose?"""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fixtures.packs import Candidate, load_hero
from fixtures.systems.protocol import Answer
from gates.errors import EvidenceError
from gates.statistics.pvalues import Interval, mean_interval
from rollout.replay import NOTHING as NOTHING_FOUND
from rollout.replay import ask_in_turn
from rollout.selection import GridGain, GridRow, compare_grid, gain_of, table, winner

ROOT = Path(__file__).parents[2]
NOTHING = Interval(0.0, -0.005, 0.005)


def gain(value: float, lower: float, upper: float, wider: float = 1.0) -> GridGain:
    """A gain whose interval is so many times as wide where it must hold for all candidates."""
    return GridGain(value, lower, upper, value - wider * (value - lower), value + wider * (upper - value))


def row(label: str, **numbers: Any) -> GridRow:
    """A candidate that differs from the baseline in nothing but what is given."""
    metrics = {"ndcg": "ndcg_at_10", "recall": "recall_at_50", "cpu_ms": "cpu_ms"}
    gains = {name: numbers.pop(short, gain(*NOTHING)) for short, name in metrics.items()}
    candidate = Candidate(changes={}, label=label, system={}, selected=False, published=False)
    return GridRow(candidate=candidate, gains=gains, p95_ms=10.0, calibration_error=0.01, **numbers)


def chosen(*rows: GridRow, metric: str = "ndcg_at_10") -> str:
    best = winner(rows, metric)
    return best.candidate.label if best else "none"


@pytest.mark.parametrize(
    ("numbers", "ruled_out_by"),
    [
        ({}, []),
        ({"ndcg": gain(0.0, -0.0099, 0.01)}, []),
        ({"ndcg": gain(0.0, -0.0101, 0.01)}, ["nDCG@10"]),  # a loss of one point is not excluded
        ({"ndcg": gain(0.0, -0.008, 0.008, wider=1.3)}, ["nDCG@10"]),  # nor for all candidates at once
        ({"recall": gain(0.02, -0.02, 0.06)}, ["recall@50"]),
        ({"recall": gain(float("nan"), float("nan"), float("nan"))}, ["recall@50"]),
        ({"by_intent": {"error": (Interval(-0.02, -0.04, 0.001), NOTHING)}}, []),  # a loss is not shown
        ({"by_intent": {"error": (Interval(-0.02, -0.04, -0.001), NOTHING)}}, ["error"]),
        ({"by_intent": {"error": (NOTHING, Interval(-0.02, -0.04, -0.001))}}, ["error"]),
    ],
)
def test_who_loses_is_not_eligible(numbers: dict[str, Any], ruled_out_by: list[str]) -> None:
    assert row("a", **numbers).ruled_out_by == ruled_out_by
    assert chosen(row("a", **numbers)) == ("none" if ruled_out_by else "a")


def test_the_best_by_the_packs_metric_is_chosen_unless_it_loses_elsewhere() -> None:
    exact = row("exact", ndcg=gain(0.03, 0.02, 0.04), cpu_ms=gain(5, 4, 6))
    deep = row("deep", recall=gain(0.03, 0.02, 0.04), cpu_ms=gain(2, 1, 3))
    cheap = row("cheap", cpu_ms=gain(-2, -3, -1))
    assert chosen(exact, deep, cheap) == "exact"
    assert chosen(exact, deep, cheap, metric="recall_at_50") == "deep"
    assert chosen(exact, deep, cheap, metric="cpu_ms") == "cheap"
    best = row("best", ndcg=gain(0.03, 0.02, 0.04), recall=gain(-0.02, -0.03, -0.01))
    assert chosen(best, row("fair")) == "fair"
    assert chosen(best) == chosen() == "none"


def test_among_equals_the_first_listed_is_chosen_whatever_a_clock_said() -> None:
    one = row("one", ndcg=gain(0.030_01, 0.02, 0.04), cpu_ms=gain(5, 4, 6))
    other = row("other", ndcg=gain(0.03, 0.02, 0.04), cpu_ms=gain(1, 0, 2))
    assert (chosen(one, other), chosen(other, one)) == ("one", "other")


def test_each_query_is_begun_by_another_system() -> None:
    asked: list[str] = []

    class System:
        def __init__(self, name: str) -> None:
            self.name = name

        def answer(self, query: object) -> Answer:
            asked.append(f"{self.name}{query}")
            return NOTHING_FOUND

    timed = ask_in_turn([System("a"), System("b"), System("c")], [0, 1, 2])  # type: ignore[list-item]
    assert asked == ["a0", "b0", "c0", "b1", "c1", "a1", "c2", "a2", "b2"]
    assert [len(t) for t in timed] == [3, 3, 3]


def test_a_pack_whose_queries_have_no_selection_part_is_told_so(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.run").write_text("q Q0 d 1 1.0 a\n")
    (tmp_path / "qrels.txt").write_text("q 0 d 1\n")
    pack = tmp_path / "mine.yaml"
    system = "{system: recorded, run: a.run, qrels: qrels.txt}"
    pack.write_text(
        "schema: hero-gate/pack/v1\nname: mine\nowner: me\nclaim: {text: none}\n"
        f"grid: [{{run: b.run}}]\nchanges: {{run: b.run}}\nbaseline: {system}\n"
    )
    with pytest.raises(EvidenceError, match=r"mine\.yaml: its queries have no selection part"):
        compare_grid(load_hero(str(pack), ROOT / "configs"), lambda _: None)


def test_the_interval_of_many_candidates_holds_for_all_of_them_at_once() -> None:
    """Of nine candidates no better than the baseline, the best seems better far too often; corrected, seldom."""
    rng = np.random.default_rng(7)
    draws = rng.normal(0, 0.1, (400, 9, 200))  # releases, candidates, queries
    plain = np.array([[mean_interval(x).lower > 0 for x in release] for release in draws]).any(axis=1).mean()
    corrected = np.array([[gain_of(x, 9).least > 0 for x in release] for release in draws]).any(axis=1).mean()
    assert plain > 0.12
    assert corrected < 0.05
    one = gain_of(draws[0, 0], 1)
    assert (one.least, one.most) == pytest.approx((one.lower, one.upper))
    nine = gain_of(draws[0, 0], 9)
    assert (nine.upper - nine.value) * 2.7729 / 1.96 == pytest.approx(nine.most - nine.value, rel=1e-3)


def told(*rows: GridRow, metric: str = "ndcg_at_10") -> str:
    subject = SimpleNamespace(claim_metric=metric, name="mine", claim="gains")
    return table(SimpleNamespace(subject=subject), rows)  # type: ignore[arg-type]


def test_the_table_says_whether_the_winner_is_better_after_correction() -> None:
    better = row("x 1", ndcg=gain(0.03, 0.02, 0.04, wider=1.5))
    assert "+0.0300 [+0.0200, +0.0400]; as the best of 2 candidates [+0.0150, +0.0450]: shown to be better." in told(
        row("x 2"), better
    )
    lucky = row("x 1", ndcg=gain(0.03, 0.01, 0.05, wider=1.6))
    assert "[-0.0020, +0.0620]: not shown to be better." in told(lucky, row("x 2"))
    cheaper = row("x 1", cpu_ms=gain(-0.2, -0.3, -0.1, wider=1.5))
    assert "-0.200 [-0.300, -0.100]; as the best of 1 candidates [-0.350, -0.050]: shown to be better." in told(
        cheaper, metric="cpu_ms"
    )
    assert "among those that lose nothing shown: **none**" in told(row("x 1", recall=gain(-0.1, -0.2, -0.05)))


def test_the_table_marks_rows_as_published_best_and_selected() -> None:
    candidate = Candidate(changes={}, label="x 1", system={}, selected=True, published=True)
    lines = told(
        dataclasses.replace(row(""), candidate=candidate), row("x 2", ndcg=gain(0.0, -0.02, 0.02))
    ).splitlines()
    assert lines[-2].endswith("| - | best, selected, as published |")
    assert lines[-1].endswith("| nDCG@10 |  |")


def test_a_pack_without_a_grid_has_nothing_to_choose_from() -> None:
    hero = load_hero(str(ROOT / "configs" / "good" / "equal.yaml"), ROOT / "configs", foreseen=False)
    with pytest.raises(EvidenceError, match=r"equal\.yaml: has no grid, so there is nothing to choose from; add one"):
        compare_grid(hero, lambda _: None)
