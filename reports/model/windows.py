"""How did each gate, and what decided beside them, stand at the end of each window of the climb?"""

from collections.abc import Mapping

import pyarrow as pa

from gates.release import Outcome
from gates.rule.evaluator import Evaluator
from gates.rule.preflight import fix_constants
from gates.verdicts import Cell, Kind
from rollout import order
from rollout.columns import Measured, read_preflight

Windows = Mapping[str, Mapping[int, Cell]]  # check -> number of a window -> its cell at the end of it
MOST = 12  # windows that are looked at; of a longer climb those between are left out: intervals take their time


def windows_of(outcome: Outcome, measured: Measured, agg: pa.Table, told: Cell | None) -> Windows:
    """The gates' cells, and those of the check that is `told` first where it is none of them, as the windows ended.

    The evaluator sees the pairs again as the ladder showed them. At a step's end stands what was decided on, so that
    no picture says another thing than the tables.
    """
    subject, facts = outcome.subject, outcome.climbed.constants
    policy = subject.policy
    if facts is None:
        return {}
    preflight, intent = read_preflight(agg, subject.baseline_name, policy.slices.intents)
    constants = fix_constants(policy, preflight, intent, order.seed(outcome.climbed.fingerprint))
    evaluator = Evaluator(hero=subject.name, policy=policy, constants=constants, missing=facts.missing)
    beside = [told.check] if told is not None and told.kind in (Kind.GUARD, Kind.SLICE) else []
    checks = [check for check in (*policy.asked(Kind.GATE), *beside) if evaluator.asks(check)]
    decided = {cell.key: cell for cell in outcome.cells}
    found: dict[str, dict[int, Cell]] = {check: {} for check in checks}
    every, at = -(-outcome.climbed.windows // MOST), 0
    for step in outcome.climbed.steps:
        evaluator.begin_step(step.percent)
        for window in range(1, step.windows + 1):
            until = min(at + policy.ladder.window, len(measured))
            while at < until:
                end = min(at + policy.ladder.red_every, until)
                evaluator.observe(measured.pairs(at, end, policy.slices.intents))
                at = end
            if not evaluator.ends:  # else it ended within the window
                evaluator.end_window()
            for check in checks:
                between = window % every or (every > 1 and check in beside)  # over a long canary it takes longest
                if between and window != step.windows:
                    continue
                cell = evaluator.cell(check)
                last = step.percent == outcome.climbed.steps[-1].percent
                ends = window == step.windows and (cell.kind is Kind.GATE or last)
                number = evaluator.windows + evaluator.open_window
                found[check][number] = decided.get(cell.key, cell) if ends else cell
    return {check: cells for check, cells in found.items() if cells}  # none where a step broke off in its first
