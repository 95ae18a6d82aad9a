"""Is the index the one that was built for this code?"""

from gates.checks.battery import Finding, SanityCheck, SanityFacts, Snapshot, not_evidenced, some
from gates.checks.check import AtLeast, HoldLimits, Name


class IndexIntegrityLimits(HoldLimits):
    """At least `found` of the sampled documents find themselves; no count or digest differs."""

    found: AtLeast


class IndexIntegrity(SanityCheck):
    """The index is damaged, or of another code: its answers are not the hero's."""

    key, limits, place, needs = "index_integrity", IndexIntegrityLimits, 1, "index"
    unit = "share of documents that do not find themselves"
    name = Name(label="documents not found again", unit="%", scale=100, digits=0, brief="index")
    open_words = "the state of the index is not evidenced"
    mend = "empty the cache and run again: the index is built anew"
    broken_words = "the index is not the one that was built for this code"

    def find(self, limits: IndexIntegrityLimits, snapshot: Snapshot, facts: SanityFacts, sla_ms: float) -> Finding:
        index = facts.index
        if index is None:
            return not_evidenced("the index was not looked at; run the canary again")
        sampled, found, counts, damaged = index.sampled, index.found, index.counts, list(index.damaged)
        wrong = ""
        if damaged:
            wrong = f"{some(damaged)} changed since the index was built; empty the cache and build it again"
        elif len(set(counts.values())) > 1:
            told = ", ".join(f"{name} {n:,}" for name, n in sorted(counts.items()))
            wrong = f"the index's parts differ in size ({told}); empty the cache and build it again"
        elif found / sampled < limits.found:
            wrong = (
                f"{found} of {sampled} sampled documents find themselves, but {limits.found:.0%} should; "
                "the hero's index is not of this code: build it again"
            )
        return Finding(1 - found / sampled, 1 - limits.found, sampled, wrong)
