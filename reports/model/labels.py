"""What is each measure called, and how are marks, limits and evidence told? The names of checks: gates.names."""

import math
import re

from gates.checks.check import Name, number_of
from gates.checks.measures import MEASURES
from gates.checks.question import NOTHING_FIXED
from gates.names import check_name
from gates.policy import Policy
from gates.verdicts import Cell, Verdict

#: The measure that a claim is about, where a pack calls it otherwise.
CLAIMED = {"recall_at_50": "sla_recall_at_50"}

MARKS = {Verdict.GREEN: "+", Verdict.RED: "x", Verdict.INCONCLUSIVE: "?", Verdict.NOT_REACHED: "."}
MISSING = "!"
NOT_SHOWN_BROKEN = "~"
#: What each mark means.
MARK_WORDS = {
    "+": "shown to hold",
    "?": "not shown",
    "x": "shown broken",
    NOT_SHOWN_BROKEN: "not shown broken (enough here)",
    ".": "not reached",
    MISSING: "no result",
}


def metric_name(metric: str) -> Name:
    """The name of a measure; its own key where it has none."""
    return MEASURES.get(metric) or Name(label=metric, digits=4)


def mark(cell: Cell | None) -> str:
    """One character for a verdict: no colour is needed to read it."""
    if cell is None:
        return MISSING
    if is_enough(cell):
        return NOT_SHOWN_BROKEN
    return MARKS[cell.verdict]


def mark_words(cell: Cell | None) -> str:
    """What the mark of a cell means, for those who do not see it."""
    return MARK_WORDS[mark(cell)]


def is_reached(cell: Cell | None) -> bool:
    """Did the climb come to this cell?"""
    return cell is not None and cell.verdict is not Verdict.NOT_REACHED


def is_enough(cell: Cell) -> bool:
    """Is this verdict inconclusive where "not shown broken" is all that is asked?"""
    return cell.verdict is Verdict.INCONCLUSIVE and cell.required == "not_red" and cell.n > 0


def limit_words(check: str, policy: Policy, cells: tuple[Cell | None, ...]) -> str:
    """The limit of a check at each step, as people read it: from the policy, else from the cells."""
    asked = policy.check(check)
    scale = check_name(check, mode=policy.mode).scale
    point = asked.check.point(asked.limits, policy.letter, NOTHING_FIXED) if policy.mode == "letter" else None
    if point is not None and asked.check.letter_name is not None:
        return f"{point.limit * scale:.4g}"
    words = asked.check.limit_words(asked.limits)
    if words:
        return words
    measured = dict.fromkeys(c.limit for c in cells if c is not None and c.limit)
    return " ".join(f"{number_of(limit) * scale:.4g}" for limit in measured)


def evidence_words(text: str) -> str:
    """An e-value as people read it: 6,480 instead of 6480; what is larger keeps its power of ten.

    Never rounded up: 99.6 of 100 needed is not 100.
    """
    number = number_of(text)
    if not math.isfinite(number) or "e" in text:
        return text
    if number >= 10:
        return f"{math.floor(number):,}"
    return f"{math.floor(number * 10) / 10:g}" if number >= 1 else f"{number:.2g}"


def headroom_words(share: str) -> str:
    """The share of a limit that is left; a hero that gains where a loss was looked for has the whole limit left."""
    number = number_of(share)
    return "> 100 %" if number > 1 else f"{number * 100:.0f} %" if math.isfinite(number) else ""


def short(text: str) -> str:
    """Numbers without the zero before a decimal point: columns stay narrow."""
    return re.sub(r"(?<![\d.])0(?=\.\d)", "", text)
