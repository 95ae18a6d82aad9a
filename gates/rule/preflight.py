"""Is the incumbent itself within the absolute limits, and what does the canary measure against?

The baseline alone answers the preflight queries (calibration part, never used by the canary). They fix the canary's
constants, and an incumbent that is shown out of a limit holds the release: no hero can be judged against it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gates.checks.file_credit import FileCreditShare
from gates.checks.forms import net_ms
from gates.checks.question import Constants, flag
from gates.errors import EvidenceError
from gates.pairs import Arm
from gates.policy import Policy
from gates.statistics import pvalues
from gates.statistics.calibration import equal_mass_edges, witness, witness_signs
from gates.statistics.decimals import decimal, evidence_text
from gates.statistics.eprocess import RATIOS_ABOVE, bet, bet_rate, log_evidence
from gates.verdicts import Cell, Kind, Verdict

SLICE_BINS, ENOUGH = 4, 200  # bins of the confidence on an intent, and baseline answers on it that fix their edges


def fix_constants(policy: Policy, arm: Arm, intent: NDArray[np.int8], seed: int) -> Constants:
    """The canary's constants from the baseline's preflight answers; NaN and no bins where the input is missing.

    `intent` is each query's position in the policy's intents.
    """
    if not len(arm):
        raise EvidenceError("0 preflight answers, but the constants need some; the collection has no calibration part")
    has_confidence = bool(np.isfinite(arm.confidence).all())
    edges = equal_mass_edges(arm.confidence, policy.gates.aece_tau.bins) if has_confidence else np.array([])
    signs = witness_signs(arm.confidence, arm.correct, edges) if has_confidence else np.array([])

    def slice_edges(i: int) -> tuple[float, ...]:
        own = arm.confidence[intent == i]
        at = own if len(own) >= ENOUGH else arm.confidence
        return tuple(equal_mass_edges(at, SLICE_BINS).tolist()) if has_confidence else ()

    return Constants(
        median_confidence=float(np.median(arm.confidence)),
        baseline_ms=tuple(np.sort(net_ms(arm)).tolist()),
        bin_edges=tuple(edges.tolist()),
        signs=tuple(signs.tolist()),
        slice_edges=tuple(slice_edges(i) for i in range(len(policy.slices.intents))),
        sla_ms=policy.gates.sla_recall_at_50_delta.sla_ms,
        seed=seed,
    )


def judge_preflight(hero: str, policy: Policy, arm: Arm, constants: Constants, missing: Mapping[str, str]) -> Cell:
    """GREEN when the baseline answers in time and nothing absolute is shown broken; RED names what is out of limits."""
    need = math.log(1 / policy.error_rates.green)
    gates, guards = policy.gates, policy.guards
    asked = {c for c in (*policy.asked_gates, *policy.asked_guards) if c not in missing}
    late_share = 1 - guards.within_sla.share
    late = flag(arm.latency_ms > guards.within_sla.sla_ms)
    late_net = flag(net_ms(arm) > guards.within_sla.sla_ms)
    over = flag(arm.calibrator_ms - arm.wait_ms > gates.calibrator_p99.limit_ms)
    broken = {"errors": log_evidence(bet_rate(arm.error, max(guards.errors.rate, 0.01), RATIOS_ABOVE))}
    shown = {}
    if "calibrator_p99" in asked:
        broken["calibrator_p99"] = log_evidence(bet_rate(over, gates.calibrator_p99.share, RATIOS_ABOVE))
    if "within_sla" in asked:
        broken["within_sla"] = log_evidence(bet(late_net - late_share))
        shown["within_sla"] = log_evidence(bet(late_share - late))
    if "file_credit" in asked:
        credit = FileCreditShare(limit=guards.file_credit.limit, margin=guards.file_credit.margin)
        broken["file_credit"] = log_evidence(bet(credit.excess(arm)))
    if "aece_tau" in asked:
        half = len(arm) // 2  # the signs must come from earlier answers than those they are tried on
        edges = np.array(constants.bin_edges)
        signs = witness_signs(arm.confidence[:half], arm.correct[:half], edges)
        later = witness(arm.confidence[half:], arm.correct[half:], edges, signs, gates.aece_tau.red_above)
        broken["aece_tau"] = log_evidence(bet(later))
    out = [check for check, log_e in broken.items() if log_e >= need]
    unproven = [check for check, log_e in shown.items() if log_e < need]
    verdict = Verdict.RED if out else Verdict.INCONCLUSIVE if unproven else Verdict.GREEN
    note = f"incumbent out of limits: {', '.join(out)}" if out else ""
    if not out and unproven:
        note = f"not shown within limits: {', '.join(unproven)}"
    in_time = "within_sla" in asked
    counted, limit = (late, late_share) if in_time else (arm.error, guards.errors.rate)
    share = pvalues.rate_interval(int(counted.sum()), len(counted))
    return Cell(
        hero=hero,
        step=0,
        check="preflight",
        kind=Kind.INSTRUMENT,
        verdict=verdict,
        required="green",
        on_red=policy.on_red("preflight"),
        unit="share late" if in_time else "share of errors",
        observed=decimal(share.value),
        limit=decimal(limit),
        headroom=decimal((limit - share.upper) / limit, 3),
        ci_lower=decimal(share.lower),
        ci_upper=decimal(share.upper),
        n=len(arm),
        windows=0,
        e_red=evidence_text(max(broken.values())),
        e_red_needed=evidence_text(need),
        e_green=evidence_text(min(shown.values())) if shown else "",
        e_green_needed=evidence_text(need),
        note=note,
    )
