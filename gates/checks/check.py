"""What is known of a check, in one place: what would be wrong, which limits it has, how it asks, how it is told."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from gates.checks.forms import Form
from gates.checks.question import Constants, Intent
from gates.documents import AtLeast, AtMost, Document, Floor, Milliseconds, Share, Small, Tolerated, Weaker
from gates.pairs import Pairs
from gates.verdicts import Cell, Kind, Verdict

#: All that the file of a check needs beside its form.
__all__ = [
    "SELF_REPORTED", "AtLeast", "AtMost", "Check", "Constants", "Floor", "HoldLimits", "Intent", "Kind", "Limits",
    "Milliseconds", "Name", "OnRed", "Point", "Positive", "Share", "Small", "Tolerated", "Weaker", "number_of",
]  # fmt: skip
SELF_REPORTED = "self-reported"  # by the system that is judged
OnRed = Literal["rollback", "hold"]
Positive = Annotated[float, Field(gt=0)]


class Limits(Document):
    """A check's block in policy.yaml; what it may say beyond this stands beside the check."""

    on_red: OnRed


class HoldLimits(Limits):
    """The block of a check of the measuring itself, which can only hold."""

    on_red: Literal["hold"]


class Point(NamedTuple):
    """How a gate is asked by the letter: pairs -> estimate on time net of waiting, red above the limit."""

    estimate: Callable[[Pairs], float]
    limit: float
    unit: str
    broken: str  # what its RED shows, in words


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


class Check:
    """One question about a hero. The docstring of a check says what would be wrong in production.

    A slice is asked once for each intent of the policy, under the key with the intent behind it: ndcg_error.
    """

    key: ClassVar[str]
    kind: ClassVar[Kind]
    limits: ClassVar[type[Limits]] = HoldLimits  # its block in policy.yaml
    place: ClassVar[int] = 100  # among those of its kind in reports; by key where two are equal
    needs: ClassVar[str] = ""  # the column of evidence without which it cannot be asked; "" where every system gives it
    decides: ClassVar[str] = ""  # the column of an arm whose every value it reads
    processes: ClassVar[int] = 1  # that can each show it broken
    unit: ClassVar[str] = ""  # of its cells
    name: ClassVar[Name]
    names: ClassVar[Mapping[str, Name]] = {}  # by the unit of a cell that tells another number
    letter_name: ClassVar[Name | None] = None  # by the letter, where that reads another number
    measure: ClassVar[str] = "sla_recall_at_50"  # what its tables by intent are told in
    open_words: ClassVar[str] = ""  # what it means where it is neither shown broken nor shown to hold
    broken_words: ClassVar[str] = ""  # what its RED shows; its limits stand in braces
    must: ClassVar[str] = "green"  # be shown to hold; "not_red" where it is enough that it is not shown broken
    mend: ClassVar[str] = ""  # what to do before any hero can be judged, where it is broken or open
    stays: ClassVar[bool] = False  # no policy that promotes leaves it out
    ends: ClassVar[bool] = False  # of before the climb: RED ends it before it begins, and lets it show nothing else
    fault: ClassVar[Mapping[str, object]] = {}  # `fault:` of a pack that must turn it RED; {} where none can

    def required(self, limits: Any) -> str:
        """What it must be under these limits: "green" or "not_red"."""
        return str(getattr(limits, "required", self.must))

    def form(self, limits: Any, constants: Constants, intent: Intent) -> Form | None:
        """How it asks under these limits; None where it is not asked of pairs."""
        return None

    def broken(self, limits: Any) -> str:
        """What its RED shows, in words."""
        return self.broken_words.format(**dict(limits)) or f"{self.key} shown broken"

    def before_climb(self, hero: str, on_red: str, verdict: Verdict, **told: Any) -> Cell:
        """Its cell where it is asked before the climb: then it must be shown to hold."""
        return Cell(
            hero=hero, step=0, check=self.key, kind=self.kind, verdict=verdict, required="green", on_red=on_red, **told
        )

    def limit_words(self, limits: Any) -> str:
        """Its limits as people read them; "" where those of its cells say it."""
        return ""

    def broken_above(self, limits: Any) -> float | None:
        """Beyond which it is broken, where that is another limit than the one to be shown; None where it is not."""
        return getattr(limits, "tolerated_loss", None) if self.kind is not Kind.SLICE else None

    def point(self, limits: Any, letter: Any, constants: Constants) -> Point | None:
        """How it is asked by the letter; None where the original contract does not name it."""
        return None


def number_of(value: object) -> float:
    """A number of the evidence or of the ladder's record; NaN for what is none."""
    try:
        return float(str(value))
    except ValueError:
        return math.nan
