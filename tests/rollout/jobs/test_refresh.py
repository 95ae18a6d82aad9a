from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.suites import MicroSuite, load_suites
from gates.errors import ConfigError, EvidenceError
from gates.verdicts import Cell, Verdict
from rollout.columns import answered
from rollout.jobs.draw import Drawn
from rollout.jobs.probe import Probe, ask_all
from rollout.jobs.refresh import Refreshed, SuitePower, draw_suites
from tests import edits

Drawing = Callable[..., tuple[Cell, Drawn]]


@pytest.fixture
def drawing(configs: Path, probe: Callable[..., Probe]) -> Drawing:
    """Draws and judges the one suite of the miniature, with changes to it, on a night after others."""

    def judged(night: str = "2026-03-01", used: Any = None, scale: float = 1.0, **changes: object) -> Any:
        suites, opened = load_suites(configs / "suites.yaml"), probe()
        suite = MicroSuite.model_validate({**suites.suites[0].model_dump(), **changes})
        suites = suites.model_copy(update={"suites": (suite,)})
        (drawn,) = draw_suites(suites, opened.collection, night, used or {})
        found = answered(ask_all(opened, drawn.queries, "run").agg)
        arm = found.arm.put(ndcg=found.arm.ndcg * scale, recall=found.arm.recall * scale)
        return SuitePower(suite).about("incumbent", Refreshed(suites, drawn, replace(found, arm=arm))), drawn

    return judged


@pytest.mark.parametrize(
    ("changes", "verdict", "unit", "told"),
    [
        ({}, Verdict.GREEN, "ndcg_at_10", "all 800 fresh"),
        ({"size": 5000}, Verdict.RED, "queries", "but should be 5,000"),
        ({"finds": {"ndcg_at_10": 0.005, "sla_recall_at_50": 0.05}}, Verdict.RED, "ndcg_at_10", "; ask "),
    ],
    ids=["enough", "a pool that cannot fill it", "a promise that the spread does not allow"],
)
def test_a_suite_is_green_where_it_finds_what_is_promised(
    drawing: Drawing, changes: dict[str, Any], verdict: Verdict, unit: str, told: str
) -> None:
    cell, _ = drawing(**changes)
    assert (cell.verdict, cell.unit) == (verdict, unit)
    assert told in cell.note


def test_a_pool_that_is_exhausted_is_told(drawing: Drawing) -> None:
    _, first = drawing()
    used = {"everything": {query.query_id: "2026-03-01" for query in first.queries}}
    cell, second = drawing("2026-03-02", used)
    assert cell.verdict is Verdict.GREEN
    assert "is exhausted" in cell.note
    assert second.fresh == second.pool - 800


def test_answers_that_do_not_vary_have_no_power_to_tell(drawing: Drawing) -> None:
    assert drawing(scale=0.0)[0].verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[calibration]", "[calibration, canary]", "must be fresh to releases"),
        ("size: 800", "size: 799", "greater than or equal to 800"),
        ("alpha: 0.05", "alpha: 2", "less than or equal to 0.5"),
        ("remember: 3", "remembers: 3", "unknown key"),
    ],
)
def test_mistakes_are_told(configs: Path, old: str, new: str, told: str) -> None:
    path = configs / "suites.yaml"
    edits.replace(path, old, new)
    with pytest.raises(ConfigError, match=told) as one:
        load_suites(path)
    edits.replace(path, "power: 0.9", "power: 2")
    with pytest.raises(ConfigError) as both:
        load_suites(path)
    assert len(both.value.mistakes) == len(one.value.mistakes) + 1


def test_a_suite_of_what_the_collection_does_not_know_is_refused(drawing: Drawing) -> None:
    with pytest.raises(EvidenceError, match="intent 'none' is none of the collection's"):
        drawing(intents=("none",))
