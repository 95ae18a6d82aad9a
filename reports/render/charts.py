"""Where do the lines of a check's picture run: value, interval, limit and evidence over the windows of a climb?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gates.checks.check import number_of
from gates.rule.climbed import ClimbedStep
from gates.verdicts import Cell
from reports.model.checks import Row
from reports.model.labels import evidence_words, mark

WIDTH, TOP, BOTTOM = 320, 18, 100  # of the upper part, in units of the picture
UPPER, LOWER = 112, 136  # of the strip of evidence: what is needed, and none


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One picture: lines as SVG's `points`, and where its words stand."""

    steps: tuple[tuple[int, float, float], ...]  # percent, left, right
    values: str
    interval: str
    limits: tuple[str, ...]
    limit_at: float
    limit: str  # the last step's, as people read it
    zero_at: float
    proof: str  # evidence that it holds, as a share of what is needed, in logs
    doubt: str  # that it is broken
    marks: tuple[tuple[float, float, str], ...]  # at each step's end
    words: str  # what it shows, for those who do not see it


def chart_of(row: Row, cells: Sequence[Cell], steps: Sequence[ClimbedStep]) -> Chart:
    """The picture of one check; `cells` are its windows, `steps` those that were climbed."""
    ends = [[number_of(text) for text in (c.observed, c.ci_lower, c.ci_upper, c.limit)] for c in cells]
    limits = [end[3] for end in ends if math.isfinite(end[3])]
    seen = [number for end in ends for number in end[:3] if math.isfinite(number)] or [0.0]
    most = 2.5 * max(limits, default=max(seen))  # an interval of few pairs may be as wide as the world
    signs = (1, -1) if row.name.two_sided else (1,)
    drawn = [sign * limit for sign in signs for limit in limits]
    inside = [min(most, max(-most, number)) for number in seen]
    low, high = min(0.0, *drawn, *inside), max(0.0, *drawn, *inside, *(end[0] for end in ends))
    across, scale = WIDTH / max(1, len(cells)), (BOTTOM - TOP) / ((high - low) or 1.0)

    def at(i: int, number: float) -> str:
        return f"{across * (i + 0.5):.0f},{height(number):.0f}"

    def height(number: float) -> float:
        return BOTTOM - scale * (min(max(number, low), high) - low)

    def strip(of: Sequence[tuple[str, str]]) -> str:
        shares = [math.log(max(1.0, number_of(e) or 1.0)) / math.log(number_of(needed)) for e, needed in of if e]
        heights = (LOWER - (LOWER - UPPER) * min(1.0, share) for share in shares)
        return " ".join(f"{across * (i + 0.5):.0f},{y:.0f}" for i, y in enumerate(heights))

    marks, spans, begun = [], [], 0
    lines = []
    for step in steps:
        spans.append((step.percent, across * begun, across * (begun + step.windows)))
        begun += step.windows
        last = cells[begun - 1]
        marks.append((across * (begun - 0.5), height(ends[begun - 1][0]), mark(last)))
        if math.isfinite(ends[begun - 1][3]):
            at_limits = [height(sign * ends[begun - 1][3]) for sign in signs]
            lines += [f"{spans[-1][1]:.0f},{y:.0f} {spans[-1][2]:.0f},{y:.0f}" for y in at_limits]
    whole = [i for i, end in enumerate(ends) if math.isfinite(end[1]) and math.isfinite(end[2])]
    return Chart(
        steps=tuple(spans),
        values=" ".join(at(i, end[0]) for i, end in enumerate(ends) if math.isfinite(end[0])),
        interval=" ".join([at(i, ends[i][2]) for i in whole] + [at(i, ends[i][1]) for i in reversed(whole)]),
        limits=tuple(lines),
        limit_at=height(limits[-1]) if limits else BOTTOM,
        limit=row.name.show(cells[-1].limit),
        zero_at=height(0.0),
        proof=strip([(c.e_green, c.e_green_needed) for c in cells]),
        doubt=strip([(c.e_red, c.e_red_needed) for c in cells]),
        marks=tuple(marks),
        words=_words(row, cells),
    )


def _words(row: Row, cells: Sequence[Cell]) -> str:
    """The last window in a sentence."""
    last, unit = cells[-1], f" {row.name.unit}" if row.name.unit else ""
    windows = f"{len(cells)} window{'s' if len(cells) > 1 else ''}"
    told = f"{row.name.show(last.observed)}{unit} {row.name.range(last.ci_lower, last.ci_upper)} after {windows}"
    limit = f", limit {row.name.show(last.limit)}{unit}" if last.limit else ""
    evidence = "".join(
        f"; {what} {evidence_words(e)} of {evidence_words(needed)} needed"
        for what, e, needed in (
            ("evidence that it holds", last.e_green, last.e_green_needed),
            ("that it is broken", last.e_red, last.e_red_needed),
        )
        if e and needed
    )
    return f"{told}{limit}{evidence}"
