"""Does the drift pack turn red for what has moved, by how much it says, and for nothing else?"""

from typing import Any

import numpy as np
import pytest

from gates.statistics.calibration import equal_mass_edges
from gates.statistics.reliability import (
    ErrorChange,
    bin_count,
    compare_errors,
    merged_bins,
    p_further_off,
    reliability_slope,
)
from gates.verdicts import Cell, Verdict
from rollout.jobs.check import ALPHA
from rollout.jobs.drift import CHECKS, DriftLimits, TwoWeeks, judge_drift
from rollout.jobs.settings import read_family
from tests.rollout.jobs.weeks import CONFIGS, red, week

LIMITS: DriftLimits = read_family(CONFIGS, "weekly", drift=DriftLimits).drift.model_copy(update={"resamples": 1000})
CALIBRATOR: dict[str, Any] = {
    "digest": "a", "alpha": {"fused docstring": 0.85, "fused error": 0.4}, "slopes": 38, "clamped": 34,
    "held_within": [0.001, 0.999],
}  # fmt: skip


def judged(
    now: Any, then: Any = None, *, calibrators: Any = (CALIBRATOR, CALIBRATOR), **limits: float
) -> dict[str, Cell]:
    week = TwoWeeks(
        limits=LIMITS.model_copy(update=limits), now=now, then=then, calibrator=calibrators[0],
        accepted_calibrator=calibrators[1], sla_ms=150.0, rng=np.random.default_rng(1),
    )  # fmt: skip
    return judge_drift("lens", week)


def test_nothing_moved() -> None:
    cells = judged(week(), week())
    assert list(cells) == [check.key for check in CHECKS]
    assert {cell.verdict for cell in cells.values()} == {Verdict.GREEN}
    assert cells["aece"].observed == "0"
    assert "finds a rise of 0.0" in cells["aece"].note


def test_the_first_week_is_not_evidenced() -> None:
    cells = judged(week(), None, calibrators=(CALIBRATOR, {}))
    asked = {check for check, cell in cells.items() if cell.verdict is Verdict.INCONCLUSIVE}
    assert asked == {"aece", "dece", "brier", "reliability_slope", "alpha", "slope_clamp"}
    assert "accepted yet" in cells["aece"].note


def test_over_confidence_turns_both_errors_red() -> None:
    then = week()
    odds = np.log(then.arm.confidence / (1 - then.arm.confidence))
    cells = judged(week(confidence=1 / (1 + np.exp(-2 * odds))), then)
    assert red(cells) == {"aece", "dece"}
    assert float(cells["aece"].ci_lower) > 0.01
    assert "go back to it, or accept it with --write" in cells["aece"].note
    assert cells["cox"].note.startswith("warning: ")
    assert cells["kernel"].note.startswith("warning: ")


def test_a_few_other_confidences_are_no_drift() -> None:
    then = week()
    jitter = np.random.default_rng(1).normal(0, 0.02, len(then)) * (np.arange(len(then)) % 20 == 0)
    now = week(confidence=np.clip(then.arm.confidence + jitter, 0.002, 0.998))
    assert red(judged(now, then)) == set()


def slipped(seed: int, limit: float) -> ErrorChange:
    """Every confidence is a little higher than when accepted, and rarely an answer is right that was wrong.

    The error moved by exactly the limit: the rescues are in the measured mean, or nobody saw one.
    """
    draw, n, rescues = np.random.default_rng(seed), 2_400, 0.0006
    right = draw.uniform(0.2, 0.6, n)
    then = right + 0.18, (draw.random(n) < right).astype(np.float64)
    correct = np.where(draw.random(n) < rescues / (1 - right), 1.0, then[1])
    now = then[0] + limit + rescues, correct
    edges = equal_mass_edges(now[0], 10), equal_mass_edges(then[0], 10)
    return compare_errors(now, then, edges, 200, limit, draw)


def test_slips_and_rare_rescues_are_no_drift() -> None:
    found = [slipped(seed, LIMITS.aece) for seed in range(60)]
    assert sum(one.change.lower > LIMITS.aece for one in found) > 0.1 * len(found)  # what the bootstrap says
    assert sum(one.p <= ALPHA for one in found) <= 0.05 * len(found)


def test_what_moved_is_shown_by_the_half_that_is_judged() -> None:
    draw, n = np.random.default_rng(3), 800
    right = draw.uniform(0.2, 0.6, n)
    then = right, (draw.random(n) < right).astype(np.float64)
    surer, edges = (right + 0.1, then[1]), np.linspace(0.3, 0.7, 5)
    assert p_further_off(surer, then, edges, 0.01, draw) < 0.001
    assert p_further_off(then, then, edges, 0.01, draw) > 0.5
    assert p_further_off(surer, then, edges, 0.12, draw) > 0.5


def test_a_change_that_is_measured_but_not_shown_is_not_evidenced() -> None:
    then = week(400)
    now = week(400, confidence=np.clip(then.arm.confidence + 0.013 * np.sign(then.arm.confidence - 0.5), 0, 1))
    cell = judged(now, then, aece=0.0005, dece=0.0005)["aece"]
    assert float(cell.ci_upper) < -0.0005  # by the bootstrap's standard deviation
    assert cell.verdict is Verdict.INCONCLUSIVE


def test_only_shared_queries_are_compared() -> None:
    other = week(columns={"query_id": np.array([f"x{i}" for i in range(4_000)])})
    cells = judged(other, week())
    assert cells["aece"].verdict is Verdict.INCONCLUSIVE
    assert "was the corpus changed?" in cells["aece"].note


@pytest.mark.parametrize(
    ("check", "now"),
    [
        ("score_range", {"confidence": np.r_[1.2, np.full(3_999, 0.5)]}),
        ("score_range", {"confidence": np.r_[np.nan, np.full(3_999, 0.5)]}),
        ("output_clamp", {"confidence": np.where(np.arange(4_000) % 8 == 0, 0.999, 0.5)}),
        ("merged_bins", {"confidence": np.where(np.arange(4_000) % 2 == 0, 0.2, 0.8)}),
        ("mask", {"latency_ms": np.r_[151.0, np.ones(3_999)]}),
    ],
    ids=["above one", "nan", "clamp", "steps", "late but counted"],
)
def test_each_absolute_check_finds_its_own(check: str, now: dict[str, Any]) -> None:
    assert check in red(judged(week(**now), week()))


def test_alpha_must_be_the_accepted_one() -> None:
    other = {**CALIBRATOR, "digest": "b"}
    near = {**other, "alpha": {**CALIBRATOR["alpha"], "fused error": 0.44}}
    far = {**other, "alpha": {**CALIBRATOR["alpha"], "fused error": 0.46}}
    lost = {**other, "alpha": {"fused error": 0.4}}
    assert judged(week(), week(), calibrators=(near, CALIBRATOR))["alpha"].note.startswith("warning: ")
    for one in (far, lost):
        assert red(judged(week(), week(), calibrators=(one, CALIBRATOR))) == {"alpha"}


def test_more_clamped_slopes_than_accepted_turn_red() -> None:
    assert red(judged(week(), week(), calibrators=({**CALIBRATOR, "clamped": 38}, CALIBRATOR))) == {"slope_clamp"}


def test_merged_bins_count_over_those_that_are_left() -> None:
    confidence = np.linspace(0, 1, 100)
    assert merged_bins(confidence, np.array([0.25, 0.5, 0.75]), 4, 3) == (0, 4)
    assert merged_bins(confidence[confidence < 0.2], np.array([0.25, 0.5, 0.75]), 4, 3) == (3, 1)  # 300 %
    assert merged_bins(confidence, np.array([0.01, 0.5, 0.75]), 4, 3) == (1, 3)


def test_bins_are_few_where_answers_are() -> None:
    assert (bin_count(4_000, 10), bin_count(50, 10), bin_count(0, 10)) == (10, 7, 1)


def test_the_slope_of_calibrated_answers_is_one() -> None:
    answers = week(100_000)
    edges = np.linspace(0.1, 0.9, 9)
    assert reliability_slope(answers.arm.confidence, answers.arm.correct, edges) == pytest.approx(1, abs=0.02)
    assert np.isnan(reliability_slope(np.full(10, 0.5), np.ones(10), edges))
