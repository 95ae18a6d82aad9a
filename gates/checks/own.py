"""A user's own checks: `checks:` in a policy, by form and measure, or a class of the user's own package.

    checks:
      mrr_at_10:    {form: loss, measure: RR@10, margin: .02}
      zero_results: {form: rate, measure: zero_results, share: .02}
      price:        {form: quantile, column: cost_usd, quantile: .95, margin: .001}
      fairness:     {check: mypkg.fairness:Fairness, limit: .1}

A class is one of gates.checks.check.Check, without key: its name in the policy is its key. It is gated, planned,
refused where it cannot be met, reported, attested and replayed like ours.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, field_validator, model_validator

from gates.checks.against import Calibration, Tail
from gates.checks.check import (
    SELF_REPORTED,
    AtMost,
    Check,
    Kind,
    Limits,
    Name,
    OnRed,
    Positive,
    Share,
    Small,
    Tolerated,
)
from gates.checks.forms import Count, Form, Loss, Rate
from gates.checks.measures import MEASURES, Measure, measure_named
from gates.checks.question import ALL, EVERY, NOTHING_FIXED, Constants, Intent
from gates.pairs import COLUMNS


class OwnLimits(Limits):
    """What every check by form may say. `column`: without which it cannot be asked."""

    required: ClassVar[str] = "green"
    more: ClassVar[str] = ""  # of its measure where it is worse
    on_red: OnRed = "rollback"
    kind: Literal["gate", "guard"] = "guard"
    why: str = ""  # what would be wrong in production
    fault: dict[str, Any] = Field(default={})  # of a seeded hero that must turn it RED

    @property
    def measured(self) -> Measure:
        """What it reads."""
        raise NotImplementedError

    def asks(self, constants: Constants) -> Form:
        """How it asks."""
        raise NotImplementedError


class _OfMeasure(OwnLimits):
    more_is_better: ClassVar[bool] = False
    any_size: ClassVar[bool] = True  # or only a measure in [0, 1]
    measure: str = ""  # built in, or one of ir-measures
    column: str = Field(default="", pattern=r"^[a-z0-9_]*$")  # that the system answers with

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.measure) == bool(self.column):
            raise ValueError("should name a measure, or a column that the system answers with: one of the two")
        if self.column in COLUMNS or self.column in MEASURES:
            raise ValueError(f"column {self.column} is measured by the gate: name it as measure")
        measured, better = self.measured, "more" if self.more_is_better else "less"
        if self.measure and measured.cost is self.more_is_better:
            raise ValueError(f"should be a measure of which {better} is better, {self.measure} is none")
        if self.measure and not measured.bounded and not self.any_size:
            raise ValueError(f"should be a measure in [0, 1], {self.measure} is none")
        return self

    @property
    def measured(self) -> Measure:
        if self.measure:
            return measure_named(self.measure)
        key = self.column
        return Measure(key=key, column=key, label=key, digits=4, source=SELF_REPORTED, bounded=False)


class OwnLoss(_OfMeasure):
    """A mean loss of `margin` is excluded."""

    more_is_better, any_size, more = True, False, "lost"
    form: Literal["loss"]
    margin: AtMost
    final_margin: AtMost | None = None
    tolerated_loss: Tolerated = 0.0

    def asks(self, constants: Constants) -> Form:
        return Loss(
            column=self.measured.column, tolerated=self.tolerated_loss, margin=self.margin,
            margin_at_last=self.final_margin,
        )  # fmt: skip


class OwnRate(_OfMeasure):
    """At most `share` of the answers lie above a value."""

    form: Literal["rate"]
    above: float = 0.0
    share: AtMost

    def asks(self, constants: Constants) -> Form:
        return Rate(column=self.measured.column, above=self.above, share=self.share)


class OwnQuantile(_OfMeasure):
    """The hero is beyond the baseline's quantile and `margin` no more often than the baseline is beyond it."""

    more = "added"
    form: Literal["quantile"]
    quantile: Share
    margin: Positive

    def asks(self, constants: Constants) -> Form:
        column = self.measured.column
        before = constants.baseline_ms if column == "latency_ms" else constants.before.get(column, ())
        return Tail(
            column=column, quantile=self.quantile, margin_ms=self.margin, floor_ms=self.margin, margin_share=0.0,
            before=np.array(before), seed=constants.seed,
        )  # fmt: skip


class OwnCount(_OfMeasure):
    """A rate of `rate` hero-only events is excluded; one already blocks promotion."""

    any_size = False
    form: Literal["count"]
    rate: AtMost

    def asks(self, constants: Constants) -> Form:
        return Count(column=self.measured.column, rate=self.rate)


class OwnCalibration(OwnLimits):
    """Confidence is nowhere off by more than `allowed`, and by so much further than the incumbent's."""

    required, more = "not_red", "added"
    column: ClassVar[str] = "confidence"
    form: Literal["calibration"]
    allowed: Small

    @property
    def measured(self) -> Measure:
        return MEASURES["ece"]

    def asks(self, constants: Constants) -> Form:
        return Calibration(allowed=self.allowed, edges=constants.bin_edges, intent=ALL)


class OwnClass(BaseModel):
    """A class of the user's package; all else is of its limits."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)
    check: str

    @field_validator("check")
    @classmethod
    def _of_a_package(cls, check: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", check):
            raise ValueError("should be package.module:Class")
        return check

    @property
    def package(self) -> str:
        """Whose sources are locked."""
        return self.check.partition(":")[0].partition(".")[0]

    @cached_property
    def asked(self) -> tuple[type[Check], Limits]:
        """The class and its limits, tried as the gate will ask: its mistakes are told before anything runs."""
        found = _class_of(self.check)
        if lacking := [what for what, there in _NEEDED.items() if not there(getattr(found, what, None))]:
            raise ValueError(
                f"{self.check} should have {', '.join(lacking)}, which it has not".replace("__doc__", "a docstring")
            )
        kind = getattr(found, "kind", Kind.GUARD)
        if kind not in (Kind.GATE, Kind.GUARD):
            raise ValueError(f"{self.check} should have kind gate or guard, not {kind}")
        try:
            limits = found.limits.model_validate({"on_red": "rollback", **(self.model_extra or {})})
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise ValueError(f"{wrong}; its limits are those of {self.check}") from None
        try:
            form = found().form(limits, NOTHING_FIXED, EVERY)
        except Exception as error:  # it is a user's code
            raise ValueError(f"{self.check} cannot be asked before the preflight ({_first_line(error)})") from None
        if not isinstance(form, Form):
            raise ValueError(f"{self.check} should give one of gates.checks.forms as its form, not {form!r}")
        return found, limits

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        _ = self.asked
        return self


#: What a class must have -> is it what it should be?
_NEEDED: Mapping[str, Callable[[Any], object]] = {
    "__doc__": bool,
    "name": lambda value: isinstance(value, Name),
    "decides": bool,
    "unit": bool,
    "limits": lambda value: isinstance(value, type) and issubclass(value, Limits),
    "fault": lambda value: isinstance(value, Mapping),
}


def _which(said: Any) -> str:
    if isinstance(said, Mapping):
        return "class" if "check" in said else str(said.get("form", "form is missing"))
    return "class" if isinstance(said, OwnClass) else str(getattr(said, "form", f"{said!r} is no check"))


OwnCheck = Annotated[
    Annotated[OwnLoss, Tag("loss")]
    | Annotated[OwnRate, Tag("rate")]
    | Annotated[OwnQuantile, Tag("quantile")]
    | Annotated[OwnCount, Tag("count")]
    | Annotated[OwnCalibration, Tag("calibration")]
    | Annotated[OwnClass, Tag("class")],
    Discriminator(_which),
]


class _ByForm(Check):
    """A check that a policy says by form and measure."""

    def form(self, limits: OwnLimits, constants: Constants, intent: Intent) -> Form:
        return limits.asks(constants)


def own_check(key: str, said: Any) -> tuple[Check, Any]:
    """The check that a policy says under this key, and its limits."""
    if isinstance(said, OwnClass):
        found, limits = said.asked
        kind = Kind(getattr(found, "kind", Kind.GUARD))
        return type(found.__name__, (found,), {"__doc__": found.__doc__, "key": key, "kind": kind})(), limits
    measure: Measure = said.measured
    words = said.why or f"{measure.label} is worse than this policy allows."
    name = Name(label=key, unit=measure.unit, scale=measure.scale, digits=max(measure.digits, 2), source=measure.source)
    known: dict[str, Any] = {
        "__doc__": words, "key": key, "kind": Kind(said.kind), "name": name, "needs": said.column,
        "unit": f"{measure.label} {said.more}".strip(), "limits": type(said), "measure": measure.key,
        "decides": measure.column or said.column, "fault": said.fault,
    }  # fmt: skip
    return type(f"Own_{key}", (_ByForm,), known)(), said


def _class_of(check: str) -> type[Check]:
    module, _, name = check.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except AttributeError:
        raise ValueError(f"{module} has no {name}; name a class of it") from None
    except (Exception, SystemExit) as error:  # it is a user's code: whatever it does when imported
        raise ValueError(f"{check} cannot be imported ({_first_line(error)}); is its package on PYTHONPATH?") from None
    if not (isinstance(found, type) and issubclass(found, Check)):
        raise ValueError(f"{check} should be a class of gates.checks.check.Check")
    return found


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
