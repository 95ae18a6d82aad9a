"""Are the answers of what serves such as no working search gives? The weekly tripwires, on every suite and intent.

- leak: hits in the right file whose lines are not the judged ones, as a share of all credited hits. A scorer that
  lets them pass as finds cannot trip this one; ours grades them 0 and counts them (evidence/measures.py). Queries
  vary, not credits: each is one value of Gaffke's bound (gates/statistics/gaffke.py).
- flatline: Var(nDCG@10) = 0, the original rule. It is met by answers that are all alike, and by nothing else.
- spread: Var(nDCG@10) > 1e-4 and range >= .02, the stronger rule: a flatline with noise on it is one, too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gates.answered import Answered
from gates.checks.file_credit import DEPTH
from gates.documents import Document, Share
from gates.job_cells import ALPHA, WARNING, job_cell, not_evidenced
from gates.pairs import Arm
from gates.policy import Count, Name
from gates.statistics.decimals import decimal
from gates.statistics.gaffke import tail
from gates.statistics.pvalues import Interval, ratio_interval
from gates.verdicts import Cell, Verdict

CHECKS = ("leak", "flatline", "spread")
ROLLBACK = "rollback"  # what a RED of a tripwire asks for, alone and at once
_SHOWN = 3


class Tripwires(Document):
    """The tripwires: RED of one of them alone rolls back at once."""

    leak: Share  # of file credits among all credits
    variance: Share  # of nDCG@10, at most this is flat
    range: Share  # of nDCG@10, below this is flat
    least: Count  # queries of a suite or intent
    left_out: dict[Name, str] = Field(default={})  # check -> why it is not asked of what serves here


def judge_tripwires(system: str, limits: Tripwires, answered: Answered) -> dict[str, Cell]:
    """The cell of each tripwire: the worst suite or intent decides, and each that is broken is named."""
    slices = answered.slices()
    small = {name: len(at) for name, at in slices.items() if len(at) < limits.least}
    if small or not slices:
        told = ", ".join(f"{name} {n}" for name, n in small.items()) or "no queries at all"
        why = f"{told}, but each suite and intent needs {limits.least:,} queries; ask more of them"
        return {check: not_evidenced(system, check, why, ROLLBACK) for check in CHECKS if check not in limits.left_out}
    cells = {
        "leak": _leak(system, limits, answered, slices),
        "flatline": _flatline(system, limits, answered, slices),
        "spread": _spread(system, limits, answered, slices),
    }
    return {check: cells[check] for check in CHECKS if check not in limits.left_out}


Slices = Mapping[str, NDArray[np.intp]]


def _leak(system: str, limits: Tripwires, answered: Answered, slices: Slices) -> Cell:
    arm = answered.arm
    shares = {name: ratio_interval(arm.file_credits[at], arm.credits[at]) for name, at in slices.items()}
    silent = [name for name, share in shares.items() if not np.isfinite(share.value)]
    if silent:
        why = f"no answer of {', '.join(silent)} earns any credit; see what is served"
        return not_evidenced(system, "leak", why, ROLLBACK)
    p = {name: p_share_at_most(limits.leak, arm.rows(at)) for name, at in slices.items()}
    broken = [name for name in shares if p[name] <= ALPHA]
    worst = min(shares, key=lambda name: (p[name], -shares[name].value))
    share: Interval = shares[worst]
    above = [name for name, share in shares.items() if share.value > limits.leak]
    fine = f"{WARNING}above the limit, but not shown to be: {_some(above)}" if above else f"the most is of {worst}"
    red = f"{_some(broken)}, p {decimal(p[worst], 2)}: answers point beside the code; "
    red += "roll back at once, and build the index again"
    return job_cell(
        system, "leak", Verdict.RED if broken else Verdict.GREEN, len(slices[worst]), unit="share of file credits",
        observed=decimal(share.value), limit=decimal(limits.leak), ci_lower=decimal(share.lower),
        ci_upper=decimal(share.upper), note=red if broken else fine, on_red=ROLLBACK,
    )  # fmt: skip


def p_share_at_most(limit: float, arm: Arm) -> float:
    """P-value of "file credits are at most `limit` of all credits".

    Each answer is filled up to the most credits there can be, `limit` of the added ones being of the file: the mean
    share is then above `limit` exactly where the ratio of sums is, and the worst answer is known.
    """
    share = (arm.file_credits + limit * (DEPTH - arm.credits)) / DEPTH
    return tail(1 - share, limit - 1)


def _flatline(system: str, limits: Tripwires, answered: Answered, slices: Slices) -> Cell:
    # by the range: rounding gives 800 equal numbers a variance of 1e-32
    variance = {
        n: float(answered.arm.ndcg[at].var()) if np.ptp(answered.arm.ndcg[at]) else 0.0 for n, at in slices.items()
    }
    broken = [name for name, value in variance.items() if not value > 0]
    worst = min(variance, key=lambda name: variance[name])
    red = f"{_some(broken)}: every answer is as good as every other; roll back at once, and see what is measured"
    return job_cell(
        system, "flatline", Verdict.RED if broken else Verdict.GREEN, len(slices[worst]),
        unit="variance of nDCG@10, must be above the limit", observed=decimal(variance[worst]), limit="0",
        note=red if broken else f"the least is of {worst}", on_red=ROLLBACK,
    )  # fmt: skip


def _spread(system: str, limits: Tripwires, answered: Answered, slices: Slices) -> Cell:
    found = {name: answered.arm.ndcg[at] for name, at in slices.items()}
    variance = {name: float(values.var()) for name, values in found.items()}
    reach = {name: float(np.ptp(values)) for name, values in found.items()}
    broken = [name for name in found if not (variance[name] > limits.variance and reach[name] >= limits.range)]
    worst = min(variance, key=lambda name: variance[name])
    told = f"of {worst}, where the range is {decimal(reach[worst], 3)} (at least {limits.range:g})"
    red = f"{told}; {_some(broken)}: hardly an answer differs from another; roll back at once, and see what is measured"
    return job_cell(
        system, "spread", Verdict.RED if broken else Verdict.GREEN, len(slices[worst]),
        unit="variance of nDCG@10, must be above the limit", observed=decimal(variance[worst]),
        limit=decimal(limits.variance), note=red if broken else told, on_red=ROLLBACK,
    )  # fmt: skip


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
