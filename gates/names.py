"""What is every check called, and what does a cell say in one line, in the unit in which people read its numbers?

A check that has no entry is told under its own key and in its own unit, so that a new one needs no change here.
"""

from __future__ import annotations

from dataclasses import replace

from gates.checks.name import Name
from gates.checks.registry import BY_INTENT, BY_KEY
from gates.statistics.decimals import decimal
from gates.verdicts import Cell, Verdict

CHECKS = {
    **{key: check.name for key, check in BY_KEY.items()},
    "index_integrity": Name(label="documents not found again", unit="%", scale=100, digits=0, brief="index"),
    "oracle_queries": Name(label="known answers not found", digits=0, brief="oracles"),
    "file_only": Name(label="credits for the file alone", unit="%", scale=100, digits=1, brief="file only"),
    "sla_off": Name(label="answers masked wrongly", digits=0, brief="SLA off"),
    "pool": Name(label="pool that one arm lacks", unit="%", scale=100, digits=0, brief="pool"),
    "core_search": Name(label="answers by a fallback", unit="%", scale=100, digits=1, brief="core search"),
    "stop_rule": Name(label="suspicious patterns", digits=0, brief="stop rule"),
    "lock": Name(label="fields not as locked", digits=0),
    "aece_tau": Name(label="calibration error", digits=3),
    "ece": Name(label="ECE in all", digits=3),
    "known_answers": Name(label="known answers", unit="wrong", digits=0),
    "preflight": Name(label="baseline preflight", unit="%", scale=100, digits=1),
    "traffic_share": Name(label="traffic beyond the step's", unit="%", scale=100, digits=1, two_sided=True),
    "aa_shadow": Name(label="A/A recall lost", unit="pt", scale=100, digits=1, two_sided=True),
    "aa_dispersion": Name(label="A/A dispersion", unit="times chance", digits=1),
    "machine": Name(label="baseline slower than alone", unit="%", scale=100, digits=1),
}

#: Gates that read other numbers by the letter: a limit of 0 is broken by what one digit does not show.
BY_LETTER = {
    "aece_tau": Name(label="AECE - tau", digits=3),
    "sla_recall_at_50_delta": Name(label="SLA-Recall@50 lost", unit="pt", scale=100, digits=2),
}


def check_name(check: str, unit: str = "", mode: str = "evidence") -> Name:
    """The name of a check under a mode of decision; its own key where it has none."""
    question, intent = slice_parts(check)
    if question:
        name = BY_INTENT[question].name
        return replace(name, label=f"{name.label}, intent {intent}")
    named = {**CHECKS, **BY_LETTER} if mode == "letter" else CHECKS
    return named.get(check) or Name(label=check, unit=unit, digits=4)


def slice_parts(check: str) -> tuple[str, str]:
    """(question, intent) of a check on one intent, ("", "") of any other."""
    question, _, intent = check.partition("_")
    return (question, intent) if question in BY_INTENT and check not in BY_KEY else ("", "")


def told(check: str, value: str | float) -> str:
    """A number of a check with its unit, a digit finer than in rows; as it is where the check has no name."""
    question, _ = slice_parts(check)
    if not question and check not in CHECKS:
        return value if isinstance(value, str) else decimal(value, 3)
    name = check_name(check)
    return f"{replace(name, digits=name.digits + 1 if name.digits else 0).show(value)} {name.unit}".rstrip()


def sentence(cell: Cell) -> str:
    """Everything a release manager needs of a cell in one line."""
    if cell.verdict is Verdict.NOT_REACHED:
        return f"not reached: {cell.ended}"
    observed = f"observed {told(cell.check, cell.observed)}" if cell.observed else "nothing observed"
    parts = [f"{cell.verdict}: {observed}"]
    if cell.limit:
        parts.append(f"limit {told(cell.check, cell.limit)}")
    if cell.headroom:
        parts.append(f"headroom {cell.headroom}")
    parts.append(f"n {cell.n:,}")
    if cell.ci_lower:
        parts.append(f"interval [{told(cell.check, cell.ci_lower)}, {told(cell.check, cell.ci_upper)}]")
    if cell.e_red:
        parts.append(f"e-red {cell.e_red} of {cell.e_red_needed} needed")
    if cell.e_green:
        parts.append(f"e-green {cell.e_green} of {cell.e_green_needed} needed")
    if cell.note:
        parts.append(cell.note)
    return ", ".join(parts)
