"""Which tables and plots does a night leave? `hero_span_v22.csv`, every whisker with its method, a plot a metric."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path

from evidence.files import write_whole
from gates.extras import lacking
from gates.statistics.whiskers import Whisker
from reports.escaping import csv_cell
from reports.model.labels import metric_name
from reports.model.pictures import Panel, Picture, Series, StraightLine, named, whiskered
from reports.render.tables import SPAN_COLUMNS, span, write_csv
from rollout.jobs.numbers import METRICS, SPANS
from rollout.jobs.whiskers import NightRow

WHISKERS, PLOTS = "whiskers.csv", "plots"
_LONG = ("system", "suite", "metric", "compared_with", "value", "ci_lower", "ci_upper", "method", "n", "differ")
_LOOKS = ("baseline_dot", "hero_dot", *(f"part{i}" for i in range(1, 10)))  # the incumbent is the first


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
    from reports.render.figures import picture_svg

    stamp = f"{night} · {SPANS}, {WHISKERS} beside {PLOTS}/"
    for metric in METRICS:
        if any(metric in row.levels for row in rows):
            write_whole(
                folder / PLOTS / f"{metric}.svg", picture_svg("all systems", metric_picture(rows, metric, stamp))
            )


def metric_picture(rows: Sequence[NightRow], metric: str, stamp: str) -> Picture:
    """The plot of one metric: each system on each suite, and beside it its difference from the incumbent."""
    name, suites = metric_name(metric), list(dict.fromkeys(row.suite for row in rows))
    systems = dict(zip(dict.fromkeys(row.system for row in rows), cycle(_LOOKS), strict=False))
    shift = {system: 0.6 * ((i + 0.5) / len(systems) - 0.5) for i, system in enumerate(systems)}

    def series(of: Callable[[NightRow], Mapping[str, Whisker]]) -> Iterator[Series]:
        for system, look in systems.items():
            mine = [row for row in rows if row.system == system and metric in of(row)]
            at = [suites.index(row.suite) + shift[system] for row in mine]
            yield whiskered(look, [of(row)[metric].interval for row in mine], at, name.scale, system)

    levels, differences = tuple(series(lambda row: row.levels)), tuple(series(lambda row: row.differences))
    zero, places = StraightLine(axis="x", at=0, look="zero"), tuple(map(named, suites))
    panels = (
        Panel(title=name.head, rows=places, series=levels),
        Panel(title=f"difference from {next(iter(systems))}", rows=places, series=differences, rules=(zero,)),
    )
    title, words = f"{name.head} by suite, 95 % intervals", f"{name.head} of {', '.join(systems)}: see {WHISKERS}."
    height = min(19.0, 1.6 + 0.2 * len(suites) * (1 + len(systems)))
    return Picture(name=metric, title=title, words=words, stamp=stamp, columns=2, height=height, panels=panels)
