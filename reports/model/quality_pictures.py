"""What do users get, is stated confidence right, and what is paid for it? The pictures of quality."""

import math

import numpy as np
from numpy.typing import NDArray

from gates.checks.measures import MEASURES
from gates.checks.ndcg import Ndcg
from gates.checks.sla_recall import SlaRecall
from gates.statistics.calibration import bin_of
from gates.statistics.pvalues import Z95, Interval, mean_interval
from reports.model.gains import Gain
from reports.model.labels import metric_name
from reports.model.pictures import Floats, Material, Panel, PictureContent, Series, StraightLine, named, whiskered

MOST_ROWS, MOST_PANELS = 14, 6
BY_CHANCE = "95 % by chance, were it right"
COSTS = ("cpu_ms", "p95_latency_ms")


def show_differences(of: Material) -> PictureContent | str:
    """Hero minus baseline over all queries, by intent and by suite, beside the limit of what is judged."""
    gains, every = of.story.gains, [*of.groups()]
    own = [metric for metric in gains if metric not in MEASURES and metric in of.measured.hero.more]
    metrics = [metric for metric in (*own, Ndcg.measure, SlaRecall.measure) if metric in gains][:2]
    if not metrics:
        return "no measure of quality was taken of both arms"
    groups = every[:MOST_ROWS]
    said = {"whole": "", "intent": "", "suite": "suite "}
    rows = tuple(f"{said[kind]}{named(name)}, n {at.sum():,}" for kind, name, at in groups)
    limits = {Ndcg.measure: of.limit(Ndcg), SlaRecall.measure: of.limit(SlaRecall)}
    panels: list[Panel] = []
    told: list[str] = []
    for metric in metrics:
        name, found = metric_name(metric), [_difference(of, metric, *group) for group in groups]
        series = [
            whiskered(look, [found[i] for i in at], at, name.scale)
            for look in dict.fromkeys(kind for kind, _, _ in groups)
            for at in [[i for i, (kind, _, _) in enumerate(groups) if kind == look]]
        ]
        rules, limit = [StraightLine(axis="x", at=0, look="zero")], name.scale * limits.get(metric, math.nan)
        if math.isfinite(limit):
            rules.append(StraightLine(axis="x", at=-limit, words=f"limit -{limit:.3g}"))
        reached = (x for one in series for x in (*one.x_low, *one.x_high))
        furthest = 1.15 * max(abs(x) for x in (0.1, *(r.at for r in rules), *reached))
        panels.append(
            Panel(
                title=name.head, x_label="hero minus baseline\n(95 %)", rows=rows, x_ends=(-furthest, furthest),
                series=tuple(series), rules=tuple(rules),
            )
        )  # fmt: skip
        told += [
            f"{name.head}, {row}: {name.show(one.value, signed=True)} {name.range(*one[1:], signed=True)}".rstrip()
            for row, one in zip(rows, found, strict=True)
        ]
    more = f" Of {len(every)} groups the first {len(groups)} are drawn." if len(groups) < len(every) else ""
    words = f"Paired differences, hero minus baseline, with 95 % intervals.{more} {'; '.join(told)}."
    return PictureContent(words, panels, len(panels), 1.9 + 0.28 * len(rows))


def _difference(of: Material, metric: str, kind: str, name: str, at: NDArray[np.bool_]) -> Interval:
    """Of one group: as the tables tell it, where they do."""
    gains = of.story.gains if kind == "whole" else of.story.by_intent.get(name, {}) if kind == "intent" else {}
    if metric in gains:
        return gains[metric].difference
    column = MEASURES[metric].column if metric in MEASURES else metric
    return mean_interval((of.measured.hero.column(column) - of.measured.baseline.column(column))[at])


def show_reliability(of: Material) -> PictureContent | str:
    """Share of right first answers against stated confidence, and where it would lie by chance, were that right."""
    edges = np.array(of.story.edges)
    if lacking := of.without("confidence", "confidence"):
        return lacking
    if not len(edges):
        return "this run has no calibration bins"
    panels: list[Panel] = []
    told: list[str] = []
    for kind, name, at in [group for group in of.groups() if group[0] != "suite"][:MOST_PANELS]:
        series: list[Series] = []
        for arm_name, look, arm in of.arms:
            stated, right, low, high, counts = _bins(arm.confidence[at], arm.correct[at], edges)
            if look == "hero":
                series.insert(0, Series(name=BY_CHANCE, look="band", x=stated, y=stated, y_low=low, y_high=high))
            series.append(Series(name=arm_name, look=look, x=stated, y=right))
        title = f"{named(name)}, n {at.sum():,}"
        panels.append(
            Panel(
                title=title, x_label="stated confidence", y_label="share right at rank 1", x_ends=(0, 1.02),
                y_ends=(0, 1.05), series=tuple(series),
            )
        )  # fmt: skip
        ece = (of.story.gains if kind == "whole" else of.story.by_intent.get(name, {})).get("ece")
        error = f"calibration error {ece.hero:.3f}, of the baseline {ece.baseline:.3f}; " if ece else ""
        told.append(f"{title}: {error}pairs a bin: {', '.join(f'{count:.0f}' for count in counts)}")
    words = f"Share of right first answers against stated confidence, in {len(edges) + 1} bins. {'. '.join(told)}."
    return PictureContent(words, panels, min(2, len(panels)), 1.0 + 2.5 * math.ceil(len(panels) / 2))


def _bins(confidence: Floats, correct: Floats, edges: Floats) -> tuple[tuple[float, ...], ...]:
    """Of each filled bin: mean confidence, share right, between what it would lie in 95 %, were that right, and n."""
    at = bin_of(confidence, edges)
    rows = []
    for k in np.unique(at):
        said, right = confidence[at == k], correct[at == k]
        mean, half = float(said.mean()), Z95 * math.sqrt(float((said * (1 - said)).sum())) / len(said)
        rows.append((mean, float(right.mean()), max(0.0, mean - half), min(1.0, mean + half), len(said)))
    return tuple(zip(*rows, strict=True))


def show_trade_off(of: Material) -> PictureContent | str:
    """Quality gained against what it costs, over all queries and by intent, each with both intervals."""
    by_intent = of.story.by_intent if len(of.story.by_intent) > 1 else {}
    groups = {"all queries": of.story.gains, **by_intent}
    costs = [cost for cost in COSTS if all({cost, Ndcg.measure} <= gains.keys() for gains in groups.values())]
    if not costs:
        return "neither processor time nor latency is given for every answer"
    panels: list[Panel] = []
    told: list[str] = []
    for cost in costs:
        name = metric_name(cost)
        series: list[Series] = []
        for place, (intent, gains) in enumerate([*groups.items()][: 1 + MOST_PANELS]):
            label = f"{named(intent)}, n {gains[cost].n:,}"
            series.append(_crossed(gains[cost], gains[Ndcg.measure], f"part{place}" if place else "whole", label))
            told.append(f"{label}: {name.head} {gains[cost].change}, {_QUALITY.head} {gains[Ndcg.measure].change}")
        panels.append(
            Panel(
                x_label=f"{name.head}\nhero minus baseline (left is cheaper)",
                y_label=f"{_QUALITY.head}\nhero minus baseline (up is better)",
                series=tuple(series),
                rules=(StraightLine(axis="x", at=0, look="zero"), StraightLine(axis="y", at=0, look="zero")),
            )
        )  # fmt: skip
    words = f"Quality against cost, differences with 95 % intervals on both. {'; '.join(told)}."
    return PictureContent(words, panels, len(panels), 3.8)


_QUALITY = metric_name(Ndcg.measure)


def _crossed(cost: Gain, quality: Gain, look: str, name: str) -> Series:
    across, up = ([gain.name.scale * end for end in gain.difference] for gain in (cost, quality))
    (x, *x_ends), (y, *y_ends) = ([v if math.isfinite(v) else ends[0] for v in ends] for ends in (across, up))
    return Series(
        name=name, look=look, x=(x,), y=(y,), x_low=(x_ends[0],), x_high=(x_ends[1],), y_low=(y_ends[0],),
        y_high=(y_ends[1],),
    )  # fmt: skip
