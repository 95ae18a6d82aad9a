"""How long do answers take, how did evidence grow, who gave what to the pool, what is credited and spent? Pictures."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from gates.checks.check import number_of
from gates.checks.file_credit import FileCredit
from gates.checks.pool import PoolComposition
from gates.checks.spend import Spend
from gates.offline import OFFLINE
from gates.statistics.pvalues import quantile_interval, ratio_interval
from gates.verdicts import Cell
from reports.model.checks import Row
from reports.model.labels import evidence_words
from reports.model.pictures import (
    Floats,
    Material,
    Panel,
    PictureContent,
    PoolShare,
    Series,
    StraightLine,
    named,
    whiskered,
)

LEAST = 0.02  # percent: of fewer answers no tail is drawn
POINTS = 60  # of a curve
MOST_PANELS, MOST_ROWS = 6, 12
FLOOR, ABOVE = 0.1, 10.0  # evidence is drawn from a tenth of none to ten times what is needed
#: Field of a cell -> how it is drawn, and what it is evidence of.
EVIDENCE = {"e_green": ("holds", "it holds"), "e_red": ("broken", "it is broken")}
ALL = "all"  # suites


def show_latency(of: Material) -> PictureContent | str:
    """Which share of answers takes longer than so many milliseconds, on logarithms: both tails, and the SLA."""
    if lacking := of.without("latency_ms", "latency"):
        return lacking
    sla, series, told = of.story.outcome.subject.policy.sla_ms, [], []
    for name, look, arm in of.arms:
        tails = [quantile_interval(arm.latency_ms, q).value for q in (0.95, 0.99)]
        said = "p95 {:.1f}, p99 {:.1f} ms".format(*tails)
        series += [
            longer(arm.latency_ms, look, f"{name}: {said}"),
            Series(look=f"{look}_dot", x=tuple(tails), y=(5, 1)),
        ]
        told.append(f"{name}: {said}, {100 * (arm.latency_ms > sla).mean():.2f} % later than the SLA")
    seen = [x for one in series for x in one.x]
    least = 70 / min(100 / LEAST, len(of.measured))
    panel = Panel(
        x_label="ms until the answer", y_label="answers that take longer, %", log="xy", series=tuple(series),
        x_ends=(0.8 * max(0.01, min(seen)), 1.5 * max(sla, *seen)), y_ends=(least, 130),
        rules=(
            StraightLine(axis="x", at=sla, words=f"SLA {sla:g} ms"),
            StraightLine(axis="y", at=5, words="p95", look="zero"),
            StraightLine(axis="y", at=1, words="p99", look="zero"),
        ),
    )  # fmt: skip
    return PictureContent(
        f"Latency of {len(of.measured):,} answers of each, the SLA is {sla:g} ms. {'; '.join(told)}.", [panel]
    )


def longer(values: Floats, look: str, name: str) -> Series:
    """Which percent of values is larger, at points that lie evenly on a logarithm."""
    shares = np.geomspace(1, max(LEAST / 100, 1 / len(values)), POINTS)
    at = np.quantile(values, 1 - shares, method="inverted_cdf")
    x, y = (tuple(map(float, np.round(one, 4))) for one in (at, 100 * shares))
    return Series(name=name, look=f"{look}_curve", x=x, y=y)


def show_evidence(of: Material) -> PictureContent | str:
    """E-values of each gate as its windows ended: that it holds, that it is broken, and what is needed of each."""
    story, steps = of.story, of.story.outcome.climbed.steps
    if story.outcome.subject.policy.mode == OFFLINE:
        return "one look at rankings has no windows"
    ends = np.cumsum([step.windows for step in steps]).tolist()
    rules = [
        StraightLine(axis="x", at=end + 0.5, words=f"{s.percent} %", look="step")
        for end, s in zip(ends, steps, strict=True)
    ]
    rows = [*story.deciding, *(row for row in story.rows if row not in story.deciding)]
    found = [(row, story.windows[row.check]) for row in rows if row.check in story.windows]
    told = [(row, cells, lines) for row, cells in found if (lines := _lines(cells))][:MOST_PANELS]
    if not told:
        return "no evidence was counted window by window"
    panels: list[Panel] = []
    for row, cells, lines in told:
        most = ABOVE * max(y for one in lines if one.look.endswith("_needed") for y in one.y)
        drawn = [one.model_copy(update={"y": tuple(min(max(y, FLOOR), most) for y in one.y)}) for one in lines]
        panels.append(
            Panel(
                title=f"{row.name.label}, n {cells[ends[-1]].n:,}", series=tuple(drawn),
                y_label=f"e-value, cut at {most:,.0f}", log="y",
                x_label="windows (that it holds restarts at each step)", x_ends=(0.5, ends[-1] + 0.5),
                y_ends=(FLOOR / 1.5, 1.5 * most), rules=tuple(rules),
            )
        )  # fmt: skip
    said = "; ".join(_said(row, cells[ends[-1]]) for row, cells, _ in told)
    words = f"Evidence as windows ended, drawn from {FLOOR:g} to {ABOVE:g} times what is needed. {said}."
    return PictureContent(words, panels, min(2, len(panels)), 1.0 + 2.3 * math.ceil(len(panels) / 2))


def _lines(cells: Mapping[int, Cell]) -> list[Series]:
    """What was counted, and beside it what is needed."""
    found = []
    for field, (look, words) in EVIDENCE.items():
        needed = f"{field}_needed"
        at = [i for i, c in cells.items() if math.isfinite(number_of(getattr(c, needed))) and getattr(c, field)]
        for name, kind, of in ((f"that {words}", look, field), (f"enough that {words}", f"{look}_needed", needed)):
            y = tuple(min(number_of(getattr(cells[i], of)), 1e300) for i in at)
            found += [Series(name=name, look=kind, x=tuple(at), y=y)] if at else []
    return found


def _said(row: Row, cell: Cell) -> str:
    counted = [
        f"that {words} {evidence_words(e)} of {evidence_words(needed)} needed"
        for field, (_, words) in EVIDENCE.items()
        for e, needed in [(getattr(cell, field), getattr(cell, f"{field}_needed"))]
        if e and needed
    ]
    return f"{row.name.label}, n {cell.n:,}: {' and '.join(counted)}"


def show_pool(of: Material) -> PictureContent | str:
    """What each arm gave of the pool of answers in time, suite by suite."""
    least = 1 - of.limit(PoolComposition)
    return pooled(of.pool, 100 * least) if of.pool else "no answer came in time, so there is no pool"


def pooled(shares: Sequence[PoolShare], least: float = math.nan) -> PictureContent:
    """Each system's share of the pool, and of two systems what it alone gave; `least` is what each must give."""
    systems = [*dict.fromkeys(one.system for one in shares)]
    two = ("hero_dot", "baseline_dot") if len(systems) == 2 else ()
    looks = dict(zip(systems, two or [f"part{i % 10}" for i in range(len(systems))], strict=True))
    at = {(one.system, one.suite): one for one in shares}
    suites = sorted({one.suite for one in shares}, key=lambda suite: (suite != ALL, suite))[:MOST_ROWS]
    rows = tuple(f"{named(suite)}, {_union(at, systems, suite):,} pooled" for suite in suites)

    def alone(system: str, suite: str) -> float:
        other = at.get((next(one for one in systems if one != system), suite))
        return 100 - other.share if other else 100.0

    def series(system: str, value: Mapping[str, float]) -> Series:
        return Series(name=system, look=looks[system], x=tuple(value.values()),
                      y=tuple(suites.index(suite) for suite in value))  # fmt: skip

    given = {s: {suite: at[s, suite].share for suite in suites if (s, suite) in at} for s in systems}
    drawn = tuple(series(system, given[system]) for system in systems)
    rules = (StraightLine(axis="x", at=least, words=f"least {least:g} %"),) if math.isfinite(least) else ()
    panels = [Panel(title="given of the pool, %", rows=rows, x_ends=(0, 105), series=drawn, rules=rules)]
    told = [
        f"{system}, {row}: {given[system][suite]:.1f} %"
        for system in systems
        for suite, row in zip(suites, rows, strict=True)
        if suite in given[system]
    ]
    if two:
        lone = tuple(series(s, {suite: alone(s, suite) for suite in given[s]}) for s in systems)
        most = 1.2 * max(0.5, *(x for one in lone for x in one.x))
        panels.append(Panel(title="that no other gave, %", rows=rows, x_ends=(-most / 20, most), series=lone))
    return PictureContent(
        f"Share of the pool that each gave. {'; '.join(told)}.", panels, len(panels), 1.6 + 0.3 * len(rows)
    )


def _union(at: Mapping[tuple[str, str], PoolShare], systems: Sequence[str], suite: str) -> int:
    """How many documents the pool of a suite holds: a count and its share say it."""
    one = max((at[s, suite] for s in systems if (s, suite) in at), key=lambda share: share.pooled)
    return round(100 * one.pooled / one.share) if one.share else 0


def show_credits(of: Material) -> PictureContent | str:
    """How much was credited for the right file alone, by intent, and what a router spent on its dense side."""
    story = of.story
    if story.outcome.subject.policy.mode == OFFLINE:
        return "rankings are no places in files, and spend nothing"
    groups = [group for group in of.groups() if group[0] != "suite"][:MOST_ROWS]
    if not of.measured.hero.credits.sum() and not of.measured.baseline.credits.sum():
        return "nothing was credited"
    rows = tuple(f"{named(name)}, n {at.sum():,}" for _, name, at in groups)
    series, told = [], []
    for place, (name, look, arm) in enumerate(of.arms):
        found = [ratio_interval(arm.file_credits[at], arm.credits[at]) for _, _, at in groups]
        series.append(whiskered(f"{look}_dot", found, [i + 0.15 - 0.3 * place for i in range(len(rows))], 100, name))
        told += [
            f"{name}, {row}: {100 * f.value:.1f} %" for row, f in zip(rows, found, strict=True) if math.isfinite(f[0])
        ]
    limit, cap = 100 * of.limit(FileCredit), _cap(of)
    rules = (StraightLine(axis="x", at=limit, words=f"limit {limit:.3g} %"),) if math.isfinite(limit) else ()
    credited = Panel(title="file credit, % (95 %)", rows=rows, series=tuple(series), rules=rules)
    curves, spent = [], []
    for name, look, arm in of.arms:
        if arm.spend_ms.any():
            over = f", {100 * (arm.spend_ms > cap).mean():.1f} % over {cap:g} ms" if math.isfinite(cap) else ""
            p95 = quantile_interval(arm.spend_ms, 0.95).value
            curves.append(longer(arm.spend_ms, look, f"{name}: p95 {p95:.1f} ms"))
            spent.append(f"{name} spends p95 {p95:.1f} ms{over}")
    capped = (StraightLine(axis="x", at=cap, words=f"cap {cap:g} ms"),) if math.isfinite(cap) and curves else ()
    lacks = "" if curves else "no router: nothing was spent"
    spending = Panel(title="spend on the dense side", lacks=lacks)
    if curves:
        spending = Panel(
            title=spending.title, x_label="ms", y_label="answers that spend more, %", log="y", rules=capped,
            series=tuple(curves),
        )  # fmt: skip
    words = f"Credits for the right file alone, of all credits. {'; '.join(told)}. Spend: {'; '.join(spent) or lacks}."
    return PictureContent(words, [credited, spending], 2, max(2.6, 1.6 + 0.4 * len(rows)))


def _cap(of: Material) -> float:
    """What a router may spend, in ms; NaN where the policy does not say."""
    policy = of.story.outcome.subject.policy
    if not any(row.check == Spend.key and not row.left_out for row in of.story.rows):
        return math.nan
    limits = policy.limits(Spend)
    return float(limits.cap_ms + limits.slack_ms)
