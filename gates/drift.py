"""Has what confidence means changed since the incumbent was accepted? The drift pack's measures and its verdicts.

The same queries are asked every week and compared one by one with the accepted answers (docs/weekly.md):

- AECE: mean |confidence - correct| over equal-mass bins of that week's own confidences, K = min(floor(sqrt N), bins).
- DECE: the same in one pass over bins that are frozen with the accepted answers.
- Both are biased upwards at any N that can be had (.058 at N 800, K 28 for a perfect calibrator), mostly by the same
  amount in both weeks. So a difference is judged, never a value. What is left of the bias pulls it towards 0: what is
  shown to have moved has moved at least so far.
- RED where the difference is beyond its limit and Gaffke's bound shows that the answers moved so far, in the direction
  in which they are off (`p_further_off`): most did not move at all, and a standard deviation of such differences says
  nothing of rare ones. A paired bootstrap's interval is told; GREEN needs all of it within the limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gates.answered import Answered, same_queries
from gates.documents import Document, Share
from gates.job_cells import ALPHA, alarm_cell, change_cell, count_cell, job_cell, not_evidenced
from gates.policy import Count, Name
from gates.statistics.calibration import bin_of, equal_mass_edges, witness_signs
from gates.statistics.decimals import decimal
from gates.statistics.gaffke import tail
from gates.statistics.pvalues import Z95, Interval, mean_interval, p_rate_above, rate_interval
from gates.statistics.recalibration import cox_test, kernel_test
from gates.verdicts import Cell, Verdict

Array = NDArray[np.float64]

Z90 = 1.2815515655446004
TRIED = 1.3  # times the log odds: the over-confidence by which the power of this week's sample is told

CHECKS = (
    *("aece", "dece", "brier", "reliability_slope", "alpha", "slope_clamp", "output_clamp", "merged_bins"),
    *("score_range", "mask", "cox", "kernel"),
)


class Drift(Document):
    """The drift pack: how far what confidence means may move."""

    bins: Annotated[int, Field(ge=2, le=50)]
    aece: Share  # |difference| of the errors
    dece: Share
    brier: Share  # told only
    reliability_slope: Share  # told only
    alpha: Share  # |difference| of the calibrator's mixing weight
    clamp: Share  # of answers at the output clamp; of slopes, more than when accepted
    least_in_bin: Count  # a bin with fewer answers is merged with its neighbour
    merged_warn: Share  # merged bins over those that are left
    merged_fail: Share
    alarm: Share  # p-value of the two tests of perfect calibration, from which down they are told
    resamples: Annotated[int, Field(ge=200)]
    left_out: dict[Name, str] = Field(default={})  # check -> why it is not asked of what serves here


class Errors(NamedTuple):
    """Calibration error of two weeks on the same queries, and their difference."""

    now: float
    then: float
    change: Interval
    p: float  # of "no further off than the limit, on the same queries"; 1 where the change is within it
    finds: float  # the measured rise that would be shown beyond the limit in nine of ten samples


def judge_drift(
    system: str,
    limits: Drift,
    now: Answered,
    then: Answered | None,
    calibrators: tuple[Mapping[str, Any], Mapping[str, Any]],
    sla_ms: float,
    seed: int,
) -> dict[str, Cell]:
    """The cell of each check that is not left out.

    `then` are the accepted answers, None where there are none yet. `calibrators` are the facts of both calibrators as
    fixtures.systems.kinds tells them, {} where a system calls none.
    """
    rng = np.random.default_rng(seed)
    cells = {
        **_compared(system, limits, now, then, rng),
        **_of_calibrator(system, limits, *calibrators),
        **_of_answers(system, limits, now, then, calibrators[0], sla_ms),
        **_alarms(system, limits, now, rng),
    }
    return {check: cells[check] for check in CHECKS if check not in limits.left_out}


def bin_count(n: int, most: int) -> int:
    """K = min(floor(sqrt N), most)."""
    return max(1, min(math.isqrt(n), most))


def compare_errors(
    now: tuple[Array, Array], then: tuple[Array, Array], edges: tuple[Array, Array], limits: Drift, limit: float,
    rng: np.random.Generator,
) -> Errors:  # fmt: skip
    """Errors of (confidence, correct) of the same queries in both weeks, each over its own edges."""
    confidence, correct = now
    odds = np.log(np.clip(confidence, 1e-6, 1 - 1e-6) / (1 - np.clip(confidence, 1e-6, 1 - 1e-6)))
    tried = 1 / (1 + np.exp(-TRIED * odds))
    sums = [
        gap_columns(confidence, correct, edges[0]),
        gap_columns(*then, edges[1]),
        gap_columns(tried, correct, edges[1]),
    ]
    drawn = resampled_errors(sums, limits.resamples, rng)
    here, there = (float(np.abs(s.sum(axis=0)).sum() / len(confidence)) for s in sums[:2])
    unchanged = np.array_equal(sums[0], sums[1])  # then what differs is the rounding of two sums
    half = 0.0 if unchanged else Z95 * float((drawn[:, 0] - drawn[:, 1]).std())
    tried_error = float((drawn[:, 2] - drawn[:, 1]).std())
    change = here - there
    p = 1.0
    if abs(change) > limit:
        one, other, own = (now, then, edges[0]) if change > 0 else (then, now, edges[1])
        p = p_further_off(one, other, own, limit, rng)
    return Errors(here, there, Interval(change, change - half, change + half), p, limit + (Z95 + Z90) * tried_error)


def p_further_off(
    one: tuple[Array, Array], other: tuple[Array, Array], edges: Array, limit: float, rng: np.random.Generator
) -> float:
    """P-value of "in the direction in which `one` is off, it is so by at most `limit` more than `other`".

    A random half of the queries says which direction that is in each bin of `one`, the other half is judged by it.
    """
    (confidence, correct), (confidence_of_other, correct_of_other) = one, other
    asked, judged = np.array_split(rng.permutation(len(confidence)), 2)
    signs = witness_signs(confidence[asked], correct[asked], edges)[bin_of(confidence, edges)]
    further = signs * ((confidence - correct) - (confidence_of_other - correct_of_other))  # within [-2, 2]
    return tail(-further[judged] / 2, limit / 2)


def gap_columns(confidence: Array, correct: Array, edges: Array) -> NDArray[np.float32]:
    """confidence - correct of each answer in the column of its bin, shape (answers, bins)."""
    columns = np.zeros((len(confidence), len(edges) + 1), dtype=np.float32)
    columns[np.arange(len(confidence)), bin_of(confidence, edges)] = confidence - correct
    return columns


def resampled_errors(sums: Sequence[NDArray[np.float32]], draws: int, rng: np.random.Generator) -> Array:
    """Calibration error of each set of columns in resamples of the queries, the same for all; shape (draws, sets)."""
    n = len(sums[0])
    widths = np.cumsum([0, *(s.shape[1] for s in sums)])
    joined = np.concatenate(sums, axis=1)
    errors = np.empty((draws, len(sums)))
    for begun in range(0, draws, 200):  # 200 x 8,000 weights are 6 MB
        end = min(begun + 200, draws)
        weights = np.array([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(begun, end)], np.float32)
        gaps = np.abs(weights @ joined)
        errors[begun:end] = np.add.reduceat(gaps, widths[:-1], axis=1) / n
    return errors


def merged_bins(confidence: Array, edges: Array, bins: int, least: int) -> tuple[int, int]:
    """(bins that were merged into a neighbour, bins that are left) of `bins` wanted ones.

    Equal confidences merge bins when edges are frozen; a bin with fewer than `least` answers joins the one below it.
    """
    count = np.bincount(bin_of(confidence, edges), minlength=len(edges) + 1)
    left, held = 0, 0
    for n in count.tolist():
        held += n
        if held >= least:
            left, held = left + 1, 0
    left = max(left, 1)  # what is over joins the last one
    return bins - left, left


def reliability_slope(confidence: Array, correct: Array, edges: Array) -> float:
    """Slope of the unweighted regression of the bins' accuracy on their mean confidence; NaN with one bin."""
    at, k = bin_of(confidence, edges), len(edges) + 1
    n = np.bincount(at, minlength=k)
    filled = n > 0
    x, y = (np.bincount(at, values, k)[filled] / n[filled] for values in (confidence, correct))
    spread = float(((x - x.mean()) ** 2).sum())
    return float(((x - x.mean()) * (y - y.mean())).sum() / spread) if spread > 0 else math.nan


def _compared(
    system: str, limits: Drift, now: Answered, then: Answered | None, rng: np.random.Generator
) -> dict[str, Cell]:
    checks = ("aece", "dece", "brier", "reliability_slope")
    if then is None:
        why = "no answers of this configuration are accepted yet; these are from now on, the next run is compared"
        return {check: not_evidenced(system, check, why) for check in checks}
    here, there = (_usable(side) for side in same_queries(now, then))
    here, there = same_queries(here, there)
    n, least = len(here), 10 * limits.bins
    if n < least:
        why = (
            f"{n} queries were answered with a confidence in both weeks, but {least} are needed: "
            "was the corpus changed? accept the new state with --write"
        )
        return {check: not_evidenced(system, check, why) for check in checks}
    k = bin_count(n, limits.bins)
    new, old = ((side.arm.confidence, side.arm.correct) for side in (here, there))
    frozen = equal_mass_edges(old[0], k)
    return {
        "aece": _error_cell(
            system, "aece", compare_errors(new, old, (equal_mass_edges(new[0], k), frozen), limits, limits.aece, rng),
            limits.aece, n, k,
        ),
        "dece": _error_cell(
            system, "dece", compare_errors(new, old, (frozen, frozen), limits, limits.dece, rng), limits.dece, n, k
        ),
        "brier": _brier(system, limits, new, old),
        "reliability_slope": _slope(system, limits, new, old, frozen),
    }  # fmt: skip


def _usable(side: Answered) -> Answered:
    """Answers with a confidence that is one."""
    held = (side.arm.confidence >= 0) & (side.arm.confidence <= 1)
    return side.rows(np.flatnonzero(held))


def _error_cell(system: str, check: str, found: Errors, limit: float, n: int, k: int) -> Cell:
    way_out = "see what changed since (index, calibrator, libraries); go back to it, or accept it with --write"
    shown = found.p <= ALPHA
    cell = change_cell(system, check, found.change, limit, n, shown=shown, unit="change of the error", red=way_out)
    told = (
        f"{decimal(found.then, 3)} when accepted, {decimal(found.now, 3)} now, K {k}, p {decimal(found.p, 2)}; "
        f"n {n:,} finds a rise of {decimal(found.finds, 2)} with 90 %"
    )
    return _with_note(cell, told)


def _brier(system: str, limits: Drift, new: tuple[Array, Array], old: tuple[Array, Array]) -> Cell:
    scores = [(confidence - correct) ** 2 for confidence, correct in (new, old)]
    change = mean_interval(scores[0] - scores[1])
    moved = change.lower > limits.brier or change.upper < -limits.brier
    return alarm_cell(
        system, "brier", f"moved by more than {limits.brier:g}" if moved else "", len(scores[0]),
        unit="change of the Brier score", observed=change.value, limit=limits.brier,
        ci_lower=change.lower, ci_upper=change.upper,
        note=f"{decimal(float(scores[1].mean()), 3)} when accepted, {decimal(float(scores[0].mean()), 3)} now",
    )  # fmt: skip


def _slope(system: str, limits: Drift, new: tuple[Array, Array], old: tuple[Array, Array], edges: Array) -> Cell:
    slopes = [reliability_slope(*side, edges) for side in (new, old)]
    change = slopes[0] - slopes[1]
    return alarm_cell(
        system, "reliability_slope",
        f"moved by more than {limits.reliability_slope:g}" if abs(change) > limits.reliability_slope else "",
        len(new[0]), unit="change of the slope", observed=change, limit=limits.reliability_slope,
        note=f"{decimal(slopes[1], 3)} when accepted, {decimal(slopes[0], 3)} now; 1 is calibrated",
    )  # fmt: skip


def _of_calibrator(system: str, limits: Drift, now: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Cell]:
    if not now or not then:
        why = "what serves calls no calibrator" if not now else "no calibrator is accepted yet; this one is from now on"
        return {check: not_evidenced(system, check, why) for check in ("alpha", "slope_clamp")}
    alpha, was = now["alpha"], then["alpha"]
    curves = sorted(alpha.keys() | was.keys())
    moved = {name: abs(alpha.get(name, math.inf) - was.get(name, math.inf)) for name in curves}
    moved = {name: math.inf if math.isnan(value) else value for name, value in moved.items()}
    worst = max(moved, key=lambda name: moved[name])
    n, share, before = int(now["slopes"]), now["clamped"] / now["slopes"], then["clamped"] / then["slopes"]
    other = now["digest"] != then["digest"]
    note = f"of {worst}; another calibrator than the accepted one" if other else "the accepted calibrator"
    red = "; lock the release anew, or restore the calibrator that it was judged with"
    broken = moved[worst] >= limits.alpha
    shown = str(moved[worst]) if math.isinf(moved[worst]) else decimal(moved[worst])
    rise = share - before
    return {
        "alpha": job_cell(
            system, "alpha", Verdict.RED if broken else Verdict.GREEN, len(curves), unit="change of the mixing weight",
            observed=shown, limit=decimal(limits.alpha),
            note=(note + red if broken else f"warning: {note}" if other else note),
        ),
        "slope_clamp": job_cell(
            system, "slope_clamp", Verdict.RED if rise > limits.clamp else Verdict.GREEN, n,
            unit="rise of the share of clamped slopes", observed=decimal(rise), limit=decimal(limits.clamp),
            note=f"{share:.0%} of the slopes are held by the clamp, {before:.0%} when accepted"
            + ("; see what the refit was fitted on" if rise > limits.clamp else ""),
        ),
    }  # fmt: skip


def _of_answers(
    system: str, limits: Drift, now: Answered, then: Answered | None, calibrator: Mapping[str, Any], sla_ms: float
) -> dict[str, Cell]:
    confidence, n = now.arm.confidence, len(now)
    low, high = calibrator.get("held_within", (0.0, 1.0))
    outside = int((~((confidence >= 0) & (confidence <= 1))).sum())
    at_clamp = int(((confidence <= low) | (confidence >= high)).sum())
    late = now.arm.latency_ms > sla_ms
    masked_wrongly = int(((now.within_sla != ~late) | (late & (now.arm.recall > 0))).sum())
    return {
        "output_clamp": _output_clamp(system, limits, at_clamp, n),
        "merged_bins": _merged(system, limits, _usable(now).arm.confidence, _usable(then or now).arm.confidence),
        "score_range": count_cell(
            system, "score_range", outside, n, unit="confidences outside [0, 1]",
            red="no such number may be served: roll back to the previous calibrator at once",
        ),
        "mask": count_cell(
            system, "mask", masked_wrongly, n, unit="answers masked wrongly",
            red=f"the {sla_ms:g} ms mask is not applied as the clock says; mend the measuring, trust no recall",
        ),
    }  # fmt: skip


def _output_clamp(system: str, limits: Drift, held: int, n: int) -> Cell:
    if not n:
        return not_evidenced(system, "output_clamp", "no answer was looked at")
    share = rate_interval(held, n)
    broken = p_rate_above(held, n, limits.clamp) < ALPHA
    fine = share.upper < limits.clamp
    note = "confidence has run into its bounds: see which queries, and refit" if broken else ""
    if not broken and not fine:
        note = f"neither above nor below {limits.clamp:.0%} is shown; ask more queries"
    return job_cell(
        system, "output_clamp", Verdict.RED if broken else Verdict.GREEN if fine else Verdict.INCONCLUSIVE, n,
        unit="share of answers at the output clamp", observed=decimal(share.value), limit=decimal(limits.clamp),
        ci_lower=decimal(share.lower), ci_upper=decimal(share.upper), note=note,
    )  # fmt: skip


def _merged(system: str, limits: Drift, confidence: Array, frozen: Array) -> Cell:
    """Over the bins that DECE is told from: `frozen` are the confidences they were cut from."""
    if not len(confidence) or not len(frozen):
        return not_evidenced(system, "merged_bins", "no answer has a confidence")
    k = bin_count(len(confidence), limits.bins)
    merged, left = merged_bins(confidence, equal_mass_edges(frozen, k), k, limits.least_in_bin)
    share = merged / left
    note = f"{merged} of {k} bins were merged, {left} are left"
    if share > limits.merged_fail:
        note += "; confidence takes few values only: see whether the calibrator fell back to steps"
    elif share > limits.merged_warn:
        note = f"warning: {note}, more than {limits.merged_warn:.0%}"
    return job_cell(
        system, "merged_bins", Verdict.RED if share > limits.merged_fail else Verdict.GREEN, len(confidence),
        unit="merged bins over bins left", observed=decimal(share), limit=decimal(limits.merged_fail), note=note,
    )  # fmt: skip


def _alarms(system: str, limits: Drift, now: Answered, rng: np.random.Generator) -> dict[str, Cell]:
    side = _usable(now)
    n, (confidence, correct) = len(side), (side.arm.confidence, side.arm.correct)
    cox, kernel = cox_test(confidence, correct), kernel_test(confidence, correct, min(limits.resamples, 999), rng)
    said = f"perfect calibration is excluded at {limits.alarm:g}"
    return {
        "cox": alarm_cell(
            system, "cox", said if cox.p <= limits.alarm else "", n if math.isfinite(cox.p) else 0, unit="p-value",
            observed=cox.p, limit=limits.alarm,
            note=f"outcomes ask for intercept {decimal(cox.intercept, 3)} (0) and slope {decimal(cox.slope, 3)} (1)",
        ),
        "kernel": alarm_cell(
            system, "kernel", said if kernel.p <= limits.alarm else "", n if math.isfinite(kernel.p) else 0,
            unit="p-value", observed=kernel.p, limit=limits.alarm,
            note=f"squared kernel error {decimal(kernel.skce, 3)}, width {decimal(kernel.width, 2)}",
        ),
    }  # fmt: skip


def _with_note(cell: Cell, told: str) -> Cell:
    return replace(cell, note=f"{told}; {cell.note}" if cell.note else told)
