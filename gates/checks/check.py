"""What is known of a check, in one place: what would be wrong, which limits it has, how it asks, how it is told."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from gates.checks.forms import Form
from gates.checks.name import Name
from gates.checks.question import Constants, Intent
from gates.documents import Document
from gates.verdicts import Kind

OnRed = Literal["rollback", "hold"]


class Limits(Document):
    """A check's block in policy.yaml; what it may say beyond this stands beside the check."""

    on_red: OnRed


class Check:
    """One question about a hero. The docstring of a check says what would be wrong in production.

    A slice is asked once for each intent of the policy, under the key with the intent behind it: ndcg_error.
    """

    key: ClassVar[str]
    kind: ClassVar[Kind]
    needs: ClassVar[str] = ""  # the column of evidence without which it cannot be asked; "" where every system gives it
    decides: ClassVar[str]  # the column of an arm whose every value it reads
    processes: ClassVar[int] = 1  # that can each show it broken
    unit: ClassVar[str]  # of its cells
    name: ClassVar[Name]
    measure: ClassVar[str]  # what its tables by intent are told in

    def required(self, limits: Any) -> str:
        """Must it be shown to hold ("green"), or is it enough that it is not shown broken ("not_red")?"""
        return "not_red" if self.kind is Kind.SLICE else "green"

    def form(self, limits: Any, constants: Constants, intent: Intent) -> Form:
        """How it asks, under these limits."""
        raise NotImplementedError

    def broken(self, limits: Any) -> str:
        """What its RED shows, in words."""
        raise NotImplementedError
