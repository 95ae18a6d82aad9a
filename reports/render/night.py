"""Which tables and plots does a night leave? `hero_span_v22.csv`, every whisker with its method, a plot a metric."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evidence.files import write_whole
from gates.extras import lacking
from reports.escaping import csv_cell
from reports.model.labels import metric_name
from reports.render.tables import SPAN_COLUMNS, span, write_csv
from rollout.jobs.numbers import METRICS, SPANS
from rollout.jobs.whiskers import NightRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WHISKERS, PLOTS = "whiskers.csv", "plots"
_LONG = ("system", "suite", "metric", "compared_with", "value", "ci_lower", "ci_upper", "method", "n", "differ")
_MARKS = "osD^vP*X"


def write_night(rows: Sequence[NightRow], folder: Path, night: str) -> None:
    """Write the spans (one row a system and suite), all whiskers (one row each, differences too), one plot a metric."""
    levels = [(row, {metric: whisker.interval for metric, whisker in row.levels.items()}) for row in rows]
    spans = [span(row.system, row.config_hash, row.suite, row.queries, found) for row, found in levels]
    write_csv(folder / SPANS, spans, SPAN_COLUMNS)
    incumbent = rows[0].system if rows else ""
    long = [
        dict(zip(_LONG, (row.system, csv_cell(row.suite), metric, compared, *found.interval, *found[1:]), strict=True))
        for row in rows
        for compared, kind in (("", row.levels), (incumbent, row.differences))
        for metric, found in kind.items()
    ]
    write_csv(folder / WHISKERS, long, _LONG)
    if undrawn := lacking("report", "matplotlib"):
        write_whole(folder / PLOTS / "not-drawn.txt", f"plots are not drawn: {undrawn}\n")
        return
    for metric in METRICS:
        if any(metric in row.levels for row in rows):
            stamp = f"{night} · {SPANS}, {WHISKERS} beside {PLOTS}/"
            write_whole(folder / PLOTS / f"{metric}.svg", draw(rows, metric, stamp))


def draw(rows: Sequence[NightRow], metric: str, stamp: str) -> str:
    """The plot of one metric as SVG: each system on each suite, and beside it its difference from the incumbent."""
    import matplotlib

    from reports.render.figures import BASELINE, FAINT, HERO, svg, whiskers

    name = metric_name(metric)
    suites = list(dict.fromkeys(row.suite for row in rows))
    systems = list(dict.fromkeys(row.system for row in rows))

    def fill(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1))
        for i, system in enumerate(systems):
            colour = BASELINE if not i else HERO if i == 1 else matplotlib.colormaps["Dark2"](i - 2)
            shift = 0.6 * ((i + 0.5) / len(systems) - 0.5)
            mine = [row for row in rows if row.system == system]
            for axes, kinds in ((left, [row.levels for row in mine]), (right, [row.differences for row in mine])):
                found = {
                    suites.index(r.suite) + shift: k[metric] for r, k in zip(mine, kinds, strict=True) if metric in k
                }
                values, reach = whiskers([whisker.interval for whisker in found.values()], name.scale)
                axes.errorbar(
                    values, list(found), xerr=reach, color=colour, fmt=_MARKS[i % len(_MARKS)], markersize=4,
                    linewidth=1.2, capsize=2, label=system,
                )  # fmt: skip
        left.set_yticks(range(len(suites)), suites)
        left.set_ylim(len(suites) - 0.5, -0.5)
        left.set_xlabel(name.head)
        right.axvline(0, color=FAINT, linewidth=1, linestyle="--")
        right.set_xlabel(f"difference from {systems[0]}")
        right.tick_params(axis="y", length=0)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=len(systems), frameon=False, fontsize=8)

    size = (8.4, 1.4 + 0.7 * len(suites))
    return svg(f"{name.head} by suite, 95 % intervals", stamp, metric, size, fill)
