"""Is the committed calibrator within its contract, and is a changed one refused?"""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens.calibrator import CLAMP, SLOPES, digest_of, interpolate, read_calibrator, sigmoid
from lens.fit import Example, correction, fit_curves, increasing

COMMITTED = ("calib_v22.json", "smoke/calib_v22.json")


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_curves_rise_within_the_slope_clamp(root: Path, name: str):
    for curve in read_calibrator(root / "configs" / name).curves.values():
        for (x0, y0), (x1, y1) in itertools.pairwise(zip(curve.x, curve.y, strict=True)):
            assert x1 > x0
            if CLAMP[0] < y0 and y1 < CLAMP[1]:
                assert SLOPES[0] - 1e-9 <= (y1 - y0) / (x1 - x0) <= SLOPES[1] + 1e-9


@given(st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=5))
def test_confidence_is_always_within_the_clamp(features: list[float]):
    calibrator = read_calibrator(Path(__file__).parents[2] / "configs" / "calib_v22.json")
    assert CLAMP[0] <= calibrator.confidence("lexical", "error", features) <= CLAMP[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: {**d, "fitted_on": {}}, "is not that of its content"),
        (lambda d: {**d, "digest": None}, "is not that of its content"),
        (lambda d: {**d, "curves": [{"stage": "lexical"}]}, "no calibrator"),
        (lambda d: {**d, "curves": d["curves"][1:], "digest": digest_of({**d, "curves": d["curves"][1:]})}, "no curve"),
        (lambda _: "[" * 100_000, "no calibrator"),
    ],
    ids=["tampered", "unsigned", "incomplete", "without a curve", "too deep"],
)
def test_a_changed_calibrator_is_refused(root: Path, tmp_path: Path, change, said: str):
    changed = change(json.loads((root / "configs" / "calib_v22.json").read_text()))
    path = tmp_path / "calib.json"
    path.write_text(changed if isinstance(changed, str) else json.dumps(changed))
    with pytest.raises(ValueError, match=said) as error:
        read_calibrator(path)
    assert "restore it from version control" in str(error.value)


def examples(truth, n: int = 6000) -> list[Example]:
    rng = np.random.default_rng(3)
    signal = rng.uniform(-3, 3, n)
    right = rng.random(n) < truth(signal)
    return [("lexical", "error", (s, 0.0, 0.0, 0.0, 0.0), bool(r)) for s, r in zip(signal.tolist(), right, strict=True)]


@pytest.mark.parametrize("truth", [lambda s: 1 / (1 + np.exp(-s)), lambda s: 0.3 + 0 * s], ids=["signal", "noise"])
def test_a_fit_recovers_the_probability_it_was_drawn_from(truth):
    (curve,) = fit_curves(examples(truth))
    for signal in (-2.0, -1.0, 0.0, 1.0, 2.0):
        assert curve.confidence((signal, 0, 0, 0, 0)) == pytest.approx(truth(signal), abs=0.03)


def test_too_few_examples_are_refused():
    with pytest.raises(ValueError, match="lexical error: 10 queries, but a curve needs 40; use a larger corpus"):
        fit_curves(examples(lambda s: s > 0, n=10))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_pooling_gives_a_rising_sequence_with_the_same_mean(values: list[float]):
    array = np.array(values)
    pooled = increasing(array, np.ones(len(array)))
    assert np.all(np.diff(pooled) >= -1e-12)
    assert pooled.mean() == pytest.approx(array.mean())


def test_a_correction_keeps_the_mean():
    rng = np.random.default_rng(5)
    p = rng.uniform(0.2, 0.7, 4000)
    right = (rng.random(4000) < p**1.1).astype(float)
    x, y = correction(p, right)
    assert np.mean([interpolate(value, x, y) for value in p]) == pytest.approx(right.mean(), abs=0.005)


def test_interpolation_goes_on_with_slope_one():
    assert interpolate(0.0, (0.2, 0.4), (0.3, 0.5)) == pytest.approx(0.1)
    assert interpolate(0.3, (0.2, 0.4), (0.3, 0.5)) == pytest.approx(0.4)
    assert interpolate(0.9, (0.2, 0.4), (0.3, 0.5)) == pytest.approx(1.0)
    assert math.isclose(sigmoid(-800), 0)
