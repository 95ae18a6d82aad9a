"""How is the number of a check or a measure told: label, unit, scale and digits?"""

from __future__ import annotations

import math
from dataclasses import dataclass

SELF_REPORTED = "self-reported"  # by the system that is judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """How one number is told: `scale` turns the evidence's unit into the one that people read."""

    label: str
    unit: str = ""
    scale: float = 1.0
    digits: int = 3
    brief: str = ""  # the label where room is short
    two_sided: bool = False  # the limit holds both ways
    source: str = ""  # whose word it is; "" where it is measured here

    @property
    def short(self) -> str:
        """The label where room is short."""
        return self.brief or self.label

    @property
    def named(self) -> str:
        """The label, and whose word it is."""
        return f"{self.label} ({self.source})" if self.source else self.label

    @property
    def head(self) -> str:
        """Label and unit, as the head of a narrow row."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    @property
    def heading(self) -> str:
        """Label, unit and whose word it is, as the head of a row."""
        return f"{self.head} ({self.source})" if self.source else self.head

    def show(self, value: str | float, *, signed: bool = False) -> str:
        """A number of the evidence as people read it; "" for what is no number."""
        number = number_of(value) * self.scale
        if not math.isfinite(number):
            return ""
        text = f"{number:+.{self.digits}f}" if signed else f"{number:.{self.digits}f}"
        return text if float(text) else text.replace("-", "").replace("+", "")

    def range(self, lower: str | float, upper: str | float, *, signed: bool = False) -> str:
        """An interval in brackets; "" where an end is no number."""
        low, high = self.show(lower, signed=signed), self.show(upper, signed=signed)
        return f"[{low}, {high}]" if low and high else ""

    def bound(self, lower: str, upper: str) -> str:
        """The worst value that an interval leaves open: its upper end, or the end further from 0 where both count."""
        further = self.two_sided and abs(number_of(lower)) > abs(number_of(upper))
        return self.show(lower if further else upper)


def number_of(value: object) -> float:
    """A number of the evidence or of the ladder's record; NaN for what is none."""
    try:
        return float(str(value))
    except ValueError:
        return math.nan
