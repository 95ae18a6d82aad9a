"""What does the sanity battery say? The cell of each of its checks that the policy asks."""

from __future__ import annotations

from collections.abc import Mapping

from gates.checks.battery import SanityCheck, SanityFacts, Snapshot
from gates.policy import Policy
from gates.verdicts import Cell, Kind


def judge_battery(
    hero: str, policy: Policy, snapshot: Snapshot, facts: SanityFacts, missing: Mapping[str, str]
) -> dict[str, Cell]:
    """By check. `missing`: check -> why its input is not there."""
    cells = {}
    for key in policy.asked(Kind.SANITY):
        check, limits = policy.check(key).check, policy.check(key).limits
        if isinstance(check, SanityCheck):
            cells[key] = check.judge(hero, limits, snapshot, facts, policy.sla_ms, missing.get(key, ""))
    return cells
