"""How does a picture look, on paper, on a light screen and on a dark one? No two kinds differ in colour alone."""

import io
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from reports.model.pictures import Panel, Picture, Series, StraightLine

#: What an SVG holds that nobody sees: whose file it is, and how it is indented.
_UNSEEN = re.compile(r"(?s) <metadata>.*?</metadata>\n|^ +|(?<= )\n", re.MULTILINE)
#: The same of a tag: names that nothing points to, turns by nothing, a font that a style names anew for each text,
#: digits beyond a tenth of a point.
_NEEDLESS = re.compile(r' id="[\w.]+_\d+"| transform="rotate\(-0 [^"]*"| font-family: [^;]*;|(?<=\d\.\d)\d+')
_TAG, _ID, _STYLE = (re.compile(pattern) for pattern in (r"<[^>]*>", "[mp][0-9a-f]{10}", 'style="([^"]*)"'))
_COMMON = "*{stroke-linejoin"
HERO, BASELINE, INK, FAINT, PAPER = "#c2410c", "#1d4ed8", "#1f2937", "#6b7280", "#ffffff"
#: The same where the reader asks for a dark screen; the ground is that of our pages.
DARK = {HERO: "#fb923c", BASELINE: "#93c5fd", INK: "#e5e7eb", FAINT: "#9ca3af", PAPER: "#111827"}
_COLOUR = re.compile("|".join(DARK))
WIDTH, DPI = 6.4, 110


class MarkStyle(NamedTuple):
    """How points of one kind look: no two kinds of a panel differ in colour alone."""

    colour: str
    marker: str = ""
    line: str = ""
    filled: bool = True
    size: float = 4.5
    width: float = 1.2


#: By the names that reports.model.pictures gives them.
LOOKS = {
    "hero": MarkStyle(HERO, "o", "-"), "hero_curve": MarkStyle(HERO, "", "-"), "hero_dot": MarkStyle(HERO, "o"),
    "baseline": MarkStyle(BASELINE, "s", "--", filled=False, size=6.5), "baseline_curve": MarkStyle(BASELINE, "", "--"),
    "baseline_dot": MarkStyle(BASELINE, "s", filled=False, size=6.5),
    "whole": MarkStyle(HERO, "o", size=6.5, width=2), "intent": MarkStyle(INK, "D"),
    "suite": MarkStyle(INK, "s", filled=False),
    "holds": MarkStyle(BASELINE, "o", "-", size=3), "holds_needed": MarkStyle(BASELINE, "", "--", width=1),
    "broken": MarkStyle(HERO, "x", ":"), "broken_needed": MarkStyle(HERO, "", "-.", width=1),
    **{f"part{i}": MarkStyle(INK, marker, filled=bool(i % 2)) for i, marker in enumerate("oDv^Ps<>X*")},
}  # fmt: skip
_RULES = {"limit": (INK, "--"), "zero": (FAINT, "-"), "step": (FAINT, ":")}


def picture_svg(whose: str, picture: Picture) -> str:
    """A picture as an SVG document, below whose it is; equal calls give equal bytes."""
    with _figure(whose, picture) as figure:
        FigureCanvasSVG(figure)
        target = io.BytesIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return _small(target.getvalue().decode())


def picture_png(whose: str, picture: Picture) -> bytes:
    """The same for a document, on white."""
    with _figure(whose, picture) as figure:
        FigureCanvasAgg(figure)
        target = io.BytesIO()
        figure.savefig(target, format="png", dpi=DPI, metadata={"Software": None})
    return target.getvalue()


def _small(text: str) -> str:
    """An SVG document without what nobody sees, a third as long, that is dark where the reader's screen is.

    Names become short, each style is said once for both screens. What is written in it is left alone.
    """
    names: dict[str, str] = {}
    styles: dict[str, str] = {}

    def short(tag: re.Match[str]) -> str:
        needed = _ID.sub(lambda name: names.setdefault(name[0], f"i{len(names)}"), _NEEDLESS.sub("", tag[0]))
        return _STYLE.sub(lambda style: f'class="{styles.setdefault(style[1], f"c{len(styles)}")}"', needed)

    text = _TAG.sub(short, _UNSEEN.sub("", text))
    rules = [f".{name}{{{style}}}" for style, name in styles.items()]
    dark = [_COLOUR.sub(lambda colour: DARK[colour[0]], rule) for rule in rules if _COLOUR.search(rule)]
    font = "*{font-family: 'DejaVu Sans', sans-serif}"
    both = f"{font}{''.join(rules)}@media (prefers-color-scheme: dark){{{''.join(dark)}}}{_COMMON}"
    return "\n".join(_grouped(text.replace(_COMMON, both, 1).splitlines()))


def _grouped(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a document without groups that say nothing of what is in them."""
    kept: list[bool] = []
    for line in lines:
        if line == "<g/>":
            continue
        if line.startswith("<g"):
            kept.append(line != "<g>")
        if line not in ("<g>", "</g>") or (line == "</g>" and kept.pop()):
            yield line


@contextmanager
def _figure(whose: str, picture: Picture) -> Iterator[Figure]:
    """A picture between its title and its stamp, as long as nobody's settings but ours hold."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a label that its font cannot draw must not end a release in an error
        matplotlib.rcdefaults()  # whatever a matplotlibrc here says
        matplotlib.rcParams.update(
            {
                "svg.hashsalt": f"{whose}-{picture.name}",
                "svg.fonttype": "none",  # text stays text: small, searchable, read aloud
                "text.parse_math": False,  # a "$" in an intent is a dollar
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.edgecolor": FAINT,
                "axes.titlesize": 9,
                "axes.titlelocation": "left",
                "figure.facecolor": PAPER,
                "legend.fontsize": 8,
                "legend.frameon": False,
                "legend.borderpad": 0,
                "legend.borderaxespad": 0,
                "font.size": 9,
                "font.sans-serif": ["DejaVu Sans"],
                **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
            }
        )
        figure = Figure(figsize=(WIDTH, picture.height))
        figure.suptitle(f"{whose}: {picture.title}", fontsize=11, x=0.02, y=1 - 0.08 / picture.height, ha="left")
        _draw(picture, figure)
        figure.supxlabel(picture.stamp, fontsize=7.5, x=0.02, y=0.06 / picture.height, ha="left")
        yield figure


def _draw(picture: Picture, figure: Figure) -> None:
    """Every panel of a picture, or what is lacking in its place."""
    if picture.lacks:
        _say(figure.add_subplot(), picture.lacks)
        return
    columns = picture.columns
    labels = dict.fromkeys(series.name for panel in picture.panels for series in panel.series if series.name)
    wide = [0.5 + 0.06 * len(label) for label in labels]  # inches of the legend
    beside = len(wide) if sum(wide) < WIDTH else max(1, int(WIDTH / max(wide)))
    above = any(rule.words and rule.axis == "x" for panel in picture.panels for rule in panel.rules)
    grid = _grid(picture, figure, 0.2 * -(-len(wide) // max(beside, 1)), above=above)
    for place, panel in enumerate(picture.panels):
        axes = figure.add_subplot(grid[divmod(place, columns)])
        axes.set_title(panel.title, y=1, pad=14 if above else 5)  # an y of its own: else it is looked for
        if panel.lacks:
            _say(axes, panel.lacks)
            continue
        _draw_panel(axes, panel)
        left = picture.panels[place - 1] if place % columns else None
        if left is None or left.y_label != panel.y_label:
            axes.set_ylabel(panel.y_label)
        if left is not None and _scale(left) == _scale(panel) != ((), None):
            axes.tick_params(axis="y", labelleft=False)
        if place + columns >= len(picture.panels):
            axes.set_xlabel(panel.x_label)
    found = (axes.get_legend_handles_labels() for axes in figure.axes)
    handles = {label: handle for pair in found for handle, label in zip(*pair, strict=True)}
    if handles:
        top = (0.02, 1 - 0.28 / picture.height)
        figure.legend([*handles.values()], [*handles], loc="upper left", bbox_to_anchor=top, ncols=beside)


def _scale(panel: Panel) -> tuple[object, ...]:
    """What the places along its y mean."""
    return panel.rows, panel.y_ends


def _grid(picture: Picture, figure: Figure, legend: float, *, above: bool) -> GridSpec:
    """Where the panels stand, in inches from what is written around them: to measure that takes as long as to draw.

    `legend` is its height; does something stand `above` the axes, between them and their title?
    """
    first, last, columns = picture.panels[0], picture.panels[-1], picture.columns
    rows = -(-len(picture.panels) // columns)
    longest = max(map(len, first.rows), default=0)
    left = 0.35 + 0.068 * longest if longest else 0.5 + 0.2 * len(first.y_label.splitlines())
    between = 0.15 if first.rows == last.rows != () else 0.5 if first.y_label == last.y_label else 0.8
    bottom = 0.6 + 0.16 * max(len(panel.x_label.splitlines()) for panel in picture.panels)
    top, apart = 0.42 + legend + 0.16 * (bool(first.title) + above), 0.56 + 0.16 * above
    wide = (WIDTH - left - 0.15 - between * (columns - 1)) / columns
    high = (picture.height - top - bottom - apart * (rows - 1)) / rows
    return figure.add_gridspec(
        rows, columns, left=left / WIDTH, right=1 - 0.15 / WIDTH, top=1 - top / picture.height,
        bottom=bottom / picture.height, wspace=between / wide, hspace=apart / high,
    )  # fmt: skip


def _say(axes: Axes, words: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, ha="center", va="center", wrap=True)


def _draw_panel(axes: Axes, panel: Panel) -> None:
    axes.patch.set_visible(False)  # the ground is the figure's
    for name, axis, ends in (("x", axes.xaxis, panel.x_ends), ("y", axes.yaxis, panel.y_ends)):
        getattr(axes, f"set_{name}scale")("log" if name in panel.log else "linear")
        if name in panel.log:
            axis.set_major_formatter("{x:g}")
            axis.set_major_locator(LogLocator(numticks=5))
            axis.set_minor_locator(NullLocator())
        else:
            axis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10)))
        if ends:
            getattr(axes, f"set_{name}lim")(*ends)
    for series in panel.series:
        (_draw_band if series.look == "band" else _draw_series)(axes, series)
    if panel.rows:
        axes.set_yticks(range(len(panel.rows)), panel.rows)
        axes.set_ylim(len(panel.rows) - 0.5, -0.6)
    for rule in panel.rules:
        _draw_rule(axes, rule)


def _draw_band(axes: Axes, series: Series) -> None:
    axes.fill_between(series.x, series.y_low, series.y_high, color=FAINT, alpha=0.2, linewidth=0)
    for y, name in ((series.y_low, series.name), (series.y_high, None)):
        axes.plot(series.x, y, color=FAINT, linewidth=0.8, linestyle=":", label=name)


def _draw_series(axes: Axes, series: Series) -> None:
    look = LOOKS[series.look]
    across = [np.subtract(series.x, series.x_low), np.subtract(series.x_high, series.x)] if series.x_low else None
    up = [np.subtract(series.y, series.y_low), np.subtract(series.y_high, series.y)] if series.y_low else None
    axes.errorbar(
        series.x, series.y, xerr=across, yerr=up, color=look.colour, marker=look.marker, markersize=look.size,
        linestyle=look.line, linewidth=look.width, elinewidth=look.width, capsize=2, label=series.name or None,
        markerfacecolor=look.colour if look.filled else "none",
    )  # fmt: skip


def _draw_rule(axes: Axes, rule: StraightLine) -> None:
    colour, line = _RULES[rule.look]
    across = rule.axis == "x"
    (axes.axvline if across else axes.axhline)(rule.at, color=colour, linewidth=1, linestyle=line, zorder=0)
    if rule.words:
        at = (rule.at, 1.0) if across else (1.0, rule.at)
        measure = ("data", "axes fraction") if across else ("axes fraction", "data")
        align = "center" if across else "right"
        axes.annotate(
            rule.words, at, xycoords=measure, xytext=(0, 2), textcoords="offset points", ha=align, fontsize=7.5
        )
