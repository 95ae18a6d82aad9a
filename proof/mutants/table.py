"""The table of the gate mutation score: every seeded fault, and the check that must catch it.

Each check that a policy asks brings the fault that must turn it RED; what no pack can say stands in the other modules.
A fault that no check catches is a finding to close, not one to drop from the table.
"""

from collections.abc import Iterator, Mapping

from gates.checks.registry import CHECKS
from gates.policy import Policy
from gates.verdicts import Kind
from proof.mutants.code import CODE
from proof.mutants.heroes import HEROES
from proof.mutants.measuring import MEASURING
from proof.mutants.mutant import Heroes, Mutant

TABLE: tuple[Mutant, ...] = (*HEROES, *MEASURING, *CODE)
BY_NAME = {mutant.name: mutant for mutant in TABLE}

#: Faults that no system survives, and in which heroes they can be seeded. How far another one reaches depends on the
#: system, so that it is seeded in a user's hero only where it is the user's own.
SURE: Mapping[str, Heroes] = {"empty": "any", "shuffled": "any", "failing": "any", "spending": "any", "slow": "timed"}


def all_mutants(policy: Policy) -> tuple[Mutant, ...]:
    """What can be seeded under a policy: the faults of its checks, and those of the table."""
    return (*_of_checks(policy), *TABLE)


def _of_checks(policy: Policy) -> Iterator[Mutant]:
    """A hero for each check that names its fault; for a slice, one of the policy's first intent."""
    for key in policy.asked(*Kind):
        known = policy.check(key)
        fault = dict(known.check.fault)
        if not fault or known.intent.at > 0:
            continue
        if known.intent.name:
            fault["intent"] = known.intent.name
        what = " ".join((known.check.__doc__ or key).split())
        yield Mutant(
            name=f"hero_{key}", area="hero", what=what, check=key, pack={"fault": fault},
            heroes=SURE.get(str(fault["kind"]), "own" if known.check in CHECKS else "any"),
        )  # fmt: skip
