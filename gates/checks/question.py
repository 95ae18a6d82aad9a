"""What is asked of the pairs for one check: the streams that show it broken or shown to hold, and what is reported.

A stream turns pairs into log growth of the five bets. `red` lists the processes that can show the check broken (any
one suffices, or all of them where `all_red`; the streams inside one are averaged), `green` the streams that must all
show that it holds. Sources of the forms: docs/decision-rule.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gates.pairs import Pairs
from gates.statistics import Array
from gates.statistics.decimals import decimal
from gates.statistics.eprocess import bet, log_evidence
from gates.statistics.pvalues import Interval, halved
from gates.verdicts import Kind

Stream = Callable[[Pairs], Array]

ALL = -1  # every intent


class Intent(NamedTuple):
    """One kind of query: its name, and its position in the policy's intents."""

    name: str
    at: int


EVERY = Intent("", ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a question is called, whatever its form."""

    check: str
    kind: Kind
    required: str  # "green" or "not_red"
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Fixed by the preflight before the first pair: what the baseline alone says of itself."""

    median_confidence: float
    baseline_ms: tuple[float, ...]  # its latencies net of waiting, rising
    bin_edges: tuple[float, ...]
    signs: tuple[float, ...]  # the first window's witness signs
    slice_edges: tuple[tuple[float, ...], ...]  # bins of the confidence on each intent
    sla_ms: float  # after which an answer finds nothing in time
    seed: int  # of every simulation, from the release fingerprint
    before: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # the baseline's, where an own check reads it

    @property
    def q95_ms(self) -> float:
        """p95 of the baseline alone."""
        return order_statistic(np.array(self.baseline_ms), 0.95)

    def record(self) -> dict[str, Any]:
        """What attestations say of them: decimal strings."""
        return {
            "q": decimal(self.median_confidence, 12),
            "q95_ms": decimal(self.q95_ms, 12),
            "bin_edges": [repr(edge) for edge in self.bin_edges],
            "signs": [decimal(sign) for sign in self.signs],
            "slice_edges": [[repr(edge) for edge in edges] for edges in self.slice_edges],
            "seed": str(self.seed),
        }


#: Before a preflight has fixed anything.
NOTHING_FIXED = Constants(
    median_confidence=float("nan"), baseline_ms=(), bin_edges=(), signs=(), slice_edges=(), sla_ms=float("nan"), seed=0
)


class BrokenBy(NamedTuple):
    """What a cell tells where one of its RED processes shows the check broken, which is about another number."""

    unit: str
    limit: float
    measure: Callable[[Pairs], Interval]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One check: how it is shown broken, how it is shown to hold, and what the report says of it."""

    head: Head
    limit: float
    red: tuple[tuple[Stream, ...], ...]
    all_red: bool = False  # shown broken only where every process shows it
    broken_by: Mapping[int, BrokenBy] = field(default_factory=dict)  # by the place of the process in `red`
    green: tuple[Stream, ...] = ()  # over the step for a gate, over the canary for a guard
    green_at_last: tuple[Stream, ...] = ()  # in addition at the last step, over the canary
    limit_at_last: float | None = None
    blocked: Callable[[Pairs], int] | None = None  # counts what must not happen even once for GREEN
    block_words: str = ""  # what that is
    remark: Callable[[Pairs], str] | None = None  # what is told of the pairs where nothing else is
    measure: Callable[[Pairs], Interval]
    two_sided: bool = False  # the limit holds both ways
    detectable: Callable[[Pairs, float], float] | None = None  # size a RED-only check would have found, at log E needed
    count: Callable[[Pairs], int] = len  # pairs that the check is about
    clock: bool = False  # does it read a clock, which runs on while an arm waits for a processor?

    @property
    def check(self) -> str:
        """Whose question it is."""
        return self.head.check


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """A question whose streams are fixed anew for each window, by what came before that window alone."""

    before: Array  # what is known before the first window
    learn: Callable[[Array, Pairs], Array]  # what is known after one more
    at: Callable[[Array], Question]
    told: Callable[[Array], tuple[float, ...]]  # what is attested of it, window by window


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationQuestion:
    """Is the true calibration error over the canary above a limit? Asked by the sign witness (gates.rule.witness)."""

    head: Head
    limit: float  # RED above
    green_below: tuple[float, ...] = ()  # by step: GREEN where an error of so much is excluded; () if it cannot be


@dataclass(frozen=True, slots=True, kw_only=True)
class DispersionQuestion:
    """Do windows of the baseline against itself differ more than their pairs explain (gates.rule.dispersion)?"""

    head: Head


Asked = Question | Moving | CalibrationQuestion | DispersionQuestion


def bet_against_loss(lost: Array, margin: float) -> Array:
    """Log growth of bets against "the mean loss is at least `margin`", for losses in [-1, 1]."""
    return bet((margin - lost) / (1 + margin))


def detectable_mean(x: Array, log_needed: float) -> float:
    """The mean of x that would have been shown to be above 0 with a probability of about 90 % on as many pairs.

    The stream is moved until its bets reach `log_needed`; 1.28 standard errors are added for the power.
    """
    centred = x - x.mean()
    _, high = halved(lambda by: log_evidence(bet(np.maximum(centred + by, -1.1))) >= log_needed, 0.0, 1.0, 20)
    return float(high + 1.28 * x.std() / np.sqrt(len(x)))


def flag(condition: NDArray[np.bool_]) -> Array:
    """1 where the condition holds, else 0."""
    return condition.astype(np.float64)


def order_statistic(values: Array, q: float) -> float:
    """The smallest value that a share q of the values does not exceed; NaN of none."""
    if not len(values):
        return float("nan")
    at = rank_of(len(values), q)
    return float(np.partition(values, at)[at])


def rank_of(n: int, q: float) -> int:
    """Where that value stands among n in rising order, from 0."""
    return max(0, int(np.ceil(n * q - 1e-9)) - 1)
