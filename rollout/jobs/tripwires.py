"""Are the answers of what serves such as no working search gives? The weekly tripwires, on every suite and intent.

- leak: hits in the right file whose lines are not the judged ones, as a share of all credited hits. A scorer that
  lets them pass as finds cannot trip this one; ours grades them 0 and counts them (evidence/measures.py). Queries
  vary, not credits: each is one value of Gaffke's bound (gates/statistics/gaffke.py).
- flatline: Var(nDCG@10) = 0, the original rule. It is met by answers that are all alike, and by nothing else.
- spread: Var(nDCG@10) > 1e-4 and range >= .02, the stronger rule: a flatline with noise on it is one, too.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gates.checks.battery import some
from gates.checks.measures import DEPTH
from gates.documents import AtMost, Document
from gates.pairs import Arm
from gates.policy import Count, Name
from gates.statistics.decimals import decimal
from gates.statistics.gaffke import tail
from gates.statistics.pvalues import ratio_interval
from gates.verdicts import Cell
from rollout.answered import Answered
from rollout.columns import answered
from rollout.jobs.check import ALPHA, WARNING, JobCheck, NotShown, job_check, judge_all
from rollout.jobs.draw import WeeklyQueries, ask_suites
from rollout.jobs.job import Jobs, by_name
from rollout.jobs.settings import read_family


class TripwireLimits(Document):
    """The tripwires: RED of one of them alone rolls back at once."""

    leak: AtMost  # of file credits among all credits
    variance: AtMost  # of nDCG@10, at most this is flat
    range: AtMost  # of nDCG@10, below this is flat
    least: Count  # queries of a suite or intent
    left_out: dict[Name, str] = Field(default={})  # check -> why it is not asked of what serves here


class Sliced(NamedTuple):
    """The answers of a system, and the rows of each suite and intent. The worst one decides, all broken are named."""

    limits: TripwireLimits
    arm: Arm
    slices: Mapping[str, NDArray[np.intp]]


def enough(found: Sliced) -> None:
    """Raises NotShown unless each suite and intent has answers enough."""
    least = found.limits.least
    small = {name: len(at) for name, at in found.slices.items() if len(at) < least}
    if small or not found.slices:
        told = ", ".join(f"{name} {n}" for name, n in small.items()) or "no queries at all"
        raise NotShown(f"{told}, but each suite and intent needs {least:,} queries; ask more of them")


@job_check("leak", "share of file credits", "roll back at once, and build the index again", on_red="rollback")
def leak(check: JobCheck, found: Sliced) -> Cell:
    """Users are sent beside the code: into the right file, to lines that are not the judged ones."""
    enough(found)
    arm, limit = found.arm, found.limits.leak
    shares = {name: ratio_interval(arm.file_credits[at], arm.credits[at]) for name, at in found.slices.items()}
    if silent := [name for name, share in shares.items() if not np.isfinite(share.value)]:
        raise NotShown(f"no answer of {', '.join(silent)} earns any credit; see what is served")
    p = {name: p_share_at_most(limit, arm.rows(at)) for name, at in found.slices.items()}
    broken = [name for name in shares if p[name] <= ALPHA]
    worst = min(shares, key=lambda name: (p[name], -shares[name].value))
    above = [name for name, share in shares.items() if share.value > limit]
    told = f"the most is of {worst}"
    if broken:
        told = f"{some(broken)}, p {decimal(p[worst], 2)}: answers point beside the code"
    elif above:
        told = f"{WARNING}above the limit, but not shown to be: {some(above)}"
    return check.found(broken, len(found.slices[worst]), told, limit=limit, ends=shares[worst])


@job_check(
    "flatline",
    "variance of nDCG@10, must be above the limit",
    "roll back at once, and see what is measured",
    on_red="rollback",
)
def flatline(check: JobCheck, found: Sliced) -> Cell:
    """Users are served one and the same answer, or what measures them is broken."""
    enough(found)
    # by the range: rounding gives 800 equal numbers a variance of 1e-32
    ndcg = {name: found.arm.ndcg[at] for name, at in found.slices.items()}
    variance = {name: float(values.var()) if np.ptp(values) else 0.0 for name, values in ndcg.items()}
    broken = [name for name, value in variance.items() if not value > 0]
    worst = min(variance, key=lambda name: variance[name])
    told = f"{some(broken)}: every answer is as good as every other" if broken else f"the least is of {worst}"
    return check.found(broken, len(ndcg[worst]), told, observed=variance[worst], limit="0")


@job_check("spread", flatline.unit, flatline.way_out, on_red="rollback")
def spread(check: JobCheck, found: Sliced) -> Cell:
    """The same with a little noise on it."""
    enough(found)
    ndcg, limits = {name: found.arm.ndcg[at] for name, at in found.slices.items()}, found.limits
    variance = {name: float(values.var()) for name, values in ndcg.items()}
    reach = {name: float(np.ptp(values)) for name, values in ndcg.items()}
    broken = [name for name in ndcg if not (variance[name] > limits.variance and reach[name] >= limits.range)]
    worst = min(variance, key=lambda name: variance[name])
    told = f"of {worst}, where the range is {decimal(reach[worst], 3)} (at least {limits.range:g})"
    if broken:
        told += f"; {some(broken)}: hardly an answer differs from another"
    return check.found(broken, len(ndcg[worst]), told, observed=variance[worst], limit=limits.variance)


CHECKS = (leak, flatline, spread)


def items(jobs: Jobs) -> list[str]:
    """One of each check that is not left out."""
    out = read_family(jobs.configs, "weekly", tripwires=TripwireLimits).tripwires.left_out
    return [f"{jobs.served(jobs.hero).name}-{check.key}" for check in CHECKS if check.key not in out]


def run(jobs: Jobs) -> dict[str, Cell]:
    """Ask what serves, or the hero that is named in its place."""
    weekly = read_family(jobs.configs, "weekly", suites=WeeklyQueries, tripwires=TripwireLimits)
    found = answered(ask_suites(jobs, jobs.hero, weekly.suites).agg)
    return by_name(judge_tripwires(jobs.served(jobs.hero).name, weekly.tripwires, found))


def judge_tripwires(system: str, limits: TripwireLimits, found: Answered) -> dict[str, Cell]:
    """The cell of each tripwire that is not left out."""
    asked = [check for check in CHECKS if check.key not in limits.left_out]
    return judge_all(asked, system, Sliced(limits, found.arm, found.slices()))


def p_share_at_most(limit: float, arm: Arm) -> float:
    """P-value of "file credits are at most `limit` of all credits".

    Each answer is filled up to the most credits there can be, `limit` of the added ones being of the file: the mean
    share is then above `limit` exactly where the ratio of sums is, and the worst answer is known.
    """
    share = (arm.file_credits + limit * (DEPTH - arm.credits)) / DEPTH
    return tail(1 - share, limit - 1)
