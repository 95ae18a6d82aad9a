"""What is each measure called, and how are marks, limits and evidence told? The names of checks: gates.names."""

from __future__ import annotations

import math
import re

from gates.checks.name import Name, number_of
from gates.checks.registry import BY_INTENT, BY_KEY
from gates.names import check_name, slice_parts
from gates.policy import Policy
from gates.verdicts import Cell, Verdict

METRICS = {
    "ndcg_at_10": Name(label="nDCG@10", unit="pt", scale=100, digits=1),
    "sla_recall_at_50": Name(label="SLA-Recall@50", unit="pt", scale=100, digits=1),
    "p95_latency_ms": Name(label="p95 latency", unit="ms", digits=1, brief="p95"),
    "p95_net_ms": Name(label="p95 net of waiting", unit="ms", digits=1, brief="p95 net"),
    "cpu_ms": Name(label="CPU time a query", unit="ms", digits=2, brief="CPU time"),
    "ece": Name(label="calibration error (ECE)", digits=3, brief="ECE"),
    "file_credit": Name(label="file credit", unit="%", scale=100, digits=1),
}

#: More is worse.
COSTS = ("p95_latency_ms", "p95_net_ms", "cpu_ms", "ece", "file_credit")

#: The measure that a claim is about, where a pack calls it otherwise.
CLAIMED = {"recall_at_50": "sla_recall_at_50"}

#: The measure that a check or question is about: what "by intent" and "lost most" are told in.
_MEASURE_OF = {
    **{key: check.measure for key, check in (*BY_KEY.items(), *BY_INTENT.items())},
    "aece_tau": "ece",
    "ece": "ece",
    "file_only": "file_credit",
    "stop_rule": "ndcg_at_10",
    "oracle_queries": "ndcg_at_10",
}

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


def measure_of(check: str) -> str:
    """The measure that a check is about; SLA-Recall@50 where it is about none."""
    return _MEASURE_OF.get(slice_parts(check)[0] or check, "sla_recall_at_50")


def metric_name(metric: str) -> Name:
    """The name of a measure; its own key where it has none."""
    return METRICS.get(metric) or Name(label=metric, digits=4)


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


def is_enough(cell: Cell) -> bool:
    """Is this verdict inconclusive where "not shown broken" is all that is asked?"""
    return cell.verdict is Verdict.INCONCLUSIVE and cell.required == "not_red" and cell.n > 0


def limit_words(check: str, policy: Policy, cells: tuple[Cell | None, ...]) -> str:
    """The limit of a check at each step, as people read it: from the policy, else from the cells."""
    name, letter = check_name(check), policy.mode == "letter"
    if check == "calibrator_p99":
        return f"< {plain(policy.gates.calibrator_p99.limit_ms)}"
    if check == "aece_tau":
        limits = (policy.letter.aece_minus_tau,) if letter else policy.gates.aece_tau.green_below
        return " ".join(plain(limit) for limit in limits)
    if check == "confidence_shift":
        return f"{plain(policy.gates.confidence_shift.limit)}"
    if check == "sla_recall_at_50_delta":
        if letter:
            return plain(policy.letter.recall_lost * name.scale)
        recall = policy.gates.sla_recall_at_50_delta
        return f"{plain(recall.margin * name.scale)}; {plain(recall.final_margin * name.scale)} in all"
    measured = dict.fromkeys(c.limit for c in cells if c is not None and c.limit)
    return " ".join(plain(number_of(limit) * name.scale) for limit in measured)


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


def percent_words(share: str) -> str:
    """A share as whole percent; "" where it is no number."""
    number = number_of(share)
    return f"{number * 100:.0f} %" if math.isfinite(number) else ""


def headroom_words(share: str) -> str:
    """The share of a limit that is left; a hero that gains where a loss was looked for has the whole limit left."""
    return "> 100 %" if number_of(share) > 1 else percent_words(share)


def plain(value: float) -> str:
    """A limit without trailing zeros."""
    return f"{value:.4g}"


def short(text: str) -> str:
    """Numbers without the zero before a decimal point: columns stay narrow."""
    return re.sub(r"(?<![\d.])0(?=\.\d)", "", text)
