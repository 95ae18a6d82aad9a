"""How are rates, bounds and pairs written in the tables of the page?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Row = dict[str, Any]


def both(rows: dict[str, Row], groups: Sequence[str]) -> list[list[str]]:
    """One line for each cell of the models, its real counterpart beside it."""
    lines = []
    for key, row in rows.items():
        if row["group"] not in groups or not key.startswith("model-"):
            continue
        line = [row["what"]]
        for one in (row, rows.get(key.replace("model-", "real-", 1))):
            shown = one and [rate(one, "promoted"), rate(one, "rolled_back"), pairs(one["pairs_to_rollback"])]
            line += shown or ["", "", ""]
        lines.append(line)
    return lines


def table(head: str, lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table; `head` names its columns with " | " between them."""
    rows = [head.split(" | "), ["---"] * (head.count(" | ") + 1), *lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows) + "\n"


def rate(row: Row, what: str) -> str:
    """A share of a cell's heroes with its bounds."""
    low, high = row[f"{what}_bounds"]
    return f"{percent(row[what] / row['n'])} ({percent(low)} to {percent(high)})"


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.3g} %"


def pairs(seen: dict[str, int | None]) -> str:
    """Median and 99 % of pairs."""
    return "" if seen["median"] is None else f"{seen['median']:,} / {seen['most']:,}"


def needs(seen: dict[str, Any]) -> str:
    """Median and 99 % of pairs; "more" where there are not so many."""
    return " / ".join(f"{v:,}" if v else "more" for v in (seen["median"], seen["most"]))


def top(counts: dict[str, int]) -> str:
    """The most frequent four."""
    return ", ".join(f"{check} {n}" for check, n in list(counts.items())[:4])


def where(row: Row) -> str:
    """What was simulated, and in which world."""
    return f"{row['what']} ({row['world']})"
