"""The table of the gate mutation score: every seeded fault, and the check that must catch it.

A fault that no check catches is a finding to close, not one to drop from the table.
"""

from __future__ import annotations

from proof.mutant import AREAS, Edit, FileFault, Mutant
from proof.mutant_code import BENT, EARLIER_DEFECTS, LETS_PASS, TURNED
from proof.mutant_heroes import BAD_CALIBRATORS, BAD_HEROES, BAD_INDICES, BAD_POLICIES
from proof.mutant_measuring import BAD_CLOCKS, BAD_DATA, BAD_FILES, BAD_REPEATS, BAD_TRAFFIC, BAD_UNITS
from proof.mutant_recorded import BAD_RUNS

__all__ = ["AREAS", "OWN", "TABLE", "Edit", "FileFault", "Mutant"]

TABLE: tuple[Mutant, ...] = (
    *BAD_HEROES,
    *BAD_INDICES,
    *BAD_DATA,
    *BAD_CLOCKS,
    *BAD_UNITS,
    *BAD_TRAFFIC,
    *BAD_REPEATS,
    *BAD_CALIBRATORS,
    *BAD_FILES,
    *BAD_POLICIES,
    *EARLIER_DEFECTS,
    *TURNED,
    *BENT,
    *LETS_PASS,
    *BAD_RUNS,
)

#: What is seeded in the repository's own heroes.
OWN: tuple[Mutant, ...] = tuple(mutant for mutant in TABLE if mutant.heroes != "recorded")
