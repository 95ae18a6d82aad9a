"""How do numbers become a page? Prose and tables stand in a template; how rates and pairs are written, here."""

from pathlib import Path
from typing import Any

import jinja2

from evidence.files import write_whole
from gates.checks.aa_dispersion import AaDispersion
from reports.model.pictures import Panel, Picture, Series, StraightLine
from reports.render.figures import picture_png
from reports.render.site import environment

Row = dict[str, Any]
CHARACTERISTICS = Path(__file__).with_name("operating-characteristics.md.j2")
WORLDS = (("model", "models", "baseline"), ("real", "real pairs", "hero"))  # and how each is drawn
LOST = (0.5, 1, 2, 5)
#: What is drawn of both worlds -> its cells by what is lost.
PROMOTED: dict[str, dict[float, str]] = {
    "promoted, by points lost from the first pair": {0: "aa"} | {p: f"loss-{p}" for p in LOST},
    "promoted, by points lost from the start of the 100 % step": {0: "aa"} | {p: f"late-{p}-3-0" for p in LOST},
    "promoted, by true calibration error": {e: f"ce-{e}" for e in (0, 0.01, 0.0175, 0.02, 0.025, 0.03, 0.05)},
}
#: Cells of equal heroes that are drawn, and the least share that is.
EQUAL = {
    "model-aa": "A/A, models", "real-aa": "A/A, real pairs", "model-rho-0.4": "autocorrelation .4",
    "model-rho-0.6": "autocorrelation .6", "model-rho-0.8": "autocorrelation .8",
    "model-shock-0.2": "shocks .2 points", "model-shock-0.5": "shocks .5 points", "model-shock-1": "shocks 1 point",
}  # fmt: skip
LEAST = 1e-5


def write_page(found: dict[str, Any], docs: Path) -> None:
    """docs/operating-characteristics.md and its plot from configs/characteristics.json, and from nothing else."""
    docs.mkdir(parents=True, exist_ok=True)
    rows = {row["key"]: row for row in found["cells"]}
    write_whole(
        docs / "operating-characteristics.png", picture_png("Simulated heroes", rates_drawn(rows, found["commit"]))
    )
    text = rendered(CHARACTERISTICS, found=found, rows=rows, alarm=AaDispersion.key)
    write_whole(docs / "operating-characteristics.md", text)


def rates_drawn(rows: dict[str, Row], commit: str) -> Picture:
    """How often equal heroes are rolled back, who is promoted at which loss or error; `rows` are the cells by key."""
    rolled = {key: (rows[key]["releases_rolled_back"], rows[key]["releases"]) for key in EQUAL}
    shares = tuple(max(LEAST, k / n) for k, n in rolled.values())
    bounds = tuple(rows[key]["releases_rolled_back_upper"] for key in EQUAL)
    known = Series(
        name="rolled back, up to the 95 % bound", look="whole", x=shares, y=tuple(range(len(shares))), x_low=shares,
        x_high=bounds,
    )  # fmt: skip
    equal = Panel(
        title="releases of three equal heroes, share rolled back", log="x", x_ends=(LEAST, 1.5), series=(known,),
        rows=tuple(f"{EQUAL[key]}, {k} of {n:,}" for key, (k, n) in rolled.items()),
        rules=(StraightLine(axis="x", at=0.01, words="promised"),),
    )  # fmt: skip
    title, stamp = "what becomes of them, 95 % intervals", f"configs/characteristics.json of commit {commit}"
    panels = (equal, *(_promoted(rows, *drawn) for drawn in PROMOTED.items()))
    return Picture(name="rates", title=title, words=title, stamp=stamp, height=10.0, panels=panels)


def _promoted(rows: dict[str, Row], title: str, cells: dict[float, str]) -> Panel:
    """The share that is promoted in each world; `cells` are by what is lost."""

    def curve(world: str, name: str, look: str) -> Series:
        known = [rows[f"{world}-{cell}"] for cell in cells.values()]
        shares = tuple(row["promoted"] / row["n"] for row in known)
        low, high = zip(*(row["promoted_bounds"] for row in known), strict=True)
        return Series(name=name, look=look, x=tuple(cells), y=shares, y_low=low, y_high=high)

    return Panel(title=title, y_ends=(-0.03, 1.03), series=tuple(curve(*world) for world in WORLDS))


def rendered(template: Path, **values: Any) -> str:
    """The template with these values."""
    loader = jinja2.FileSystemLoader(template.parent)
    pages = environment().overlay(loader=loader, autoescape=False)  # Markdown, of our own numbers
    pages.filters.update(percent=percent, rate=rate, pairs=pairs, top=top)
    return pages.get_template(template.name).render(values)


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.3g} %"


def rate(row: Row, what: str) -> str:
    """A share of a cell's heroes with its bounds."""
    low, high = row[f"{what}_bounds"]
    return f"{percent(row[what] / row['n'])} ({percent(low)} to {percent(high)})"


def pairs(seen: dict[str, int | None]) -> str:
    """Median and 99 % of pairs."""
    return "" if seen["median"] is None else f"{seen['median']:,} / {seen['most']:,}"


def top(counts: dict[str, int]) -> str:
    """The most frequent four."""
    return ", ".join(f"{check} {n}" for check, n in list(counts.items())[:4])
