"""What is judged before the climb: is the battery sound, and is the incumbent itself within the absolute limits?

The baseline alone answers the preflight queries (calibration part, never used by the canary). They fix the canary's
constants, and an incumbent that is shown out of a limit holds the release: no hero can be judged against it.
"""

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gates.checks.battery import SanityCheck, SanityFacts, Snapshot
from gates.checks.forms import Count, net_ms
from gates.checks.preflight import PreflightCheck
from gates.checks.question import Constants
from gates.errors import EvidenceError
from gates.pairs import Arm
from gates.policy import Policy
from gates.rule.questions import asked_checks
from gates.statistics.calibration import equal_mass_edges, witness_signs
from gates.statistics.decimals import evidence_text, interval_numbers
from gates.statistics.eprocess import log_evidence
from gates.verdicts import Cell, Kind, Verdict

SLICE_BINS, ENOUGH = 4, 200  # bins of the confidence on an intent, and baseline answers on it that fix their edges


def judge_battery(
    hero: str, policy: Policy, snapshot: Snapshot, facts: SanityFacts, missing: Mapping[str, str]
) -> dict[str, Cell]:
    """By check. `missing`: check -> why its input is not there."""
    cells = {}
    for key in policy.asked(Kind.SANITY):
        check, limits = policy.check(key).check, policy.check(key).limits
        if isinstance(check, SanityCheck):
            cells[key] = check.judge(hero, limits, snapshot, facts, policy.sla_ms, missing.get(key, ""))
    return cells


def fix_constants(policy: Policy, arm: Arm, intent: NDArray[np.int8], seed: int) -> Constants:
    """The canary's constants from the baseline's preflight answers; NaN and no bins where the input is missing.

    `intent` is each query's position in the policy's intents.
    """
    if not len(arm):
        raise EvidenceError("0 preflight answers, but the constants need some; the collection has no calibration part")
    has_confidence = bool(np.isfinite(arm.confidence).all())
    edges = equal_mass_edges(arm.confidence, policy.bins) if has_confidence else np.array([])
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
        sla_ms=policy.sla_ms,
        seed=seed,
        before={name: tuple(np.sort(values).tolist()) for name, values in arm.more.items()},
    )


def judge_preflight(hero: str, policy: Policy, arm: Arm, constants: Constants, missing: Mapping[str, str]) -> Cell:
    """GREEN when the baseline answers in time and nothing absolute is shown broken; RED names what is out of limits."""
    need = math.log(1 / policy.error_rates.green)
    asked = {a.head.check: a for a in asked_checks(policy, constants, Kind.GATE, Kind.GUARD)}
    tried = {check: a.form.alone(arm, constants) for check, a in asked.items() if check not in missing}
    found = {check: alone for check, alone in tried.items() if alone is not None}
    broken = {check: log_evidence(alone.broken) for check, alone in found.items()}
    shown = {check: log_evidence(alone.shown) for check, alone in found.items() if alone.shown is not None}
    out = [check for check, log_e in broken.items() if log_e >= need]
    unproven = [check for check, log_e in shown.items() if log_e < need]
    verdict = Verdict.RED if out else Verdict.INCONCLUSIVE if unproven or not found else Verdict.GREEN
    cell = partial(PreflightCheck().before_climb, hero, policy.on_red(PreflightCheck.key), verdict, n=len(arm))
    if not found:
        return cell(note="no absolute limit is asked of the incumbent")
    note = f"incumbent out of limits: {', '.join(out)}" if out else ""
    if not out and unproven:
        note = f"not shown within limits: {', '.join(unproven)}"
    counts = (check for check in found if isinstance(asked[check].form, Count))
    told = found[[*shown, *counts, *found][0]]
    return cell(
        **interval_numbers(told.told, told.limit),
        unit=told.unit,
        e_red=evidence_text(max(broken.values())),
        e_red_needed=evidence_text(need),
        e_green=evidence_text(min(shown.values())) if shown else "",
        e_green_needed=evidence_text(need),
        note=note,
    )
