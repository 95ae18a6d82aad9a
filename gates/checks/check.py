"""What is known of a check, in one place: what would be wrong, which limits it has, how it asks, how it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from gates.checks.forms import Form
from gates.checks.name import Name
from gates.checks.question import Constants, Intent
from gates.documents import Document
from gates.pairs import Pairs
from gates.verdicts import Kind

OnRed = Literal["rollback", "hold"]


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
    letter_name: ClassVar[Name | None] = None  # by the letter, where that reads another number
    measure: ClassVar[str] = "sla_recall_at_50"  # what its tables by intent are told in
    open_words: ClassVar[str] = ""  # what it means where it is neither shown broken nor shown to hold
    mend: ClassVar[str] = ""  # what to do before any hero can be judged, where it is broken or open
    ends: ClassVar[bool] = False  # of before the climb: RED ends it before it begins, and lets it show nothing else
    fault: ClassVar[Mapping[str, object]] = {}  # `fault:` of a pack that must turn it RED; {} where none can

    def required(self, limits: Any) -> str:
        """Must it be shown to hold ("green"), or is it enough that it is not shown broken ("not_red")?"""
        return "not_red" if self.kind is Kind.SLICE else "green"

    def form(self, limits: Any, constants: Constants, intent: Intent) -> Form | None:
        """How it asks under these limits; None where it is not asked of pairs."""
        return None

    def broken(self, limits: Any) -> str:
        """What its RED shows, in words."""
        return f"{self.key} shown broken"

    def limit_words(self, limits: Any) -> str:
        """Its limits as people read them; "" where those of its cells say it."""
        return ""

    def broken_above(self, limits: Any) -> float | None:
        """Beyond which it is broken, where that is another limit than the one to be shown; None where it is not."""
        return getattr(limits, "tolerated_loss", None) if self.kind is not Kind.SLICE else None

    def point(self, limits: Any, letter: Any, constants: Constants) -> Point | None:
        """How it is asked by the letter; None where the original contract does not name it."""
        return None


def plain(value: float) -> str:
    """A limit without trailing zeros."""
    return f"{value:.4g}"
