"""Are credits for the right file alone, because lines are not those of the code?"""

from gates.checks.battery import Finding, SanityCheck, SanityFacts, Snapshot, not_evidenced
from gates.checks.check import AtMost, HoldLimits, Name


class FileOnlyLimits(HoldLimits):
    """Of the credits of answers with several, at most `share` are for the right file alone."""

    share: AtMost


class FileOnly(SanityCheck):
    """Lines are not those of the code: what counts as found is only the right file."""

    key, limits, place, needs, measure = "file_only", FileOnlyLimits, 3, "line_start", "file_credit"
    unit = "share of file credits"
    name = Name(label="credits for the file alone", unit="%", scale=100, digits=1, brief="file only")
    mend = "build the index again on the code as it is"
    fault = {"kind": "stale", "lines": 1000}
    broken_words = "lines are not those of the code: credits are for the file alone"

    def find(self, limits: FileOnlyLimits, snapshot: Snapshot, facts: SanityFacts, sla_ms: float) -> Finding:
        hero, limit = snapshot.hero, limits.share
        several = hero.credits > 1
        credits, of_file = int(hero.credits[several].sum()), int(hero.file_credits[several].sum())
        if not hero.credits.sum():
            return not_evidenced(f"no answer of {hero.name} earns any credit")
        if not credits:
            return Finding(0, limit, len(snapshot), note="vacuous: no answer has several credits")
        share = of_file / credits
        wrong = (
            f"{share:.1%} of {credits:,} credits are for the right file alone, at most {limit:.0%} may: "
            f"the lines of {hero.name} are not those of the code; build its index again"
        )
        return Finding(share, limit, int(several.sum()), wrong if share > limit else "")
