"""Where do the lines of a check's picture run: value, interval, limit and evidence over the windows of a climb?"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gates.checks.check import number_of
from gates.rule.climbed import ClimbedStep
from gates.verdicts import Cell
from reports.model.checks import Row
from reports.model.labels import mark

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
    zero_at: float
    proof: str  # evidence that it holds, as a share of what is needed, in logs
    doubt: str  # that it is broken
    marks: tuple[tuple[float, float, str], ...]  # at each step's end


def chart_of(row: Row, cells: Mapping[int, Cell], steps: Sequence[ClimbedStep]) -> Chart:
    """The picture of one check; `cells` are its windows by their number, `steps` those that were climbed."""
    ends = {i: [number_of(text) for text in (c.observed, c.ci_lower, c.ci_upper, c.limit)] for i, c in cells.items()}
    signs = (1, -1) if row.name.two_sided else (1,)
    limits = [sign * end[3] for sign in signs for end in ends.values() if math.isfinite(end[3])]
    seen = [number for end in ends.values() for number in end[:3] if math.isfinite(number)] or [0.0]
    most = 2.5 * max(limits, default=max(seen))  # an interval of few pairs may be as wide as the world
    inside = [min(most, max(-most, number)) for number in seen]
    low, high = min(0.0, *limits, *inside), max(0.0, *limits, *inside, *(end[0] for end in ends.values()))
    across, scale = WIDTH / sum(step.windows for step in steps), (BOTTOM - TOP) / ((high - low) or 1.0)

    def height(number: float) -> float:
        return BOTTOM - scale * (min(max(number, low), high) - low)

    def line(points: Iterable[tuple[int, float]]) -> str:
        return " ".join(f"{across * (i - 0.5):.0f},{y:.0f}" for i, y in points)

    def strip(of: Mapping[int, tuple[str, str]]) -> str:
        logs = {i: (math.log(max(1.0, number_of(e) or 1.0)), math.log(number_of(n))) for i, (e, n) in of.items() if e}
        return line((i, LOWER - (LOWER - UPPER) * min(1.0, log / needed)) for i, (log, needed) in logs.items())

    marks, spans, begun, lines = [], [], 0, []
    for step in steps:
        spans.append((step.percent, across * begun, across * (begun + step.windows)))
        begun += step.windows
        observed, *_, limit = ends[begun]
        marks.append((across * (begun - 0.5), height(observed), mark(cells[begun])))
        if math.isfinite(limit):
            at = [height(sign * limit) for sign in signs]
            lines += [f"{spans[-1][1]:.0f},{y:.0f} {spans[-1][2]:.0f},{y:.0f}" for y in at]
    whole = [i for i, end in ends.items() if math.isfinite(end[1]) and math.isfinite(end[2])]
    last = cells[begun]
    return Chart(
        steps=tuple(spans),
        values=line((i, height(end[0])) for i, end in ends.items() if math.isfinite(end[0])),
        interval=line([(i, height(ends[i][2])) for i in whole] + [(i, height(ends[i][1])) for i in reversed(whole)]),
        limits=tuple(lines),
        limit_at=height(number_of(last.limit)) if lines else BOTTOM,
        zero_at=height(0.0),
        proof=strip({i: (c.e_green, c.e_green_needed) for i, c in cells.items()}),
        doubt=strip({i: (c.e_red, c.e_red_needed) for i, c in cells.items()}),
        marks=tuple(marks),
    )
