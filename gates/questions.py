"""The questions of a canary: for each check the streams that show it broken or shown to hold, and what is reported.

A stream turns pairs into log growth of the five bets. `red` lists the processes that can show the check broken (any
one suffices; the streams inside one are averaged), `green` the streams that must all show that it holds. The
calibration gate is not a stream of this kind: gates.trackers asks it with gates.calibration.
Sources of the forms: docs/decision-rule.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gates.decimals import decimal
from gates.eprocess import bet, log_evidence
from gates.observations import Arm, Pairs
from gates.policy import Policy
from gates.pvalues import Interval
from gates.verdicts import Kind

Array = NDArray[np.float64]
Stream = Callable[[Pairs], Array]


ALL = -1  # every intent
DEPTH = 50  # credits that one answer may hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Fixed by the preflight before the first pair: the baseline's median confidence, its p95, the bins and signs."""

    median_confidence: float
    q95_ms: float
    bin_edges: tuple[float, ...]
    signs: tuple[float, ...]  # the first window's witness signs
    seed: int  # of every simulation, from the release fingerprint

    def record(self) -> dict[str, Any]:
        """What attestations say of them: decimal strings."""
        return {
            "q": decimal(self.median_confidence, 12),
            "q95_ms": decimal(self.q95_ms, 12),
            "bin_edges": [repr(edge) for edge in self.bin_edges],
            "signs": [decimal(sign) for sign in self.signs],
            "seed": str(self.seed),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One check: how it is shown broken, how it is shown to hold, and what the report says of it."""

    check: str
    kind: Kind
    required: str  # "green" or "not_red"
    unit: str
    limit: float
    red: tuple[tuple[Stream, ...], ...]
    green: tuple[Stream, ...] = ()  # over the step for a gate, over the canary for a guard
    green_at_last: tuple[Stream, ...] = ()  # in addition at the last step, over the canary
    limit_at_last: float | None = None
    blocked: Callable[[Pairs], int] | None = None  # counts what must not happen even once for GREEN
    window_p: tuple[Callable[[Pairs], float], ...] = ()  # one-sided p-value of one window, for each red process
    measure: Callable[[Pairs], Interval]
    two_sided: bool = False  # the limit holds both ways
    detectable: Callable[[Pairs, float], float] | None = None  # size a RED-only check would have found, at log E needed
    count: Callable[[Pairs], int] = len  # pairs that the check is about


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationQuestion:
    """Is the true calibration error above a limit, over the canary or on one intent? Asked by the sign witness."""

    check: str
    kind: Kind
    required: str  # "green" for the gate, which also looks for GREEN by null simulation; else "not_red"
    limit: float  # RED above
    intent: int = ALL  # position in the policy's intents


#: Processes that can show a check broken, where it is not one.
PROCESSES = {"file_credit": 2}  # the absolute limit, and the comparison with the baseline

#: Check -> the column of evidence without which it cannot be asked.
_INPUTS = {
    "index_integrity": "index",
    "oracle_queries": "oracles",
    "file_only": "line_start",
    "calibrator_p99": "calibrator_ns",
    "aece_tau": "confidence",
    "confidence_shift": "confidence",
    "p95_latency": "latency_ms",
    "within_sla": "latency_ms",
    "ece": "confidence",
    "file_credit": "line_start",
    "spend": "spend_ms",
}


def input_of(check: str) -> str:
    """The column of evidence without which a check cannot be asked; "" where any system gives it."""
    return "confidence" if check.startswith("calibration_") else _INPUTS.get(check, "")


def missing_inputs(policy: Policy, lacks: Mapping[str, str]) -> dict[str, str]:
    """Which asked checks lack a column of evidence: check -> reason. `lacks`: column -> why it is not there."""
    asked = (*policy.asked_sanity, *policy.asked_gates, *policy.asked_guards, *policy.asked_slices)
    needed = {check: input_of(check) for check in asked}
    return {c: f"{column} is missing: {lacks[column]}" for c, column in needed.items() if column in lacks}


def red_processes(policy: Policy) -> int:
    """m of the RED threshold: processes that can roll back, over the heroes that the policy declares."""
    asked = (*policy.asked_gates, *policy.asked_guards, *policy.asked_slices)
    return len(policy.heroes) * sum(PROCESSES.get(c, 1) for c in asked if policy.on_red(c) == "rollback")


def file_credit_excess(arm: Arm, limit: float) -> Array:
    """File credits beyond `limit` of all credits, scaled so that an answer full of credits loses 1 at most."""
    return (arm.file_credits - limit * arm.credits) / (DEPTH * limit)


def bet_against_loss(lost: Array, margin: float) -> Array:
    """Log growth of bets against "the mean loss is at least `margin`", for losses in [-1, 1]."""
    return bet((margin - lost) / (1 + margin))


def detectable_mean(x: Array, log_needed: float) -> float:
    """The mean of x that would have been shown to be above 0 with a probability of about 90 % on as many pairs.

    The stream is moved until its bets reach `log_needed`; 1.28 standard errors are added for the power.
    """
    centred, low, high = x - x.mean(), 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        enough = log_evidence(bet(np.maximum(centred + middle, -1.1))) >= log_needed
        low, high = (low, middle) if enough else (middle, high)
    return float(high + 1.28 * x.std() / np.sqrt(len(x)))


def flag(condition: NDArray[np.bool_]) -> Array:
    """1 where the condition holds, else 0."""
    return condition.astype(np.float64)
