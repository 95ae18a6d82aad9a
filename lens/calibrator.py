"""How likely is it that the first hit is right? CALIB_V22: features to a probability, fitted once and committed.

For each stage and each intent as told from the text: a logistic model gives p0; a piecewise linear map, increasing
with slopes in [0.9, 1.1], corrects it; both are mixed by alpha; the result is held within [0.001, 0.999]. Plain Python
arithmetic: a call takes microseconds, and its ports to other languages are exact.
"""

import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

from lens.features import NAMES, STAGES, Stage
from lens.intent import INTENTS

VERSION = "CALIB_V22"
SLOPES = (0.9, 1.1)
CLAMP = (0.001, 0.999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The calibrator of one stage and intent."""

    stage: str
    intent: str
    queries: int  # it was fitted on
    intercept: float
    weights: tuple[float, ...]  # of NAMES[stage]
    x: tuple[float, ...]  # knots of the correction, ascending
    y: tuple[float, ...]
    alpha: float  # share of the correction

    def confidence(self, features: Sequence[float]) -> float:
        """The probability for a feature vector."""
        p = sigmoid(self.intercept + sum(w * f for w, f in zip(self.weights, features, strict=True)))
        mixed = self.alpha * interpolate(p, self.x, self.y) + (1 - self.alpha) * p
        return min(max(mixed, CLAMP[0]), CLAMP[1])

    def slopes(self) -> list[float]:
        """Of the correction, between its knots."""
        knots = list(zip(self.x, self.y, strict=True))
        return [(y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in pairwise(knots)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrator:
    """All curves, and the digest that a release binds."""

    curves: Mapping[tuple[str, str], Curve]
    digest: str

    def confidence(self, stage: Stage, intent: str, features: Sequence[float]) -> float:
        """The probability that the first hit is right."""
        return self.curves[stage, intent].confidence(features)


def sigmoid(z: float) -> float:
    """1 / (1 + exp(-z)) without overflow."""
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def interpolate(p: float, x: Sequence[float], y: Sequence[float]) -> float:
    """The piecewise linear map through the knots; beyond them it goes on with slope one."""
    if p <= x[0]:
        return y[0] + (p - x[0])
    if p >= x[-1]:
        return y[-1] + (p - x[-1])
    i = bisect_right(x, p)
    return y[i - 1] + (y[i] - y[i - 1]) * (p - x[i - 1]) / (x[i] - x[i - 1])


def dump(curves: Sequence[Curve], fitted_on: Mapping[str, str]) -> str:
    """The JSON document of a calibrator, with its digest."""
    body = {"version": VERSION, "fitted_on": dict(fitted_on), "features": NAMES, "curves": [asdict(c) for c in curves]}
    return json.dumps({**body, "digest": digest_of(json.loads(json.dumps(body)))}, indent=1) + "\n"


def digest_of(body: Mapping[str, Any]) -> str:
    """sha256 over the document without its digest, keys sorted."""
    plain = {key: value for key, value in body.items() if key != "digest"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_calibrator(path: Path) -> Calibrator:
    """The committed calibrator. Raises ValueError naming what is wrong with the file."""
    way_out = "restore it from version control, or fit a new one: python -m lens fit-calibrator"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        curves = [Curve(**{**c, **{k: tuple(c[k]) for k in ("weights", "x", "y")}}) for c in document["curves"]]
        stated = document["digest"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: no calibrator ({error!r}); {way_out}") from None
    if stated != digest_of(document):
        raise ValueError(f"{path}: digest {str(stated)[:16]} is not that of its content; {way_out}")
    if document.get("version") != VERSION:
        raise ValueError(f"{path}: version {document.get('version')!r}, but should be {VERSION!r}; {way_out}")
    found = {(curve.stage, curve.intent): curve for curve in curves}
    for stage, intent in product(STAGES, INTENTS):
        if (stage, intent) not in found or len(found[stage, intent].weights) != len(NAMES[stage]):
            raise ValueError(f"{path}: has no curve for {stage} {intent} with {len(NAMES[stage])} weights; {way_out}")
    return Calibrator(curves=found, digest=stated)
