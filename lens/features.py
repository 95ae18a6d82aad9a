"""What tells whether the first hit is right? The numbers that the calibrator reads, for both stages of a search."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Stage = Literal["lexical", "fused"]
STAGES: tuple[Stage, ...] = ("lexical", "fused")
_LEXICAL = ("log_score", "margin_to_2", "margin_to_10", "log_terms", "share_of_ideal")
_FUSED = ("fused_margin_to_2", "fused_margin_to_10", "lexical_first", "dense_first", "dense_score")
NAMES: dict[Stage, tuple[str, ...]] = {"lexical": _LEXICAL, "fused": (*_LEXICAL, *_FUSED)}

Floats = NDArray[np.float32]
Ordinals = NDArray[np.int32]


def lexical_features(scores: Floats, terms: int, ideal: float) -> tuple[float, ...]:
    """Of the scores of a lexical answer, best first; `ideal` is what a perfect match would score."""
    if not len(scores):
        return (0.0,) * len(NAMES["lexical"])
    first = float(scores[0])
    return (
        math.log(first),
        1 - nth(scores, 2) / first,
        1 - nth(scores, 10) / first,
        math.log1p(terms),
        first / ideal if ideal else 0.0,
    )


def fused_features(
    lexical: Sequence[float], found: Ordinals, scores: Floats, lexical_found: Ordinals, dense: tuple[Ordinals, Floats]
) -> tuple[float, ...]:
    """Of a fused answer: the lexical stage's features, and how far both sides agree about the first hit."""
    if not len(found):
        return (0.0,) * len(NAMES["fused"])
    first = found[0]
    dense_found, dense_scores = dense
    return (
        *lexical,
        float(scores[0]) - nth(scores, 2),
        float(scores[0]) - nth(scores, 10),
        float(len(lexical_found) > 0 and first == lexical_found[0]),
        float(len(dense_found) > 0 and first == dense_found[0]),
        float(dense_scores[0]) if len(dense_scores) else 0.0,
    )


def nth(scores: Floats, n: int) -> float:
    """The n-th best score; the last one where there are fewer, 0 where there is only the first."""
    return float(scores[min(n, len(scores)) - 1]) if len(scores) > 1 else 0.0
