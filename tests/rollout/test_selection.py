"""Does selection choose the best candidate that loses nothing, and none where all lose?"""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fixtures.packs import Candidate, load_hero
from fixtures.systems.protocol import NOTHING as NOTHING_FOUND
from fixtures.systems.protocol import Answer
from gates.errors import EvidenceError
from gates.statistics import Array
from gates.statistics.pvalues import Interval, mean_interval
from rollout.replay import ask_in_turn
from rollout.selection import GridRow, compare_grid, gain_of, table, winner

ROOT = Path(__file__).parents[2]
NOTHING = Interval(0.0, -0.005, 0.005)


def spread(mean: float, half: float, turn: int = 0) -> Array:
    """400 differences with this mean and so wide a plain 95 % interval around it; another order for another turn."""
    wave = np.roll(np.resize([-1.0, 1.0, 1.0, -1.0], 400), turn)
    return mean + half / 1.96 * 20 * wave * np.sqrt(399 / 400)


def row(label: str, *, among: int = 1, by_intent: dict[str, tuple[Interval, Interval]] = {}, **means: Any) -> GridRow:  # noqa: B006
    """A candidate that differs from the baseline in nothing but what is given: (mean, half of its interval, turn)."""
    metrics = {"ndcg": "ndcg_at_10", "recall": "recall_at_50", "cpu_ms": "cpu_ms"}
    differences = {name: spread(*means.pop(short, (0.0, 0.005))) for short, name in metrics.items()}
    candidate = Candidate(changes={}, label=label, system={}, selected=False, published=False)
    assert not means
    return GridRow(
        candidate=candidate, differences=differences, among=among, p95_ms=10.0, calibration_error=0.01,
        by_intent=by_intent,
    )  # fmt: skip


def chosen(*rows: GridRow, metric: str = "ndcg_at_10") -> str:
    best = winner(rows, metric)
    return best.candidate.label if best else "none"


@pytest.mark.parametrize(
    ("numbers", "ruled_out_by"),
    [
        ({}, []),
        ({"ndcg": (0.0, 0.0099)}, []),
        ({"ndcg": (0.0, 0.0101)}, ["nDCG@10"]),  # a loss of one point is not excluded
        ({"ndcg": (0.0, 0.008), "among": 9}, ["nDCG@10"]),  # nor for all candidates at once
        ({"recall": (0.02, 0.04)}, ["recall@50"]),
        ({"recall": (float("nan"), 0.0)}, ["recall@50"]),
        ({"by_intent": {"error": (Interval(-0.02, -0.04, 0.001), NOTHING)}}, []),  # a loss is not shown
        ({"by_intent": {"error": (Interval(-0.02, -0.04, -0.001), NOTHING)}}, ["error"]),
        ({"by_intent": {"error": (NOTHING, Interval(-0.02, -0.04, -0.001))}}, ["error"]),
    ],
)
def test_who_loses_is_not_eligible(numbers: dict[str, Any], ruled_out_by: list[str]) -> None:
    assert row("a", **numbers).ruled_out_by == ruled_out_by
    assert chosen(row("a", **numbers)) == ("none" if ruled_out_by else "a")


def test_the_best_by_the_packs_metric_is_chosen_unless_it_loses_elsewhere() -> None:
    exact = row("exact", ndcg=(0.03, 0.01, 1), cpu_ms=(5, 1))
    deep = row("deep", recall=(0.03, 0.01, 1), cpu_ms=(2, 1))
    cheap = row("cheap", cpu_ms=(-2, 1))
    assert chosen(exact, deep, cheap) == "exact"
    assert chosen(exact, deep, cheap, metric="recall_at_50") == "deep"
    assert chosen(exact, deep, cheap, metric="cpu_ms") == "cheap"
    best = row("best", ndcg=(0.03, 0.01), recall=(-0.02, 0.01))
    assert chosen(best, row("fair")) == "fair"
    assert chosen(best) == chosen() == "none"


@pytest.mark.parametrize(
    ("metric", "other", "cost", "expected"),
    [
        ("ndcg_at_10", 0.029, 1, "other"),  # not shown worse, and cheaper
        ("ndcg_at_10", 0.029, 5, "best"),  # not shown cheaper: the first of the grid
        ("ndcg_at_10", 0.001, 1, "best"),  # shown worse, however cheap
        ("cpu_ms", 0.029, 1, "other"),  # cheapness itself is asked for
    ],
)
def test_of_those_as_good_the_cheaper_is_chosen(metric: str, other: float, cost: float, expected: str) -> None:
    rows = row("best", ndcg=(0.03, 0.01), cpu_ms=(5, 1)), row("other", ndcg=(other, 0.01, 1), cpu_ms=(cost, 1, 1))
    assert chosen(*rows, metric=metric) == expected
    first = {"other": "other", "best": "other" if cost == 5 else "best"}[expected]
    assert chosen(*rows[::-1], metric=metric) == first  # the grid's order decides between equals alone


def test_what_is_not_shown_for_all_candidates_at_once_tells_nobody_apart() -> None:
    """A difference of 2.2 standard errors is one of two candidates, and luck of nine."""
    for among, expected in ((1, "best"), (9, "other")):
        best = row("best", among=among, ndcg=(0.0111, 0.007, 1), cpu_ms=(5, 0.1))
        other = row("other", among=among, ndcg=(0.0, 0.007, 2), cpu_ms=(1, 0.1))
        assert chosen(best, other) == expected


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
    better = row("x 1", among=2, ndcg=(0.03, 0.01))
    assert "+0.0300 [+0.0200, +0.0400]; as one of 2 candidates [+0.0186, +0.0414]: shown to be better." in told(
        row("x 2", among=2), better
    )
    assert "[-0.0007, +0.0167]: not shown to be better." in told(
        row("x 1", among=2, ndcg=(0.008, 0.0076)), row("x 2", among=2)
    )
    cheaper = row("x 1", cpu_ms=(-0.2, 0.1))
    assert "-0.200 [-0.300, -0.100]; as one of 1 candidates [-0.300, -0.100]: shown to be better." in told(
        cheaper, metric="cpu_ms"
    )
    assert "the best that loses nothing shown: **none**" in told(row("x 1", recall=(-0.1, 0.05)))


def test_the_table_marks_rows_as_published_chosen_and_selected() -> None:
    candidate = Candidate(changes={}, label="x 1", system={}, selected=True, published=True)
    lines = told(dataclasses.replace(row(""), candidate=candidate), row("x 2", ndcg=(0.0, 0.02))).splitlines()
    assert lines[-2].endswith("| - | chosen, selected, as published |")
    assert lines[-1].endswith("| nDCG@10 |  |")


def test_a_pack_without_a_grid_has_nothing_to_choose_from() -> None:
    hero = load_hero(str(ROOT / "configs" / "good" / "equal.yaml"), ROOT / "configs", foreseen=False)
    with pytest.raises(EvidenceError, match=r"equal\.yaml: has no grid, so there is nothing to choose from; add one"):
        compare_grid(hero, lambda _: None)
