"""Do both tests of perfect calibration keep their level, and find what they are there for?"""

import numpy as np
import pytest

from gates.statistics.recalibration import cox_test, kernel_test

Array = np.ndarray


def drawn(rng: np.random.Generator, n: int, shape: str) -> tuple[Array, Array]:
    odds = rng.normal(0.8, 1.2, n)
    confidence = 1 / (1 + np.exp(-odds))
    truth = {
        "calibrated": confidence,
        "too sure": 1 / (1 + np.exp(-odds / 1.45)),
        "alternating": np.clip(confidence + 0.06 * np.sign(np.sin(confidence * 40)), 0, 1),
    }[shape]
    return confidence, (rng.random(n) < truth).astype(np.float64)


def found(shape: str, n: int, times: int) -> tuple[float, float]:
    """Share of samples in which Cox's and the kernel test say no at 5 %."""
    rng = np.random.default_rng(1)
    cox, kernel = [], []
    for _ in range(times):
        confidence, correct = drawn(rng, n, shape)
        cox.append(cox_test(confidence, correct).p <= 0.05)
        kernel.append(kernel_test(confidence, correct, 99, rng).p <= 0.05)
    return float(np.mean(cox)), float(np.mean(kernel))


@pytest.mark.parametrize(
    ("shape", "n", "times", "cox_finds", "kernel_finds"),
    [
        ("calibrated", 800, 100, (0, 0.12), (0, 0.12)),
        ("too sure", 800, 20, (0.9, 1), (0.6, 1)),
        ("alternating", 4_000, 20, (0, 0.5), (0.9, 1)),
    ],
)
def test_both_keep_their_level_and_find_what_is_theirs(
    shape: str, n: int, times: int, cox_finds: tuple[float, float], kernel_finds: tuple[float, float]
) -> None:
    cox, kernel = found(shape, n, times)
    assert cox_finds[0] <= cox <= cox_finds[1]
    assert kernel_finds[0] <= kernel <= kernel_finds[1]


def test_cox_asks_for_the_recalibration_that_was_undone() -> None:
    confidence, correct = drawn(np.random.default_rng(2), 50_000, "too sure")
    asked = cox_test(confidence, correct)
    assert asked.slope == pytest.approx(1 / 1.45, abs=0.03)
    assert asked.intercept == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("correct", [np.zeros(50), np.ones(50)], ids=["never", "always"])
def test_outcomes_that_all_agree_have_no_slope(correct: Array) -> None:
    assert np.isnan(cox_test(np.linspace(0.1, 0.9, 50), correct).p)


def test_separated_outcomes_end_without_a_warning() -> None:
    confidence = np.linspace(0.1, 0.9, 50)
    assert cox_test(confidence, (confidence > 0.5).astype(np.float64)).p < 0.05


def test_the_kernel_statistic_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(3)
    confidence, correct = drawn(rng, 60, "calibrated")
    got = kernel_test(confidence, correct, 1, rng)
    grid = np.rint(confidence * 512) / 512
    rest = confidence - correct
    terms = rest[:, None] * rest[None, :] * np.exp(-np.abs(grid[:, None] - grid[None, :]) / got.width)
    assert got.skce == pytest.approx((terms.sum() - np.trace(terms)) / (60 * 59), abs=1e-12)
