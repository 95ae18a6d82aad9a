"""May what runs be promoted as what was locked? Only where no field of the lock differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gates.policy import Policy
from gates.verdicts import Cell, Kind, Verdict

SHOWN = 4  # fields that are named


def judge_lock(hero: str, policy: Policy, state: Mapping[str, Any]) -> Cell:
    """GREEN when the lock fits. `state` is what fixtures.lock.lock_state found."""
    differs, status, renew = [str(name) for name in state["differs"]], str(state["status"]), str(state["renew"])
    if status == "none":
        note = f"no lock: what was never locked cannot be promoted, only held or rolled back; {renew}"
    elif status != "frozen":
        note = f"the lock cannot be trusted: {state.get('why', status)}; {renew}"
    elif differs:
        more = f" and {len(differs) - SHOWN} more" if len(differs) > SHOWN else ""
        note = f"not what was locked: {', '.join(differs[:SHOWN])}{more}; mend it, or {renew}"
    else:
        note = ""
    return Cell(
        hero=hero,
        step=0,
        check="lock",
        kind=Kind.INSTRUMENT,
        verdict=Verdict.RED if note else Verdict.GREEN,
        required="green",
        on_red=policy.on_red("lock"),
        unit="fields that differ",
        observed=str(max(len(differs), 1 if note else 0)),
        limit="0",
        n=1,
        note=note,
    )
