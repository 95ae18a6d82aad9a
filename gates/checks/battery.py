"""Is anything so wrong with index, answers or measuring that a climb would show nothing? What each sanity check is.

Pure functions of what was recorded before the climb: a snapshot of answers (gates.checks.snapshot) and facts
(gates.checks.facts), which stand in the attestation, so that the same verdicts can be had again.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np

from gates.checks.check import Check
from gates.checks.facts import SanityFacts
from gates.checks.snapshot import Snapshot
from gates.statistics.decimals import decimal
from gates.verdicts import Cell, Kind, Verdict

_SHOWN = 3  # oracles, files or patterns that a note names


class Finding(NamedTuple):
    """What a check found: nothing is evidenced from n = 0."""

    observed: float
    limit: float
    n: int
    wrong: str = ""  # value, limit, place, way out
    note: str = ""  # where nothing is wrong


class SanityCheck(Check):
    """One question about what was answered before the climb."""

    kind: ClassVar[Kind] = Kind.SANITY

    def find(self, limits: Any, snapshot: Snapshot, facts: SanityFacts, sla_ms: float) -> Finding:
        """What it finds. `sla_ms`: after which an answer finds nothing in time."""
        raise NotImplementedError

    def judge(
        self, hero: str, limits: Any, snapshot: Snapshot, facts: SanityFacts, sla_ms: float, missing: str
    ) -> Cell:
        """Its cell. `missing`: why its input is not there, "" where it is."""
        if missing:
            found = not_evidenced(missing)
        elif not len(snapshot):
            found = not_evidenced("no calibration query was asked; give some")
        else:
            found = self.find(limits, snapshot, facts, sla_ms)
        verdict = Verdict.INCONCLUSIVE if not found.n else Verdict.RED if found.wrong else Verdict.GREEN
        share = (found.limit - found.observed) / found.limit if found.n and found.limit else np.nan
        return Cell(
            hero=hero, step=0, check=self.key, kind=self.kind, verdict=verdict, required="green", on_red=limits.on_red,
            observed=decimal(found.observed) if found.n else "", limit=decimal(found.limit) if found.n else "",
            unit=self.unit if found.n else "", headroom=decimal(share, 3), n=found.n, note=found.wrong or found.note,
        )  # fmt: skip


def not_evidenced(why: str) -> Finding:
    """Nothing was found, because of this."""
    return Finding(np.nan, np.nan, 0, note=why)


def some(told: list[str]) -> str:
    """The first few of them, and how many there are beside."""
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return ", ".join(told[:_SHOWN]) + more
