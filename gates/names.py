"""What is every check called, and what does a cell say in one line, in the unit in which people read its numbers?

A check that has no entry is told under its own key and in its own unit, so that a new one needs no change here.
"""

from dataclasses import replace
from functools import partial

from gates.checks.check import Check, Name
from gates.checks.registry import BY_INTENT, BY_KEY
from gates.statistics.decimals import decimal
from gates.verdicts import Cell, Verdict

#: Users' own checks, as the policies that were read name them: how they are told, never how they are asked.
OWN: dict[str, Check] = {}


def check_name(check: str, unit: str = "", mode: str = "evidence") -> Name:
    """The name of a check under a mode of decision; its own key where it has none."""
    question, intent = slice_parts(check)
    if question:
        name = BY_INTENT[question].name
        return replace(name, label=f"{name.label}, intent {intent}")
    known = BY_KEY.get(check) or OWN.get(check)
    if known is None:
        return Name(label=check, unit=unit, digits=4)
    if mode == "offline" and check in OWN and unit:  # there all are losses of a measure in [0, 1]
        return Name(label=unit, unit="pt", scale=100, digits=1)
    name = known.letter_name if mode == "letter" and known.letter_name is not None else known.name
    return known.names.get(unit, name)


def check_of(check: str) -> Check | None:
    """The check that is meant by a key, whoever brought it."""
    return BY_INTENT.get(slice_parts(check)[0]) or BY_KEY.get(check) or OWN.get(check)


def meaning(check: str) -> str:
    """What would be wrong in production where this check is broken: its docstring; "" for a check that has none."""
    known = check_of(check)
    return " ".join((known.__doc__ or "").split()) if known is not None else ""


def slice_parts(check: str) -> tuple[str, str]:
    """(question, intent) of a check on one intent, ("", "") of any other."""
    question, _, intent = check.partition("_")
    return (question, intent) if question in BY_INTENT and check not in BY_KEY and check not in OWN else ("", "")


def told(check: str, value: str | float, unit: str = "") -> str:
    """A number of a check with its unit, a digit finer than in rows; as it is where the check has no name."""
    if check_of(check) is None:
        return value if isinstance(value, str) else decimal(value, 3)
    name = check_name(check, unit)
    return f"{replace(name, digits=name.digits + 1 if name.digits else 0).show(value)} {name.unit}".rstrip()


def sentence(cell: Cell) -> str:
    """Everything a release manager needs of a cell in one line."""
    if cell.verdict is Verdict.NOT_REACHED:
        return f"not reached: {cell.ended}"
    number = partial(told, cell.check, unit=cell.unit)
    observed = f"observed {number(cell.observed)}" if cell.observed else "nothing observed"
    parts = [f"{cell.verdict}: {observed}"]
    if cell.limit:
        parts.append(f"limit {number(cell.limit)}")
    if cell.headroom:
        parts.append(f"headroom {cell.headroom}")
    parts.append(f"n {cell.n:,}")
    if cell.ci_lower:
        parts.append(f"interval [{number(cell.ci_lower)}, {number(cell.ci_upper)}]")
    if cell.e_red:
        parts.append(f"e-red {cell.e_red} of {cell.e_red_needed} needed")
    if cell.e_green:
        parts.append(f"e-green {cell.e_green} of {cell.e_green_needed} needed")
    if cell.note:
        parts.append(cell.note)
    return ", ".join(parts)
