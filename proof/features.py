"""What must be known of a block of pairs to judge any canary that contains it? Computed once, by the gate's own code.

Evidence only adds up over blocks, so a simulated canary is a sum over its blocks: log growth of each betting stream
(from the streams of gates.catalogue), sums for the p-values of a window, counts and gaps of the calibration bins. The
witness bets with signs that earlier windows choose, so its growth is kept for either sign of each bin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from gates import calibration
from gates.catalogue import ask, ask_calibration
from gates.eprocess import BETS, STAKES
from gates.observations import Pairs
from gates.policy import Policy
from gates.questions import ALL, CalibrationQuestion, Constants, Question, file_credit_excess, flag
from proof.population import serve

Array = NDArray[np.float64]
Single = NDArray[np.float32]

#: How the p-value of a window is computed, by check; `WindowTest` says what of a block it needs.
MEAN, RATE, SIGN, EITHER_SIGN = "mean", "rate", "sign", "either sign"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTest:
    """The second trigger of one process: the kind of its p-value, the streams it sums up, the rate of its null."""

    check: str
    kind: str
    streams: tuple[Callable[[Pairs], Array], ...]
    rate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that is asked of a canary, and in which order the features hold it."""

    policy: Policy
    constants: Constants
    streams: tuple[Question, ...]  # without traffic_share, whose stream depends on the step alone
    witnesses: tuple[CalibrationQuestion, ...]
    windows: tuple[WindowTest, ...]
    traffic: Question | None

    @property
    def bins(self) -> int:
        """Frozen confidence bins."""
        return len(self.constants.bin_edges) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """One row a block. B blocks, R RED streams, G GREEN streams, L GREEN streams of the last step, Q witnesses."""

    red: Single  # (B, R, 5) log growth, streams in the order of the questions and their processes
    green: Single  # (B, G, 5)
    last: Single  # (B, L, 5)
    sums: Array  # (B, window tests, 4): sum and sum of squares, hits, or ups and downs of each stream
    blocked: Single  # (B, questions)
    base: Single  # (B, Q, 5) witness growth with each sign -1
    turn: Single  # (B, Q, bins, 5) what sign +1 of a bin adds to it
    gaps: Array  # (B, 1 + intents, bins) sums of confidence - correct, over all and on each intent
    counts: Array  # (B, bins, 3): pairs, sum of (confidence - correct)^2, sum of c (1 - c)
    repeated: Array  # (B, 3, 2) sum and sum of squares of the A/A differences: recall, nDCG, slow

    def __len__(self) -> int:
        return len(self.red)


def plan_canary(policy: Policy, constants: Constants) -> Plan:
    """What the policy asks."""
    asked = ask(policy, constants)
    return Plan(
        policy=policy,
        constants=constants,
        streams=tuple(q for q in asked if q.check != "traffic_share"),
        witnesses=ask_calibration(policy),
        windows=tuple(t for t in _window_tests(policy, constants) if any(q.check == t.check for q in asked)),
        traffic=next((q for q in asked if q.check == "traffic_share"), None),
    )


def features_of(blocks: Sequence[Pairs], plan: Plan) -> Features:
    """The features of some blocks. All blocks have the same number of pairs and of repeated pairs."""
    n = len(blocks)
    red = [stream for q in plan.streams for process in q.red for stream in process]
    green = [stream for q in plan.streams for stream in q.green]
    last = [stream for q in plan.streams for stream in q.green_at_last]
    grown = [np.empty((n, len(streams), BETS), dtype=np.float32) for streams in (red, green, last)]
    sums = np.zeros((n, len(plan.windows), 4))
    blocked = np.zeros((n, len(plan.streams)), dtype=np.float32)
    for i, block in enumerate(blocks):
        for out, streams in zip(grown, (red, green, last), strict=True):
            for j, stream in enumerate(streams):
                out[i, j] = stream(block)
        for j, test in enumerate(plan.windows):
            sums[i, j] = _sums(test, block)
        for j, question in enumerate(plan.streams):
            if question.blocked is not None:
                blocked[i, j] = question.blocked(block)
    base, turn, gaps, counts = _calibration(blocks, plan)
    return Features(
        red=grown[0], green=grown[1], last=grown[2], sums=sums, blocked=blocked,
        base=base, turn=turn, gaps=gaps, counts=counts, repeated=_repeated(blocks, plan.constants),
    )  # fmt: skip


def join_features(parts: Sequence[Features]) -> Features:
    """Several pools as one, in their order."""
    return Features(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Features)})


def traffic_growth(plan: Plan, block: Pairs) -> Array:
    """Log growth of the traffic question by step and by how many pairs of a block are served: (steps, n + 1, 2, 5)."""
    steps, n = plan.policy.ladder.steps, len(block)
    grown = np.zeros((len(steps), n + 1, 2, BETS))
    if plan.traffic is not None:
        (streams,) = plan.traffic.red
        for s, percent in enumerate(steps):
            for served in range(n + 1):
                shown = serve(block, served, percent)
                grown[s, served] = [stream(shown) for stream in streams]
    return grown


def _window_tests(policy: Policy, constants: Constants) -> tuple[WindowTest, ...]:
    """The streams behind each question's window p-value, said once more: a question only hands out the p-value itself.

    tests/proof/test_features.py holds them against gates.catalogue.
    """
    gates, guards, q = policy.gates, policy.guards, constants.median_confidence
    shift, credit, spend = gates.confidence_shift.limit, guards.file_credit, guards.spend
    slow_ms = constants.q95_ms + guards.p95_latency.margin_ms

    def share(p: Pairs) -> Array:
        hero = p.hero.file_credits / np.maximum(p.hero.credits, 1)
        return hero - p.baseline.file_credits / np.maximum(p.baseline.credits, 1) - credit.margin

    def test(check: str, kind: str, *streams: Callable[[Pairs], Array], rate: float = 0.0) -> WindowTest:
        return WindowTest(check=check, kind=kind, streams=streams, rate=rate)

    return (
        test(
            "calibrator_p99", RATE, lambda p: flag(p.hero.calibrator_ms > gates.calibrator_p99.limit_ms),
            rate=gates.calibrator_p99.share,
        ),
        test(
            "confidence_shift", EITHER_SIGN,
            lambda p: flag(p.hero.confidence > q + shift) - flag(p.baseline.confidence > q),
            lambda p: flag(p.hero.confidence < q - shift) - flag(p.baseline.confidence < q),
        ),
        test("sla_recall_at_50_delta", MEAN, lambda p: p.baseline.recall - p.hero.recall),
        test("ndcg_at_10", MEAN, lambda p: p.baseline.ndcg - p.hero.ndcg),
        test(
            "p95_latency", SIGN,
            lambda p: flag(p.hero.latency_ms > slow_ms) - flag(p.baseline.latency_ms > constants.q95_ms),
        ),
        test(
            "within_sla", RATE, lambda p: flag(p.hero.latency_ms > guards.within_sla.sla_ms),
            rate=1 - guards.within_sla.share,
        ),
        test("errors", SIGN, lambda p: p.hero.error - p.baseline.error),
        test(
            "file_credit", MEAN,
            lambda p: file_credit_excess(p.hero, credit.limit),
        ),
        test("file_credit", MEAN, share),
        test("spend", RATE, lambda p: flag(p.hero.spend_ms > spend.cap_ms + spend.slack_ms), rate=spend.share),
    )  # fmt: skip


def _sums(test: WindowTest, block: Pairs) -> list[float]:
    values = [stream(block) for stream in test.streams]
    if test.kind == MEAN:
        return [float(values[0].sum()), float((values[0] ** 2).sum()), 0.0, 0.0]
    if test.kind == RATE:
        return [float(values[0].sum()), 0.0, 0.0, 0.0]
    signs = [float(part) for x in values for part in ((x > 0).sum(), (x < 0).sum())]
    return [*signs, 0.0, 0.0][:4]


def _calibration(blocks: Sequence[Pairs], plan: Plan) -> tuple[Single, Single, Array, Array]:
    """Growth with all signs -1, what each +1 adds, gaps, and counts: sums by (block, bin) over all rows at once."""
    n, k, edges = len(blocks), plan.bins, np.array(plan.constants.bin_edges)
    confidence = np.concatenate([b.hero.confidence for b in blocks])
    correct = np.concatenate([b.hero.correct for b in blocks])
    intent = np.concatenate([b.intent for b in blocks])
    at = np.repeat(np.arange(n), len(blocks[0])) * k + calibration.bin_of(confidence, edges)
    off = confidence - correct

    def total(values: Array, asked: NDArray[np.bool_]) -> Array:
        summed: Array = np.bincount(at[asked], values[asked], n * k).astype(np.float64)
        return summed.reshape(n, k)

    def rows(i: int) -> NDArray[np.bool_]:
        return np.ones(len(at), dtype=np.bool_) if i == ALL else intent == i

    base = np.zeros((n, len(plan.witnesses), BETS), dtype=np.float32)
    turn = np.zeros((n, len(plan.witnesses), k, BETS), dtype=np.float32)
    for q, question in enumerate(plan.witnesses):
        asked = rows(question.intent)
        for j, stake in enumerate(STAKES):
            over, under = (total(np.log1p(stake * (sign * off - question.limit)), asked) for sign in (1.0, -1.0))
            base[:, q, j] = under.sum(axis=1)
            turn[:, q, :, j] = over - under
    groups = (ALL, *range(len(plan.policy.slices.intents)))
    gaps = np.stack([total(off, rows(i)) for i in groups], axis=1)
    everything = rows(ALL)
    counts = [total(x, everything) for x in (np.ones(len(at)), off**2, confidence * (1 - confidence))]
    return base, turn, gaps, np.stack(counts, axis=2)


def _repeated(blocks: Sequence[Pairs], constants: Constants) -> Array:
    sums = np.zeros((len(blocks), 3, 2))
    for i, p in enumerate(blocks):
        first = p.baseline.rows(p.repeated)
        slow, again = flag(first.latency_ms > constants.q95_ms), flag(p.repeat.latency_ms > constants.q95_ms)
        for j, d in enumerate((first.recall - p.repeat.recall, first.ndcg - p.repeat.ndcg, slow - again)):
            sums[i, j] = d.sum(), (d**2).sum()
    return sums
