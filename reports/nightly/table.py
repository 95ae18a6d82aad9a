"""Which tables and plots does a night leave? `hero_span_v22.csv`, every whisker with its method, a plot a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from evidence.files import write_whole
from gates.statistics.whiskers import Whisker
from reports.escaping import csv_cell
from reports.render.figures import BASELINE, FAINT, HERO, svg
from rollout.jobs.numbers import METRICS, SPANS
from rollout.jobs.whiskers import NightRow

WHISKERS, PLOTS = "whiskers.csv", "plots"
_ENDS = ("", "_ci_lower", "_ci_upper")
_SPANS = ["system", "suite", *(f"{metric}{end}" for metric in METRICS for end in _ENDS), "queries", "config_hash"]
_LONG = ["system", "suite", "metric", "compared_with", "value", "ci_lower", "ci_upper", "method", "n", "differ"]
_MARKS = "osD^vP*X"
#: Metric -> heading, and what its number is multiplied by to be read.
_SHOWN = {
    "ndcg_at_10": ("nDCG@10", 1.0),
    "sla_recall_at_50": ("SLA-Recall@50", 1.0),
    "p95_latency_ms": ("p95 latency, ms", 1.0),
    "ece": ("ECE", 1.0),
    "file_credit": ("file credit, %", 100.0),
}


def write_tables(rows: Sequence[NightRow], folder: Path) -> None:
    """Write the spans (one row a system and suite) and all whiskers (one row each, differences too)."""
    import pandas as pd  # half a second that other jobs need not wait

    spans = pd.DataFrame([_span(row) for row in rows], columns=_SPANS)
    write_whole(folder / SPANS, spans.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    incumbent = rows[0].system if rows else ""
    long = [
        _whisker(row, metric, compared, whisker)
        for row in rows
        for compared, kind in (("", row.levels), (incumbent, row.differences))
        for metric, whisker in kind.items()
    ]
    table = pd.DataFrame(long, columns=_LONG)
    write_whole(folder / WHISKERS, table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def write_plots(rows: Sequence[NightRow], folder: Path, stamp: str) -> tuple[Path, ...]:
    """Draw one plot a metric: each system on each suite, and beside it its difference from the incumbent."""
    written = []
    for metric in METRICS:
        if any(metric in row.levels for row in rows):
            path = folder / PLOTS / f"{metric}.svg"
            write_whole(path, draw(rows, metric, stamp))
            written.append(path)
    return tuple(written)


def draw(rows: Sequence[NightRow], metric: str, stamp: str) -> str:
    """The plot of one metric as SVG; equal rows give equal bytes."""
    heading, scale = _SHOWN[metric]
    suites = list(dict.fromkeys(row.suite for row in rows))
    systems = list(dict.fromkeys(row.system for row in rows))

    def fill(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1))
        for i, system in enumerate(systems):
            colour = BASELINE if not i else HERO if i == 1 else matplotlib.colormaps["Dark2"](i - 2)
            shift = 0.6 * ((i + 0.5) / len(systems) - 0.5)
            for axes, kind in ((left, "levels"), (right, "differences")):
                at, values, below, above = [], [], [], []
                for row in rows:
                    whiskers: Mapping[str, Whisker] = getattr(row, kind)
                    if row.system == system and metric in whiskers:
                        value, low, high = (scale * x for x in whiskers[metric].interval)
                        at.append(suites.index(row.suite) + shift)
                        values.append(value)
                        below.append(value - low)
                        above.append(high - value)
                axes.errorbar(
                    values, at, xerr=[below, above], color=colour, fmt=_MARKS[i % len(_MARKS)], markersize=4,
                    linewidth=1.2, capsize=2, label=system,
                )  # fmt: skip
        left.set_yticks(range(len(suites)), suites)
        left.set_ylim(len(suites) - 0.5, -0.5)
        left.set_xlabel(heading)
        right.axvline(0, color=FAINT, linewidth=1, linestyle="--")
        right.set_xlabel(f"difference from {systems[0]}")
        right.tick_params(axis="y", length=0)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=len(systems), frameon=False, fontsize=8)

    size = (8.4, 1.4 + 0.7 * len(suites))
    return svg(f"{heading} by suite, 95 % intervals", stamp, metric, size, fill)


def _span(row: NightRow) -> dict[str, object]:
    found: dict[str, object] = {"system": row.system, "suite": csv_cell(row.suite), "queries": row.queries}
    for metric in METRICS:
        if metric in row.levels:
            found.update(
                {f"{metric}{end}": value for end, value in zip(_ENDS, row.levels[metric].interval, strict=True)}
            )
    return {**found, "config_hash": row.config_hash}


def _whisker(row: NightRow, metric: str, compared: str, whisker: Whisker) -> dict[str, object]:
    value, lower, upper = whisker.interval
    return {
        "system": row.system,
        "suite": csv_cell(row.suite),
        "metric": metric,
        "compared_with": compared,
        "value": value,
        "ci_lower": lower,
        "ci_upper": upper,
        "method": whisker.method,
        "n": whisker.n,
        "differ": whisker.differ,
    }
