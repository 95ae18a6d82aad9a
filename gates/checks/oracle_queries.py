"""Do known questions find their known answers?"""

from gates.checks.battery import Finding, SanityCheck, SanityFacts, Snapshot, not_evidenced, some
from gates.checks.check import HoldLimits, Name


class OracleQueries(SanityCheck):
    """What everybody knows to be the right answer is not found."""

    key, place, needs, measure = "oracle_queries", 2, "oracles", "ndcg_at_10"
    unit, name = "known answers not found", Name(label="known answers not found", digits=0, brief="oracles")
    open_words = "no known question was asked"
    mend = "see what the hero answers to one of them before anything else is tried"
    fault = {"kind": "stale", "lines": 1000}
    broken_words = "known questions do not find their known answers"

    def find(self, limits: HoldLimits, snapshot: Snapshot, facts: SanityFacts, sla_ms: float) -> Finding:
        oracles = facts.oracles
        if oracles is None or oracles.why:
            return not_evidenced(oracles.why if oracles else "no known answer was asked for; run the canary again")
        asked, within = oracles.asked, oracles.within
        lost = [oracle for oracle in asked if not 1 <= oracle.rank <= within]
        told = [f"{oracle.id} ({oracle.expected} {_rank(oracle.rank)})" for oracle in lost]
        wrong = f"not within rank {within}: {some(told)}; see what the hero answers there" if lost else ""
        return Finding(len(lost), 0, len(asked), wrong)


def _rank(rank: int) -> str:
    return f"at rank {rank}" if rank else "not found"
