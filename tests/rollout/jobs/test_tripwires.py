"""Is a leak or a flatline found on the suite that has it, and only where it is shown?"""

from typing import Any

import numpy as np
import pytest

from gates.verdicts import Cell, Verdict
from rollout.jobs.settings import read_family
from rollout.jobs.tripwires import TripwireLimits, judge_tripwires
from tests.rollout.jobs.weeks import CONFIGS, week

LIMITS: TripwireLimits = read_family(CONFIGS, "weekly", tripwires=TripwireLimits).tripwires
WORDS = np.arange(4_000) % 2 == 1


def red(cells: dict[str, Cell]) -> set[str]:
    assert all(cell.on_red == "rollback" for cell in cells.values())
    return {check for check, cell in cells.items() if cell.verdict is Verdict.RED}


def test_sound_answers_trip_nothing() -> None:
    cells = judge_tripwires("lens", LIMITS, week())
    assert {cell.verdict for cell in cells.values()} == {Verdict.GREEN}


def test_a_leak_on_one_suite_is_found_and_named() -> None:
    leaking = (WORDS & (np.arange(4_000) % 8 == 1)).astype(np.float64)
    cells = judge_tripwires("lens", LIMITS, week(file_credits=leaking, credits=1 + leaking))
    assert red(cells) == {"leak"}
    assert "suite words" in cells["leak"].note
    assert "roll back at once" in cells["leak"].note


def test_a_share_at_its_limit_of_uneven_answers_is_no_leak() -> None:
    """Many answers a little above the limit, and rare ones of fifty credits that few samples of 800 hold enough of."""
    tripped, weeks = 0, 100
    for seed in range(weeks):
        kind = np.random.default_rng(seed).choice(3, 1_600, p=[0.25, 0.005, 0.745])
        credits, of_file = np.array([19.0, 50.0, 0.0])[kind], np.array([1.0, 0.0, 0.0])[kind]
        cell = judge_tripwires("lens", LIMITS, week(1_600, credits=credits, file_credits=of_file))["leak"]
        tripped += cell.verdict is Verdict.RED
    assert tripped <= 10  # promised at .025 for each of two suites: 5; the interval of the ratio trips 14


def test_what_is_above_the_limit_but_not_shown_to_be_is_a_warning() -> None:
    leaking = (np.arange(4_000) % 36 < 2).astype(np.float64)
    cell = judge_tripwires("lens", LIMITS, week(file_credits=leaking, credits=1 + leaking))["leak"]
    assert cell.verdict is Verdict.GREEN
    assert cell.note.startswith("warning: above the limit")


@pytest.mark.parametrize(
    ("ndcg", "tripped"),
    [
        (np.where(WORDS, 0.7, np.linspace(0, 1, 4_000)), {"flatline", "spread"}),
        (np.where(WORDS, 0.7 + np.linspace(0, 0.001, 4_000), np.linspace(0, 1, 4_000)), {"spread"}),
        (np.zeros(4_000), {"flatline", "spread"}),
    ],
    ids=["flat on one suite", "nearly flat", "all zero"],
)
def test_a_flatline_is_found(ndcg: Any, tripped: set[str]) -> None:
    assert red(judge_tripwires("lens", LIMITS, week(ndcg=ndcg))) == tripped


def test_too_few_queries_evidence_nothing_and_no_credit_no_share() -> None:
    cells = judge_tripwires("lens", LIMITS, week(1_000))
    assert {cell.verdict for cell in cells.values()} == {Verdict.INCONCLUSIVE}
    assert "suite names 500" in cells["leak"].note
    cells = judge_tripwires("lens", LIMITS, week(file_credits=np.zeros(4_000), credits=np.zeros(4_000)))
    assert cells["leak"].verdict is Verdict.INCONCLUSIVE
