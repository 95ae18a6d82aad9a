"""How much more evidence might it take to decide?"""

from __future__ import annotations

import math

from gates.checks.check import number_of
from gates.names import check_name
from gates.release import Outcome
from gates.verdicts import Cell, Kind, Verdict


def to_decide(outcome: Outcome, focus: Cell | None) -> tuple[str, int]:
    """How many more pairs may decide, in words, and which --max-windows asks for them; ("", 0) if unknown.

    It speaks over all checks that were open where the climb ended: the slowest of them decides. A bet's evidence grows
    by about the same factor with every pair; an interval shrinks with the root of the pairs. No windows are named where
    the queries end before, and nothing by the letter: a point does not come closer.
    """
    policy, climbed = outcome.subject.policy, outcome.climbed
    open_ = _open(outcome, focus) if focus is not None and policy.mode != "letter" else []
    if not open_:
        return "", 0
    slowest = max(open_, key=_pairs_missing)
    more, name = _pairs_missing(slowest), check_name(slowest.check, slowest.unit)
    others = f" of {len(open_)} open" if len(open_) > 1 else ""
    if not math.isfinite(more):
        measured = f"{name.show(slowest.observed)} measured, limit {name.show(slowest.limit)}"
        return f"unknown: evidence that {name.label}{others} holds has not grown so far; {measured}", 0
    window, steps = policy.ladder.window, len(policy.ladder.steps)
    windows = max(1, math.ceil(more / window))
    more = max(window, round(more, -2))
    unused, speed = climbed.unused_queries, number_of(climbed.pairs_per_second)
    seconds = f", {more / speed:.0f} s" if speed > 0 else ""
    about = "at most about" if slowest.n > slowest.windows * window else "about"
    which = f" ({name.label}, the slowest{others})" if others else ""
    words = f"{about} {more:,.0f} more pairs{seconds}{which}; {unused:,} unused queries are left"
    if more > unused:
        return f"{words}: too few to decide this hero", 0
    # a step may use as many as it needs, and all steps together so many times their number
    in_this_step = climbed.steps[-1].windows if climbed.steps else 0
    in_all = math.ceil((climbed.windows + windows) / steps)
    return words, max(policy.ladder.max_windows, in_this_step + windows, in_all)


def _open(outcome: Outcome, focus: Cell) -> list[Cell]:
    """What was asked where the climb ended and must be shown to hold, but is not; none where that is not the cause."""
    if focus.verdict is not Verdict.INCONCLUSIVE or not focus.n or focus.kind is Kind.SANITY:
        return []
    top = outcome.subject.policy.ladder.steps[-1]
    last = focus.step in (0, top)  # guards must be shown at the top alone
    cells = [focus if c.key == focus.key else c for c in outcome.cells]
    at = focus.step or top
    asked = [c for c in cells if c.step == at or (last and c.kind in (Kind.GUARD, Kind.INSTRUMENT))]
    return [c for c in asked if c.verdict is Verdict.INCONCLUSIVE and c.required == "green" and c.n and c.e_red_needed]


def _pairs_missing(cell: Cell) -> float:
    """How many more pairs this check may need until it is shown to hold; infinite where it does not get there.

    Recall at the last step must be shown over the step and over the canary. The cell does not say which of the two is
    behind; over the canary's pairs the result is the most that either can need.
    """
    e, needed = number_of(cell.e_green), number_of(cell.e_green_needed)
    if math.isfinite(e) and math.isfinite(needed):
        if e <= 1.05:  # no growth so far: nothing to go by
            return math.inf
        return max(0.0, cell.n * (math.log(needed) / math.log(e) - 1))
    observed, limit, upper = number_of(cell.observed), number_of(cell.limit), number_of(cell.ci_upper)
    if not observed < limit or not math.isfinite(upper):
        return math.inf
    return max(0.0, cell.n * (((upper - observed) / (limit - observed)) ** 2 - 1))
