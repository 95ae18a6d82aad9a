"""Without the time limit nothing is worse, and only late answers are masked."""

import numpy as np

from gates.checks.battery import Finding, SanityCheck, SanityFacts, Snapshot, some
from gates.checks.check import HoldLimits, Name
from gates.statistics.decimals import decimal


class SlaOff(SanityCheck):
    """Late answers count, or answers in time do not: the measuring cannot be trusted."""

    key, place, unit = "sla_off", 4, "answers masked wrongly"
    name = Name(label="answers masked wrongly", digits=0, brief="SLA off")
    mend = "mend the measuring first: late answers are told from others in rollout/replay.py"
    broken_words = "late answers are masked wrongly: the measuring cannot be trusted"

    def find(self, limits: HoldLimits, snapshot: Snapshot, facts: SanityFacts, sla_ms: float) -> Finding:
        told, rows = [], 0
        for side in snapshot.sides:
            in_time = ~(side.latency_ms > sla_ms)  # what has no latency is in time
            mistaken = side.within_sla != in_time
            masked = ~np.isclose(side.sla_recall, np.where(side.within_sla, side.recall, 0.0), rtol=0, atol=1e-9)
            on, off = float((side.ndcg * side.within_sla).mean()), float(side.ndcg.mean())
            rows += int((mistaken | masked).sum())
            if mistaken.any():
                told.append(f"{int(mistaken.sum())} answers of {side.name} are called late or in time wrongly")
            if masked.any():
                told.append(f"{int(masked.sum())} of {side.name} count otherwise than their hits and time say")
            if off < on or (off > 0 and on == 0 and in_time.all()):
                means = f"{decimal(on, 3)} with the limit and {decimal(off, 3)} without"
                told.append(f"mean nDCG of {side.name} is {means}")
                rows = max(rows, 1)
        wrong = f"the {sla_ms:g} ms mask is applied wrongly: {some(told)}; mend the measuring" if told else ""
        asked, of = facts.asked, facts.of
        few = f"asked {asked} of {of} queries: most answers came late" if asked < of else ""
        return Finding(rows, 0, len(snapshot), f"{wrong}; {few}" if wrong and few else wrong, few)
