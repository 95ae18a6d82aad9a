"""Does mode `letter` evaluator by the original thresholds as written, points and all?"""

from typing import Any

import numpy as np
import pytest

from gates.checks.check import Point
from gates.policy import Policy
from gates.rule.evaluator import Evaluator
from gates.verdicts import Kind, Verdict
from tests.gates.builders import changed, constants, equal_pairs, judged


@pytest.fixture
def letter(policy: Policy) -> Policy:
    return changed(policy, mode="letter")


def climbed(policy: Policy, *windows: dict[str, Any]) -> Evaluator:
    return judged(policy, (equal_pairs(800, seed=seed, **hero) for seed, hero in enumerate(windows)))


GOOD: dict[str, Any] = {}
WORSE: dict[str, dict[str, Any]] = {
    "calibrator_p99": {"calibrator_ms": np.where(np.arange(800) % 50 == 0, 1.0, 0.01)},
    "aece_tau": {"correct": 0.0},
    "confidence_shift": {"confidence": np.linspace(0.2, 0.99, 800)},
    "sla_recall_at_50_delta": {"recall": 0.0},
}


def test_an_identical_hero_is_green_after_its_windows(letter: Policy) -> None:
    evaluator = climbed(letter, GOOD, GOOD)
    assert {evaluator.cell(gate).verdict for gate in letter.asked(Kind.GATE)} == {Verdict.GREEN}
    cell = evaluator.cell("aece_tau")
    assert (cell.unit, cell.e_red, cell.ci_lower) == ("AECE - tau", "", "")


@pytest.mark.parametrize("gate", WORSE)
def test_two_red_windows_in_a_row_roll_back(letter: Policy, gate: str) -> None:
    assert gate not in climbed(letter, WORSE[gate]).red
    evaluator = climbed(letter, WORSE[gate], WORSE[gate])
    assert gate in evaluator.red
    assert evaluator.cell(gate).note == "trigger: 2 red windows in a row"
    assert gate not in climbed(letter, WORSE[gate], GOOD, WORSE[gate]).red


def point_of(letter: Policy, key: str) -> Point:
    _, check, limits, *_ = letter.check(key)
    point = check.point(limits, letter.letter, constants())
    assert point is not None
    return point


RECALL = equal_pairs(800).baseline.recall


@pytest.mark.parametrize(
    ("check", "columns", "red"),
    [
        ("sla_recall_at_50_delta", {"recall": RECALL - 0.001 * (np.arange(800) == np.argmax(RECALL))}, True),
        ("sla_recall_at_50_delta", {"recall": RECALL}, False),
        ("calibrator_p99", {"calibrator_ms": 1.0}, True),
        ("calibrator_p99", {"calibrator_ms": 0.999}, False),
    ],
    ids=["the least loss", "none", "p99 of the limit itself", "less"],
)
def test_a_limit_is_taken_at_its_word(letter: Policy, check: str, columns: dict[str, Any], red: bool) -> None:
    point = point_of(letter, check)
    assert (point.estimate(equal_pairs(800, **columns)) > point.limit) == red


def test_tau_shrinks_with_the_pairs_to_its_floor(letter: Policy) -> None:
    point = point_of(letter, "aece_tau")
    few, many = (point.estimate(equal_pairs(n, confidence=0.5, correct=0.0)) for n in (800, 800_000))
    assert few == pytest.approx(0.5 - 1.5 * (10 / 800) ** 0.5)
    assert many == pytest.approx(0.5 - 0.015)


def test_guards_are_asked_as_in_evidence(letter: Policy) -> None:
    assert "ndcg_at_10" in climbed(letter, {"ndcg": 0.0}).red
