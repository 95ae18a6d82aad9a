"""What is each check and each measure called, and in which unit do people read its numbers?

A check or measure that has no entry is shown under its own key and in its own unit, so that a new one needs no change
here to be reported.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from gates.policy import Policy
from gates.verdicts import Cell, Verdict

SELF_REPORTED = "self-reported"  # by the system that is judged


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


CHECKS = {
    "index_integrity": Name(label="documents not found again", unit="%", scale=100, digits=0, brief="index"),
    "oracle_queries": Name(label="known answers not found", digits=0, brief="oracles"),
    "file_only": Name(label="credits for the file alone", unit="%", scale=100, digits=1, brief="file only"),
    "sla_off": Name(label="answers masked wrongly", digits=0, brief="SLA off"),
    "pool": Name(label="pool that one arm lacks", unit="%", scale=100, digits=0, brief="pool"),
    "core_search": Name(label="answers by a fallback", unit="%", scale=100, digits=1, brief="core search"),
    "stop_rule": Name(label="suspicious patterns", digits=0, brief="stop rule"),
    "lock": Name(label="fields not as locked", digits=0),
    "calibrator_p99": Name(label="calibrator p99", unit="ms", digits=3, source=SELF_REPORTED),
    "aece_tau": Name(label="calibration error", digits=3),
    "confidence_shift": Name(label="confidence shift", digits=3, two_sided=True),
    "sla_recall_at_50_delta": Name(label="SLA-Recall@50 lost", unit="pt", scale=100, digits=1),
    "ndcg_at_10": Name(label="nDCG@10 lost", unit="pt", scale=100, digits=1),
    "p95_latency": Name(label="p95 latency added", unit="ms", digits=1),
    "within_sla": Name(label="answers after the SLA", unit="%", scale=100, digits=1),
    "errors": Name(label="hero-only errors", unit="%", scale=100, digits=2),
    "ece": Name(label="ECE in all", digits=3),
    "file_credit": Name(label="file credit", unit="%", scale=100, digits=1),
    "spend": Name(label="spend over the cap", unit="%", scale=100, digits=1, source=SELF_REPORTED),
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

#: Questions that are asked of each intent: recall_docstring, calibration_docstring, ...
BY_INTENT = {
    "recall": Name(label="recall lost", unit="pt", scale=100, digits=1),
    "calibration": Name(label="calibration error", digits=3),
}

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
    "sla_recall_at_50_delta": "sla_recall_at_50",
    "ndcg_at_10": "ndcg_at_10",
    "aece_tau": "ece",
    "p95_latency": "p95_latency_ms",
    "within_sla": "p95_latency_ms",
    "ece": "ece",
    "file_credit": "file_credit",
    "spend": "p95_latency_ms",
    "file_only": "file_credit",
    "stop_rule": "ndcg_at_10",
    "oracle_queries": "ndcg_at_10",
    "recall": "sla_recall_at_50",
    "calibration": "ece",
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


def check_name(check: str, unit: str = "", mode: str = "evidence") -> Name:
    """The name of a check under a mode of decision; its own key where it has none."""
    question, intent = slice_parts(check)
    if question:
        name = BY_INTENT[question]
        return replace(name, label=f"{name.label}, intent {intent}")
    named = {**CHECKS, **BY_LETTER} if mode == "letter" else CHECKS
    return named.get(check) or Name(label=check, unit=unit, digits=4)


def slice_parts(check: str) -> tuple[str, str]:
    """(question, intent) of a check on one intent, ("", "") of any other."""
    question, _, intent = check.partition("_")
    return (question, intent) if question in BY_INTENT else ("", "")


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


def number_of(value: object) -> float:
    """A number of the evidence or of the ladder's record; NaN for what is none."""
    try:
        return float(str(value))
    except ValueError:
        return math.nan


def plain(value: float) -> str:
    """A limit without trailing zeros."""
    return f"{value:.4g}"


def short(text: str) -> str:
    """Numbers without the zero before a decimal point: columns stay narrow."""
    return re.sub(r"(?<![\d.])0(?=\.\d)", "", text)
