"""How do numbers become a page? Prose and tables stand in a template; how rates and pairs are written, here."""

from pathlib import Path
from typing import Any

import jinja2

from evidence.files import write_whole
from gates.checks.aa_dispersion import AaDispersion
from proof.pages.plot import plot
from reports.render.site import environment

Row = dict[str, Any]
CHARACTERISTICS = Path(__file__).with_name("operating-characteristics.md.j2")


def write_page(found: dict[str, Any], docs: Path) -> None:
    """docs/operating-characteristics.md and its plot from configs/characteristics.json, and from nothing else."""
    docs.mkdir(parents=True, exist_ok=True)
    rows = {row["key"]: row for row in found["cells"]}
    plot(rows).savefig(docs / "operating-characteristics.png", dpi=110)
    text = rendered(CHARACTERISTICS, found=found, rows=rows, alarm=AaDispersion.key)
    write_whole(docs / "operating-characteristics.md", text)


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
