"""Has what confidence means changed since the incumbent was accepted? The drift pack (docs/weekly.md).

The incumbent is asked the same queries every week, and its answers are compared one by one with the accepted ones. A
change of a calibration error is RED where it is beyond its limit and Gaffke's bound shows that the answers moved so
far, in the direction in which they are off (gates.statistics.reliability): most did not move at all, and a standard
deviation of such differences says nothing of rare ones. A paired bootstrap's interval is told; GREEN needs all of it
within the limit.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from gates.documents import AtMost, Document
from gates.policy import Count, Name
from gates.statistics import Array
from gates.statistics.calibration import equal_mass_edges
from gates.statistics.decimals import decimal, interval_numbers
from gates.statistics.pvalues import mean_interval, p_rate_above, rate_interval
from gates.statistics.recalibration import cox_test, kernel_test
from gates.statistics.reliability import bin_count, compare_errors, merged_bins, reliability_slope
from gates.verdicts import Cell, Verdict
from rollout.answered import Answered, same_queries
from rollout.columns import answered
from rollout.jobs.accepted import FILE, read_kept, write_answers
from rollout.jobs.check import ALPHA, WARNING, JobCheck, NotShown, ToldCheck, job_check, judge_all
from rollout.jobs.confidences import Scored, at_clamp, history_rows, usable, with_confidence
from rollout.jobs.draw import WeeklyQueries, asked_queries
from rollout.jobs.job import Jobs, by_name
from rollout.jobs.probe import Probe, ask_all
from rollout.jobs.settings import read_family


class DriftLimits(Document):
    """The drift pack: what it asks, and how far what confidence means may move."""

    queries: WeeklyQueries
    bins: Annotated[int, Field(ge=2, le=50)]
    aece: AtMost  # |difference| of the errors
    dece: AtMost
    brier: AtMost  # told only
    reliability_slope: AtMost  # told only
    alpha: AtMost  # |difference| of the calibrator's mixing weight
    clamp: AtMost  # of answers at the output clamp; of slopes, more than when accepted
    least_in_bin: Count  # a bin with fewer answers is merged with its neighbour
    merged_warn: AtMost  # merged bins over those that are left
    merged_fail: AtMost
    alarm: AtMost  # p-value of the two tests of perfect calibration, from which down they are told
    resamples: Annotated[int, Field(ge=200)]
    left_out: dict[Name, str] = Field(default={})  # check -> why it is not asked of what serves here


@dataclass(frozen=True, kw_only=True)
class TwoWeeks:
    """What is known of a system's answers this week, and of the accepted ones."""

    limits: DriftLimits
    now: Answered
    then: Answered | None  # None where none are accepted yet
    calibrator: Mapping[str, Any]  # its facts as fixtures.systems.kinds tells them, {} where a system calls none
    accepted_calibrator: Mapping[str, Any]
    sla_ms: float
    rng: np.random.Generator

    @cached_property
    def both(self) -> tuple[Scored, Scored]:
        """The answers to the queries that have a confidence in both weeks, now and then. Raises NotShown."""
        if self.then is None:
            yet = "no answers of this configuration are accepted yet; these are from now on, the next run is compared"
            raise NotShown(yet)
        here, there = same_queries(*map(with_confidence, same_queries(self.now, self.then)))
        n, least = len(here), 10 * self.limits.bins
        if n < least:
            raise NotShown(
                f"{n} queries were answered with a confidence in both weeks, but {least} are needed: "
                "was the corpus changed? accept the new state with --write"
            )
        return usable(here), usable(there)

    @property
    def calibrators(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Now and then. Raises NotShown where there is none."""
        if not self.calibrator:
            raise NotShown("what serves calls no calibrator")
        if not self.accepted_calibrator:
            raise NotShown("no calibrator is accepted yet; this one is from now on")
        return self.calibrator, self.accepted_calibrator

    def edges(self, confidence: Array) -> Array:
        """Of equal-mass bins, as many as there may be."""
        return equal_mass_edges(confidence, bin_count(len(confidence), self.limits.bins))


def _moved(check: JobCheck, week: TwoWeeks, *, frozen: bool) -> Cell:
    """RED where the change is shown, GREEN by its interval; what neither shows says what would be found.

    `frozen`: are this week's errors told over the accepted bins, not its own?
    """
    (now, then), limit = week.both, float(getattr(week.limits, check.key))
    edges, n = week.edges(then[0]), len(now[0])
    own = edges if frozen else week.edges(now[0])
    errors = compare_errors(now, then, (own, edges), week.limits.resamples, limit, week.rng)
    change, shown = errors.change, errors.p <= ALPHA
    if not all(math.isfinite(value) for value in change):
        raise NotShown("nothing was measured that could have moved")
    numbers: dict[str, Any] = interval_numbers(change, limit, two_sided=True)
    told = (
        f"{decimal(errors.then, 3)} when accepted, {decimal(errors.now, 3)} now, "
        f"K {bin_count(n, week.limits.bins)}, p {decimal(errors.p, 2)}; "
        f"n {n:,} finds a rise of {decimal(errors.finds, 2)} with 90 %"
    )
    if shown or (-limit < change.lower and change.upper < limit):
        return check.found(shown, n, told, **numbers)
    half = (change.upper - change.lower) / 2
    told += f"; neither a move beyond {limit:g} nor one below it is shown; ask more queries (the interval is"
    return check.cell(Verdict.INCONCLUSIVE, n, note=f"{told} ±{half:.2g})", **numbers)


_BACK = "see what changed since (index, calibrator, libraries); go back to it, or accept it with --write"


@job_check("aece", "change of the error", _BACK)
def aece(check: JobCheck, week: TwoWeeks) -> Cell:
    """Confidences come true by another rate than when the incumbent was accepted."""
    return _moved(check, week, frozen=False)


@job_check("dece", "change of the error", _BACK)
def dece(check: JobCheck, week: TwoWeeks) -> Cell:
    """Confidences come true by another rate, over the bins of those that were usual when it was accepted."""
    return _moved(check, week, frozen=True)


@job_check("brier", "change of the Brier score", base=ToldCheck)
def brier(check: ToldCheck, week: TwoWeeks) -> Cell:
    """Confidences tell right answers from wrong ones less well, or better."""
    new, old = ((confidence - correct) ** 2 for confidence, correct in week.both)
    change, limit = mean_interval(new - old), week.limits.brier
    raised = f"moved by more than {limit:g}" if change.lower > limit or change.upper < -limit else ""
    note = f"{decimal(float(old.mean()), 3)} when accepted, {decimal(float(new.mean()), 3)} now"
    return check.tell(raised, len(new), note, limit=limit, ends=change)


@job_check("reliability_slope", "change of the slope", base=ToldCheck)
def slope(check: ToldCheck, week: TwoWeeks) -> Cell:
    """A higher confidence means less, or more, than it did."""
    (now, then), limit = week.both, week.limits.reliability_slope
    new, old = (reliability_slope(*side, week.edges(then[0])) for side in (now, then))
    raised = f"moved by more than {limit:g}" if abs(new - old) > limit else ""
    note = f"{decimal(old, 3)} when accepted, {decimal(new, 3)} now; 1 is calibrated"
    return check.tell(raised, len(now[0]), note, observed=new - old, limit=limit)


@job_check(
    "alpha", "change of the mixing weight", "lock the release anew, or restore the calibrator that it was judged with"
)
def alpha(check: JobCheck, week: TwoWeeks) -> Cell:
    """Another calibrator serves than the one that was judged, and it mixes curve and steps otherwise."""
    (now, then), limit = week.calibrators, week.limits.alpha
    alpha, was = now["alpha"], then["alpha"]
    curves = sorted(alpha.keys() | was.keys())
    moved = {name: abs(alpha.get(name, math.inf) - was.get(name, math.inf)) for name in curves}
    moved = {name: math.inf if math.isnan(value) else value for name, value in moved.items()}
    worst = max(moved, key=lambda name: moved[name])
    other, broken = now["digest"] != then["digest"], moved[worst] >= limit
    note = f"of {worst}; another calibrator than the accepted one" if other else "the accepted calibrator"
    shown = str(moved[worst]) if math.isinf(moved[worst]) else moved[worst]
    told = WARNING + note if other and not broken else note
    return check.found(broken, len(curves), told, observed=shown, limit=limit)


@job_check("slope_clamp", "rise of the share of clamped slopes", "see what the refit was fitted on")
def slope_clamp(check: JobCheck, week: TwoWeeks) -> Cell:
    """The calibrator was fitted on what does not bend its curves: its slopes are held by the clamp."""
    share, before = (facts["clamped"] / facts["slopes"] for facts in week.calibrators)
    told = f"{share:.0%} of the slopes are held by the clamp, {before:.0%} when accepted"
    n, rise, limit = int(week.calibrator["slopes"]), share - before, week.limits.clamp
    return check.found(rise > limit, n, told, observed=rise, limit=limit)


@job_check(
    "output_clamp",
    "share of answers at the output clamp",
    "confidence has run into its bounds: see which queries, and refit",
)
def output_clamp(check: JobCheck, week: TwoWeeks) -> Cell:
    """Confidence has run into its bounds, and no longer tells those answers apart."""
    held, n, limit = at_clamp(week.now.arm.confidence, week.calibrator), len(week.now), week.limits.clamp
    if not n:
        raise NotShown("no answer was looked at")
    share, broken = rate_interval(held, n), p_rate_above(held, n, limit) < ALPHA
    if broken or share.upper < limit:
        return check.found(broken, n, limit=limit, ends=share)
    note = f"neither above nor below {limit:.0%} is shown; ask more queries"
    return check.cell(Verdict.INCONCLUSIVE, n, note=note, limit=limit, ends=share)


@job_check(
    "merged_bins",
    "merged bins over bins left",
    "confidence takes few values only: see whether the calibrator fell back to steps",
)
def bins_left(check: JobCheck, week: TwoWeeks) -> Cell:
    """Confidence takes few values only, so its errors are told over a handful of bins.

    Over the bins that DECE is told from, which are cut from the accepted confidences.
    """
    limits, (confidence, _), (frozen, _) = week.limits, usable(week.now), usable(week.then or week.now)
    if not len(confidence) or not len(frozen):
        raise NotShown("no answer has a confidence")
    k = bin_count(len(confidence), limits.bins)
    merged, left = merged_bins(confidence, equal_mass_edges(frozen, k), k, limits.least_in_bin)
    share, note = merged / left, f"{merged} of {k} bins were merged, {left} are left"
    broken = share > limits.merged_fail
    if share > limits.merged_warn and not broken:
        note = f"{WARNING}{note}, more than {limits.merged_warn:.0%}"
    return check.found(broken, len(confidence), note, observed=share, limit=limits.merged_fail)


@job_check(
    "score_range",
    "confidences outside [0, 1]",
    "no such number may be served: roll back to the previous calibrator at once",
)
def score_range(check: JobCheck, week: TwoWeeks) -> Cell:
    """Users and the router are given numbers that are no confidence."""
    return check.none_of(len(week.now) - len(usable(week.now)[0]), len(week.now))


@job_check("mask", "answers masked wrongly")
def mask(check: JobCheck, week: TwoWeeks) -> Cell:
    """Answers count as in time that were late, or the other way round: no recall can be trusted."""
    now, late = week.now, week.now.arm.latency_ms > week.sla_ms
    wrong = int(((now.within_sla != ~late) | (late & (now.arm.recall > 0))).sum())
    told = f"the {week.sla_ms:g} ms mask is not applied as the clock says; mend the measuring, trust no recall"
    return check.none_of(wrong, len(now), told)


def _excluded(check: ToldCheck, week: TwoWeeks, p: float, note: str) -> Cell:
    """A test of perfect calibration, which nothing that is fitted passes for ever."""
    alarm, n = week.limits.alarm, len(usable(week.now)[0])
    raised = f"perfect calibration is excluded at {alarm:g}" if p <= alarm else ""
    return check.tell(raised, n if math.isfinite(p) else 0, note, observed=p, limit=alarm)


@job_check("cox", "p-value", base=ToldCheck)
def cox(check: ToldCheck, week: TwoWeeks) -> Cell:
    """Confidences are too high or too low as a whole, or too sure."""
    cox = cox_test(*usable(week.now))
    intercept, slope = decimal(cox.intercept, 3), decimal(cox.slope, 3)
    return _excluded(check, week, cox.p, f"outcomes ask for intercept {intercept} (0) and slope {slope} (1)")


@job_check("kernel", "p-value", base=ToldCheck)
def kernel(check: ToldCheck, week: TwoWeeks) -> Cell:
    """Confidences are off somewhere, in whatever shape."""
    kernel = kernel_test(*usable(week.now), min(week.limits.resamples, 999), week.rng)
    note = f"squared kernel error {decimal(kernel.skce, 3)}, width {decimal(kernel.width, 2)}"
    return _excluded(check, week, kernel.p, note)


CHECKS: tuple[JobCheck, ...] = (
    aece, dece, brier, slope, alpha, slope_clamp, output_clamp, bins_left, score_range,
    mask, cox, kernel,
)  # fmt: skip


def items(jobs: Jobs) -> list[str]:
    """One of each check that is not left out."""
    limits = read_family(jobs.configs, "weekly", drift=DriftLimits).drift
    return [f"{jobs.served(jobs.hero).name}-{check.key}" for check in CHECKS if check.key not in limits.left_out]


def run(jobs: Jobs) -> dict[str, Cell]:
    """Ask what serves, or the hero that is named in its place."""
    limits = read_family(jobs.configs, "weekly", drift=DriftLimits).drift
    return by_name(run_drift(jobs, jobs.probe(jobs.hero), limits, incumbent=not jobs.hero))


def run_drift(jobs: Jobs, probe: Probe, limits: DriftLimits, *, incumbent: bool) -> dict[str, Cell]:
    """Ask, compare, keep. `incumbent` is false where a hero was named: its answers are never accepted."""
    served = probe.served
    queries = asked_queries(limits.queries, probe.collection)
    now = answered(ask_all(probe, queries, jobs.run_id).agg)
    calibrator = served.system_kind.calibrator()
    kept = read_kept(jobs)
    same = kept is not None and kept.facts["config_hash"] == served.config_hash
    then = kept if same and not (jobs.write and incumbent) else None
    week = TwoWeeks(
        limits=limits,
        now=now,
        then=then.answers if then else None,
        calibrator=calibrator,
        accepted_calibrator=then.facts["calibrator"] if then else {},
        sla_ms=served.policy.sla_ms,
        rng=np.random.default_rng(int.from_bytes(hashlib.sha256(f"drift:{served.config_hash}".encode()).digest()[:6])),
    )
    cells = judge_drift(served.name, week)
    sound = not any(cell.verdict is Verdict.RED for cell in cells.values())
    if incumbent and (jobs.write or (sound and not same)):  # none of this configuration were accepted yet
        facts = {
            **jobs.facts,
            "config_hash": served.config_hash,
            "system": served.name,
            "corpus": dict(probe.collection.digests),
            "calibrator": calibrator,
        }
        write_answers(jobs.state / FILE, now, facts)
    jobs.keep("drift", history_rows(probe, now, then.answers if then else now, limits.bins, calibrator))
    return cells


def judge_drift(system: str, week: TwoWeeks) -> dict[str, Cell]:
    """The cell of each check that is not left out."""
    return judge_all((check for check in CHECKS if check.key not in week.limits.left_out), system, week)
