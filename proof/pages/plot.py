"""Draws the error rates: who is promoted at which loss or error, and how often equal heroes are rolled back."""

from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure

matplotlib.use("Agg")

Row = dict[str, Any]
BLUE, RED, GREY = "#2a6f97", "#b23a48", "#8d99ae"


def plot(rows: dict[str, Row]) -> Figure:
    """Four panels from the cells by key."""
    figure = Figure(figsize=(11, 7.2), layout="constrained")
    losses, late, errors, bars = figure.subplots(2, 2).ravel()
    for world, colour in (("model", BLUE), ("real", RED)):
        label = "models" if world == "model" else "real pairs"
        start = [(0.0, f"{world}-aa"), *((p, f"{world}-loss-{p}") for p in (0.5, 1, 2, 5))]
        end = [(0.0, f"{world}-aa"), *((p, f"{world}-late-{p}-3-0") for p in (0.5, 1, 2, 5))]
        error = [(e, f"{world}-ce-{e}") for e in (0, 0.01, 0.0175, 0.02, 0.025, 0.03, 0.05)]
        for axes, points in ((losses, start), (late, end), (errors, error)):
            _curve(axes, rows, points, colour, label)
    titles = (
        (losses, "Promoted, by loss from the first pair", "points of recall and nDCG lost"),
        (late, "Promoted, by loss from the start of the 100 % step", "points of recall and nDCG lost"),
        (errors, "Promoted, by true calibration error", "true calibration error"),
    )
    for axes, title, label in titles:
        axes.set(title=title, xlabel=label, ylabel="share promoted", ylim=(-0.03, 1.03))
        axes.grid(alpha=0.3)
        axes.legend()
    _bars(bars, rows)
    return figure


def _curve(axes: Any, rows: dict[str, Row], points: Sequence[tuple[float, str]], colour: str, label: str) -> None:
    known = [(x, rows[key]) for x, key in points]
    x = [x for x, _ in known]
    y = [row["promoted"] / row["n"] for _, row in known]
    low = [value - row["promoted_bounds"][0] for value, (_, row) in zip(y, known, strict=True)]
    high = [row["promoted_bounds"][1] - value for value, (_, row) in zip(y, known, strict=True)]
    bars = [[max(0.0, v) for v in low], [max(0.0, v) for v in high]]
    axes.errorbar(x, y, yerr=bars, color=colour, marker="o", ms=4, capsize=3, label=label)


def _bars(axes: Any, rows: dict[str, Row]) -> None:
    shown = [
        ("A/A, models", "model-aa"), ("A/A, real pairs", "real-aa"), ("autocorrelation .4", "model-rho-0.4"),
        ("autocorrelation .6", "model-rho-0.6"), ("autocorrelation .8", "model-rho-0.8"),
        ("shocks .2 points", "model-shock-0.2"),
        ("shocks .5 points", "model-shock-0.5"), ("shocks 1 point", "model-shock-1"),
    ]  # fmt: skip
    known = [(name, rows[key]) for name, key in shown][::-1]
    floor = 1e-5
    rates = [max(floor, row["releases_rolled_back"] / row["releases"]) for _, row in known]
    uppers = [row["releases_rolled_back_upper"] for _, row in known]
    places = range(len(known))
    axes.barh(places, rates, color=[RED if rate > 0.01 else BLUE for rate in rates], height=0.6)
    axes.scatter(uppers, places, color="black", marker="|", s=80, label="95 % upper bound")
    axes.axvline(0.01, color=GREY, linestyle="--", label="promised: 1 %")
    axes.set(title="Releases of three equal heroes rolled back", xscale="log", xlim=(floor, 1.5), xlabel="share")
    axes.set_yticks(list(places), [name for name, _ in known])
    for place, (_, row) in zip(places, known, strict=True):
        axes.text(1.3e-5, place, f"{row['releases_rolled_back']} of {row['releases']:,}", va="center", fontsize=8)
    axes.legend(loc="upper right", fontsize=8)
