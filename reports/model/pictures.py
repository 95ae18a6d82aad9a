"""What is a plot before it is drawn? Panels of points, intervals and limits as data, which pages and documents draw."""

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from gates.checks.check import Check, number_of
from gates.documents import Document
from gates.pairs import Arm
from gates.statistics.pvalues import Interval
from reports.escaping import cut
from reports.model.story import Story
from rollout.columns import Measured

FILE = "plots/plots.json"  # in a hero's folder: what its plots show
POOL = "pool_counts_by_system.csv"  # beside it
WIDTH = 26  # characters of the name of an intent or a suite
Numbers = tuple[float, ...]
Ends = tuple[float, float]
Floats = NDArray[np.float64]


class Series(Document):
    """Points of one kind, with their intervals where they have some; `look` says to the drawer what they are."""

    name: str = ""  # in the legend
    look: str
    x: Numbers
    y: Numbers
    x_low: Numbers = ()
    x_high: Numbers = ()
    y_low: Numbers = ()
    y_high: Numbers = ()


class StraightLine(Document):
    """A straight line through a panel: a limit, no difference, the end of a step."""

    axis: str  # "x" where it stands at a value of x, else "y"
    at: float
    words: str = ""
    look: str = "limit"


class Panel(Document):
    """One pair of axes. `rows` name the places 0, 1, ... of y from top to bottom."""

    title: str = ""
    x_label: str = ""
    y_label: str = ""
    rows: tuple[str, ...] = ()
    log: str = ""  # which axes are, of "xy"
    x_ends: Ends | None = None
    y_ends: Ends | None = None
    series: tuple[Series, ...] = ()
    rules: tuple[StraightLine, ...] = ()
    lacks: str = ""  # why nothing is in it


class Picture(Document):
    """A plot of a hero: what it shows, in words too, or what is lacking; whose evidence it is."""

    name: Annotated[str, Field(pattern="^[a-z0-9_]{1,40}$")]
    title: str
    words: str  # with the numbers, for those who do not see it
    stamp: str
    lacks: str = ""  # why nothing can be drawn
    columns: Annotated[int, Field(ge=1, le=4)] = 1
    height: Annotated[float, Field(gt=1, lt=20)] = 1.4  # inches; 6.4 wide
    panels: tuple[Panel, ...] = ()


PICTURES = TypeAdapter(tuple[Picture, ...])


class PictureContent(NamedTuple):
    """What is on a picture, and the same in words."""

    words: str
    panels: Sequence[Panel]
    columns: int = 1
    height: float = 4.4


class PoolShare(NamedTuple):
    """What one system gave to the pool of one suite: a row of the CSV file, share in percent."""

    system: str
    suite: str
    pooled: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What pictures are made of: the story of a hero with its pairs, and what its table says of the pool."""

    story: Story
    measured: Measured
    pool: Sequence[PoolShare]

    @property
    def arms(self) -> tuple[tuple[str, str, Arm], ...]:
        """(name, look, numbers), the baseline first: the hero is drawn over it."""
        name = self.story.outcome.subject.baseline_name
        return (name, "baseline", self.measured.baseline), (self.story.hero, "hero", self.measured.hero)

    def without(self, column: str, words: str) -> str:
        """What is lacking where not every answer has this number, "" where all have it."""
        known = all(np.isfinite(getattr(arm, column)).all() for _, _, arm in self.arms)
        return "" if known else f"{words} is not given for every answer"

    def limit(self, check: type[Check]) -> float:
        """The limit that a check was last judged by; NaN where it was not reached."""
        last = next((row.last for row in self.story.rows if row.check == check.key), None)
        return number_of(last.limit) if last is not None else math.nan

    def groups(self) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
        """(kind, name, which pairs): all, each intent, each suite that is no intent; the largest of a kind first."""
        everything = np.ones(len(self.measured), dtype=np.bool_)
        seen = [everything]
        yield "whole", "all queries", everything
        for kind, names in (("intent", self.measured.intent), ("suite", self.measured.suite)):
            values, counts = np.unique(names, return_counts=True)
            for value in values[np.argsort(-counts, kind="stable")]:
                at = names == value
                if not any(np.array_equal(at, other) for other in seen):
                    seen.append(at)
                    yield kind, str(value), at


def read_pool(folder: Path) -> list[PoolShare]:
    """The pool counts that lie in a hero's folder; [] where none do."""
    path = folder / POOL
    return pool_shares(path.read_text(encoding="utf-8")) if path.exists() else []


def pool_shares(text: str) -> list[PoolShare]:
    """The rows of a table of pool counts that say a share. Raises LookupError and ValueError for what is none."""
    rows = [row for row in csv.DictReader(text.splitlines()) if row["coverage_percent"]]
    return [PoolShare(r["system"], r["suite"], int(r["pooled_judgments"]), float(r["coverage_percent"])) for r in rows]


def named(name: str) -> str:
    """The name of an intent or a suite, on one line and not too long."""
    return cut(name, WIDTH)


def whiskered(look: str, found: Sequence[Interval], at: Sequence[float], scale: float = 1.0, name: str = "") -> Series:
    """Intervals along x, each at its place of y; one without ends is a point, one without a value is left out."""
    rows = [(*(scale * end for end in interval), y) for interval, y in zip(found, at, strict=True)]
    rows = [row if math.isfinite(sum(row)) else (row[0], row[0], row[0], row[3]) for row in rows]
    x, low, high, y = tuple(zip(*(row for row in rows if math.isfinite(row[0])), strict=True)) or ((),) * 4
    return Series(name=name, look=look, x=x, y=y, x_low=low, x_high=high)


def picture_of(name: str, title: str, stamp: str, found: PictureContent | str) -> Picture:
    """A picture of what was found, or of what is lacking."""
    if isinstance(found, str):
        lacks = f"not evidenced: {found}"
        return Picture(name=name, title=title, stamp=stamp, words=f"{title} {lacks}.", lacks=lacks)
    words, panels, columns, height = found
    return Picture(
        name=name, title=title, stamp=stamp, words=words, panels=tuple(panels), columns=columns, height=height
    )
