"""Where is a policy weaker than the template that it is based on? Told on the first screen, and attested."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gates.documents import Weaker
from gates.offline import TEMPLATES
from gates.policy import Policy, load_policy

#: Words, the stronger one first.
_WORDS = {
    "on_red": ("rollback", "hold"),
    "required": ("green", "not_red"),
    "mode": ("evidence", "letter", "warn"),
    "latency": ("client", "server"),
    "unjudged": ("bounded", "not-relevant"),
}


def weaker_places(policy: Policy) -> tuple[str, ...]:
    """Each place with its value and the template's; empty where the policy names no template."""
    if not policy.based_on:
        return ()
    told = _places(policy, _template(policy.based_on))
    return tuple(f"{place} {_words(given)} ({_words(asked)})" for place, given, asked in told)


@cache
def _template(name: str) -> Policy:
    return load_policy(TEMPLATES / f"{name}.yaml")


def _places(policy: Policy, template: Policy) -> Iterator[tuple[str, Any, Any]]:
    yield from _of_model(policy, template, "")
    for key, why in sorted(policy.left_out.items()):
        if key not in template.left_out:
            yield f"left_out.{key}", why, "asked"
    steps, asked = policy.ladder.steps, template.ladder.steps
    if len(steps) < len(asked) or steps[0] > asked[0]:
        yield "ladder.steps", steps, asked
    if len(policy.slices.intents) < len(template.slices.intents):
        yield "slices.intents", policy.slices.intents, template.slices.intents
    if template.characteristics and not policy.characteristics:
        yield "characteristics", "none", template.characteristics


def _of_model(given: BaseModel, asked: BaseModel, at: str) -> Iterator[tuple[str, Any, Any]]:
    for name, field in type(asked).model_fields.items():
        one, other, place = getattr(given, name, None), getattr(asked, name), f"{at}{name}"
        if isinstance(one, BaseModel) and isinstance(other, BaseModel):
            yield from _of_model(one, other, f"{place}.")
        elif name in _WORDS:
            stronger, *weaker = _WORDS[name]
            if other == stronger and one in weaker:
                yield place, one, other
        elif (side := _side(field)) and _beyond(side, one, other):
            yield place, one, other


def _side(field: FieldInfo) -> Weaker | None:
    """Of a number, or of those in a tuple or mapping."""
    inner = (part for argument in get_args(field.annotation) for part in get_args(argument))
    return next((part for part in (*field.metadata, *inner) if isinstance(part, Weaker)), None)


def _beyond(side: Weaker, one: Any, other: Any) -> bool:
    if isinstance(other, Mapping):  # by intent; one that is not named has 0
        pairs = [(one[key], other.get(key, 0.0)) for key in one]
    elif isinstance(other, tuple):  # by step, the last ones meet
        pairs = list(zip(reversed(one), reversed(other), strict=False))
    else:
        pairs = [(one, other)]
    return any(a > b if side is Weaker.ABOVE else a < b for a, b in pairs)


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(one)}" for key, one in value.items())
    if isinstance(value, tuple):
        return " ".join(map(_words, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
