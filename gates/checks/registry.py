"""Which checks are there? Every class of this folder that has a key; all else loops over them.

A new file is found by itself. Within a kind they stand in the order of `place`, which is that of reports.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

from pydantic import create_model

import gates.checks as here
from gates.checks.check import Check
from gates.documents import Document
from gates.verdicts import Kind

KINDS = tuple(Kind)


def _classes() -> Iterator[type[Check]]:
    for found in pkgutil.iter_modules(here.__path__, f"{here.__name__}."):
        module = importlib.import_module(found.name)
        own = (thing for thing in vars(module).values() if isinstance(thing, type) and issubclass(thing, Check))
        yield from (one for one in own if one.__module__ == module.__name__ and hasattr(one, "key"))


CHECKS: tuple[Check, ...] = tuple(
    sorted((one() for one in _classes()), key=lambda c: (KINDS.index(c.kind), c.place, c.key))
)

BY_KEY = {check.key: check for check in CHECKS if check.kind is not Kind.SLICE}
BY_INTENT = {check.key: check for check in CHECKS if check.kind is Kind.SLICE}


def needs_of(key: str) -> str:
    """The column of evidence without which a check cannot be asked; "" where any system gives it."""
    check = BY_KEY.get(key) or BY_INTENT.get(key.partition("_")[0])
    return check.needs if check else ""


def keys_of(kind: Kind) -> tuple[str, ...]:
    """The keys of one kind, in the order of reports."""
    return tuple(check.key for check in CHECKS if check.kind is kind)


def block_of(kind: Kind, name: str, module: str, base: type[Document] = Document) -> type[Any]:
    """The model of a kind's block in policy.yaml: the limits of each of its checks, and what `base` asks beside.

    It stands as `name` in `module`, where pickle finds it.
    """
    fields: dict[str, Any] = {check.key: (check.limits, ...) for check in CHECKS if check.kind is kind}
    return create_model(name, __base__=base, __module__=module, **fields)
