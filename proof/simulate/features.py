"""What must be known of a block of pairs to judge any canary that contains it? Computed once, by the gate's own code.

Evidence only adds up over blocks, so a simulated canary is a sum over its blocks: log growth of each betting stream
(from the questions of gates.rule.questions), counts and gaps of the calibration bins. What earlier windows fix is not
known of a block alone: the growth of a bet on signs is kept for either sign of each bin, and of a latency tail, whose
quantile moves, the latencies themselves are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.checks.against import Calibration, Tail
from gates.checks.question import CalibrationQuestion, Constants, DispersionQuestion, Head, Question, flag
from gates.checks.traffic_share import Traffic
from gates.pairs import Pairs
from gates.policy import Policy
from gates.rule.questions import DECIDE, asked_checks
from gates.statistics import Array, calibration
from gates.statistics.eprocess import BETS, STAKES
from gates.verdicts import Kind
from proof.simulate.population import serve

Single = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that is asked of a canary, and in which order the features hold it."""

    policy: Policy
    constants: Constants
    streams: tuple[Question, ...]  # that do not move, without the traffic's, whose stream depends on the step alone
    witnesses: tuple[CalibrationQuestion, ...]
    tails: tuple[tuple[Head, Tail], ...]
    slices: tuple[tuple[Head, Calibration], ...]
    traffic: Question | None
    dispersion: str  # the check of the A/A alarm; "" where it is not asked

    @property
    def bins(self) -> int:
        """Frozen confidence bins of the canary."""
        return len(self.constants.bin_edges) + 1

    @property
    def slice_bins(self) -> int:
        """The most bins that an intent has."""
        return max((len(form.edges) + 1 for _, form in self.slices), default=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """One row a block. B blocks of n pairs, R RED, G GREEN and L last-step GREEN streams, Q witnesses, C slices."""

    plan: Plan
    traffic: Array  # (steps, n + 1, 2, 5) growth of the traffic question by step and by how many of a block are served
    red: Single  # (B, R, 5) log growth, streams in the order of the questions and their processes
    green: Single  # (B, G, 5)
    last: Single  # (B, L, 5)
    blocked: Single  # (B, questions)
    base: Single  # (B, Q, 5) witness growth with each sign -1
    turn: Single  # (B, Q, bins, 5) what sign +1 of a bin adds to it
    gaps: Array  # (B, bins) sums of confidence - correct
    counts: Array  # (B, bins, 3): pairs, sum of (confidence - correct)^2, sum of c (1 - c)
    ms: Array  # (B, 2, n) latency of baseline and hero
    signed: Single  # (B, C, 2, 2, slice bins, 5) growth of "worse" and "off" in a bin whose sign is -1, +1
    slice_gaps: Array  # (B, C, slice bins)
    repeated: Array  # (B, 3, 2) sum and sum of squares of the A/A differences: recall, nDCG, slow


def plan_canary(policy: Policy, constants: Constants) -> Plan:
    """What the policy asks."""
    asked = asked_checks(policy, constants, *DECIDE, Kind.INSTRUMENT)
    questions = [(a.form, a.form.ask(a.head)) for a in asked]
    return Plan(
        policy=policy,
        constants=constants,
        streams=tuple(q for form, q in questions if isinstance(q, Question) and not isinstance(form, Traffic)),
        witnesses=tuple(q for _, q in questions if isinstance(q, CalibrationQuestion)),
        tails=tuple((a.head, a.form) for a in asked if isinstance(a.form, Tail)),
        slices=tuple((a.head, a.form) for a in asked if isinstance(a.form, Calibration)),
        traffic=next((q for form, q in questions if isinstance(form, Traffic) and isinstance(q, Question)), None),
        dispersion=next((q.head.check for _, q in questions if isinstance(q, DispersionQuestion)), ""),
    )


def features_of(blocks: Sequence[Pairs], plan: Plan) -> Features:
    """The features of some blocks, in which nobody waited. All have the same number of pairs and of repeated pairs."""
    n = len(blocks)
    red = [stream for q in plan.streams for process in q.red for stream in process]
    green = [stream for q in plan.streams for stream in q.green]
    last = [stream for q in plan.streams for stream in q.green_at_last]
    grown = [np.empty((n, len(streams), BETS), dtype=np.float32) for streams in (red, green, last)]
    blocked = np.zeros((n, len(plan.streams)), dtype=np.float32)
    signed = np.zeros((n, len(plan.slices), 2, 2, plan.slice_bins, BETS), dtype=np.float32)
    slice_gaps = np.zeros((n, len(plan.slices), plan.slice_bins))
    for i, block in enumerate(blocks):
        for out, streams in zip(grown, (red, green, last), strict=True):
            for j, stream in enumerate(streams):
                out[i, j] = stream(block)
        for j, question in enumerate(plan.streams):
            if question.blocked is not None:
                blocked[i, j] = question.blocked(block)
        for j, (_, form) in enumerate(plan.slices):
            bins = len(form.edges) + 1
            signed[i, j, :, :, :bins] = _signed(form, block)
            slice_gaps[i, j, :bins] = form.gaps(block)
    base, turn, gaps, counts = _calibration(blocks, plan)
    return Features(
        plan=plan, traffic=_traffic(blocks[0], plan),
        red=grown[0], green=grown[1], last=grown[2], blocked=blocked, base=base, turn=turn, gaps=gaps, counts=counts,
        ms=np.stack([[b.baseline.latency_ms, b.hero.latency_ms] for b in blocks]),
        signed=signed, slice_gaps=slice_gaps, repeated=_repeated(blocks, plan.constants),
    )  # fmt: skip


def _signed(form: Calibration, block: Pairs) -> Single:
    """Growth by stream, sign and bin: the form's own streams with the same sign everywhere, summed bin by bin."""
    bins = len(form.edges) + 1
    at = calibration.bin_of(block.hero.confidence[block.intent == form.intent], np.array(form.edges))
    grown = np.zeros((2, 2, bins, BETS), dtype=np.float32)
    for s, sign in enumerate((-1.0, 1.0)):
        for i, stream in enumerate((form.worse, form.off)):
            gains = np.log1p(STAKES[:, None] * stream(block, np.full(bins, sign))[None, :])
            for j in range(BETS):
                grown[i, s, :, j] = np.bincount(at, gains[j], bins)
    return grown


def _traffic(block: Pairs, plan: Plan) -> Array:
    steps, n = plan.policy.ladder.steps, len(block)
    grown = np.zeros((len(steps), n + 1, 2, BETS))
    if plan.traffic is not None:
        (streams,) = plan.traffic.red
        for s, percent in enumerate(steps):
            for served in range(n + 1):
                shown = serve(block, served, percent)
                grown[s, served] = [stream(shown) for stream in streams]
    return grown


def _calibration(blocks: Sequence[Pairs], plan: Plan) -> tuple[Single, Single, Array, Array]:
    """Growth with all signs -1, what each +1 adds, gaps, and counts: sums by (block, bin) over all rows at once."""
    n, k, edges = len(blocks), plan.bins, np.array(plan.constants.bin_edges)
    confidence = np.concatenate([b.hero.confidence for b in blocks])
    correct = np.concatenate([b.hero.correct for b in blocks])
    at = np.repeat(np.arange(n), len(blocks[0])) * k + calibration.bin_of(confidence, edges)
    off = confidence - correct

    def total(values: Array) -> Array:
        summed: Array = np.bincount(at, values, n * k).astype(np.float64)
        return summed.reshape(n, k)

    base = np.zeros((n, len(plan.witnesses), BETS), dtype=np.float32)
    turn = np.zeros((n, len(plan.witnesses), k, BETS), dtype=np.float32)
    for q, question in enumerate(plan.witnesses):
        for j, stake in enumerate(STAKES):
            over, under = (total(np.log1p(stake * (sign * off - question.limit))) for sign in (1.0, -1.0))
            base[:, q, j] = under.sum(axis=1)
            turn[:, q, :, j] = over - under
    counts = [total(x) for x in (np.ones(len(at)), off**2, confidence * (1 - confidence))]
    return base, turn, total(off), np.stack(counts, axis=2)


def _repeated(blocks: Sequence[Pairs], constants: Constants) -> Array:
    sums = np.zeros((len(blocks), 3, 2))
    for i, p in enumerate(blocks):
        first = p.baseline.rows(p.repeated)
        slow, again = flag(first.latency_ms > constants.q95_ms), flag(p.repeat.latency_ms > constants.q95_ms)
        for j, d in enumerate((first.recall - p.repeat.recall, first.ndcg - p.repeat.ndcg, slow - again)):
            sums[i, j] = d.sum(), (d**2).sum()
    return sums
