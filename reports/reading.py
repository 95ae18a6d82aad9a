"""How is a measured difference, or the cell that a decision rests on, put into words?"""

from __future__ import annotations

from gates.policy import Policy
from gates.verdicts import Cell, Verdict
from reports.gains import Gain
from reports.names import COSTS, check_name, evidence_words, is_enough, mark, metric_name, plain
from reports.story import Story

#: The guard that speaks about a measure in its own unit.
_GUARD_OF = {"p95_latency_ms": "p95_latency", "file_credit": "file_credit"}
_LINE = 88  # columns: evidence and note share a line where there is room


def effect_words(story: Story, gain: Gain) -> str:
    """What a difference amounts to: the guard's verdict where there is one, else what its interval shows."""
    row = next((r for r in story.rows if r.check == _GUARD_OF.get(gain.metric) and not r.left_out), None)
    cell = row.last if row else None
    if row is None or cell is None:
        return shown_words(gain)
    if gain.metric == "p95_latency_ms":
        return f"{mark(cell)} limit +{row.limit} ms"
    if is_enough(cell):
        return f"~ not shown above {row.limit} %"
    return f"x shown above {row.limit} %" if cell.verdict is Verdict.RED else f"{mark(cell)} limit {row.limit} %"


def shown_words(gain: Gain) -> str:
    """Gain, loss or neither, by whether the interval holds zero."""
    low, high = gain.difference.lower, gain.difference.upper
    if gain.metric in COSTS:
        return "more shown" if low > 0 else "less shown" if high < 0 else "no difference shown"
    return "gain shown" if low > 0 else "loss shown" if high < 0 else "no difference shown"


def interval_words(gain: Gain) -> str:
    """The 95 % interval of a difference in brackets."""
    return metric_name(gain.metric).range(gain.difference.lower, gain.difference.upper, signed=True)


def why(cell: Cell, policy: Policy) -> list[str]:
    """What was measured in the cell that the decision rests on, in at most three lines."""
    name = check_name(cell.check, cell.unit)
    where = f"at {cell.step} %: " if cell.step else ""
    if not cell.n:
        return [f"{where}{name.label}: nothing was measured", *([cell.note] if cell.note else [])]
    unit = f" {name.unit}" if name.unit else ""
    observed = f"{name.show(cell.observed)}{unit} {name.range(cell.ci_lower, cell.ci_upper)}".rstrip()
    lines = [f"{where}{name.label} {observed}, limit {_limit(cell, policy)}, n {cell.n:,}"]
    found = []
    if cell.e_red:
        reached = cell.verdict is Verdict.RED and "e-process" in cell.note
        found.append(
            f"e-red {evidence_words(cell.e_red)} {'>=' if reached else 'of'} {evidence_words(cell.e_red_needed)} needed"
        )
    if cell.e_green and cell.verdict is not Verdict.RED:
        found.append(f"e-green {evidence_words(cell.e_green)} of {evidence_words(cell.e_green_needed)} needed")
    told = "    ".join([*found, cell.note] if cell.note else found)
    if len(told) > _LINE and cell.note:
        return [*lines, *(["    ".join(found)] if found else []), cell.note]
    return [*lines, told] if told else lines


def _limit(cell: Cell, policy: Policy) -> str:
    """The limit that the verdict is about: calibration error has one to be shown broken and one to be shown to hold."""
    if cell.check == "aece_tau" and cell.verdict is Verdict.RED:
        return plain(policy.gates.aece_tau.red_above)
    return check_name(cell.check, cell.unit).show(cell.limit)
