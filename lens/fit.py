"""How is the calibrator fitted? Once, with the baseline, on the calibration queries, which nothing else sees."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from lens.calibrator import CLAMP, SLOPES, Curve
from lens.features import STAGES, Stage

KNOTS = 20  # of a correction, equally many queries between two
TRUST = 1000  # queries at which correction and logistic model count the same
RIDGE = 1.0
ROUNDS = 50

Array = NDArray[np.float64]

Example = tuple[Stage, str, Sequence[float], bool]  # stage, intent, features, whether the first hit was right


def fit_curves(examples: Iterable[Example]) -> list[Curve]:
    """One curve for each stage and intent. Raises ValueError where a stage and intent has too few queries."""
    groups: dict[tuple[Stage, str], list[Example]] = {}
    for example in examples:
        groups.setdefault(example[:2], []).append(example)
    return [fit_curve(*key, groups[key]) for key in sorted(groups, key=lambda k: (STAGES.index(k[0]), k[1]))]


def fit_curve(stage: Stage, intent: str, examples: Sequence[Example]) -> Curve:
    """The curve of one stage and intent."""
    if len(examples) < 2 * KNOTS:
        raise ValueError(
            f"{stage} {intent}: {len(examples)} queries, but a curve needs {2 * KNOTS}; use a larger corpus"
        )
    features = np.array([features for _, _, features, _ in examples], dtype=np.float64)
    right = np.array([right for *_, right in examples], dtype=np.float64)
    intercept, weights = logistic(features, right)
    p = 1 / (1 + np.exp(-(intercept + features @ weights)))
    x, y = correction(p, right)
    return Curve(
        stage=stage,
        intent=intent,
        queries=len(examples),
        intercept=float(intercept),
        weights=tuple(weights.tolist()),
        x=tuple(x.tolist()),
        y=tuple(y.tolist()),
        alpha=len(examples) / (len(examples) + TRUST),
    )


def logistic(features: Array, right: Array) -> tuple[float, Array]:
    """Intercept and weights of a logistic model, by Newton's method with a small ridge on standardised features."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread[spread == 0] = 1
    design = np.column_stack([np.ones(len(right)), (features - mean) / spread])
    penalty = np.diag([0.0, *[RIDGE] * features.shape[1]])
    beta = np.zeros(design.shape[1])
    for _ in range(ROUNDS):
        p = 1 / (1 + np.exp(-design @ beta))
        gradient = design.T @ (right - p) - penalty @ beta
        hessian = (design * (p * (1 - p))[:, None]).T @ design + penalty
        step = np.linalg.solve(hessian, gradient)
        beta += step
        if np.abs(step).max() < 1e-10:
            break
    weights = beta[1:] / spread
    return float(beta[0] - weights @ mean), weights


def correction(p: Array, right: Array) -> tuple[Array, Array]:
    """Knots of the increasing map from the model's probability to the observed one, slopes held within SLOPES."""
    groups = np.array_split(np.argsort(p, kind="stable"), KNOTS)
    x = np.array([p[group].mean() for group in groups])
    keep = np.concatenate([[True], np.diff(x) > 1e-9])
    size = np.array([len(group) for group in groups], dtype=np.float64)[keep]
    observed = np.array([right[group].mean() for group in groups])[keep]
    x = x[keep]
    isotonic = increasing(observed, size)
    slopes = np.clip(np.diff(isotonic) / np.diff(x), *SLOPES)
    shape = np.concatenate([[0.0], np.cumsum(slopes * np.diff(x))])
    level = np.average(isotonic - shape, weights=size)  # the mean confidence is the share of right answers
    return x, np.clip(level + shape, *CLAMP)


def increasing(values: Array, weights: Array) -> Array:
    """The non-decreasing sequence nearest to `values` in weighted squares (pool adjacent violators)."""
    blocks: list[list[float]] = []  # mean, weight, length
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            mean, weight_last, length = blocks.pop()
            before = blocks[-1]
            before[0] = (before[0] * before[1] + mean * weight_last) / (before[1] + weight_last)
            before[1] += weight_last
            before[2] += length
    return np.repeat([b[0] for b in blocks], [int(b[2]) for b in blocks])
