"""Was the fault caught, by the check that must catch it? Being held for another reason is luck, not a check."""

from __future__ import annotations

from typing import NamedTuple

from proof.mutant import REFUSALS, Mutant
from proof.mutant_runs import Run

#: The only reason of a good hero on a corpus that proves nothing about production: as good as a promotion.
NEVER_PROMOTES = "policy: promotes is false, so the best decision is HOLD"


#: How the slices of a gate begin: they ask its question on one intent, and may be RED a look earlier.
SLICES = {"aece_tau": "calibration_", "sla_recall_at_50_delta": "recall_", "ndcg_at_10": "ndcg_"}


class Score(NamedTuple):
    """Whether a fault was caught, and what the run said."""

    caught: bool
    because: str


def promoted(run: Run) -> bool:
    """Would anyone who reads the exit status or the attestation release this hero?"""
    return run.status == 0 or run.decision == "PROMOTE" or run.reasons == (NEVER_PROMOTES,)


def score(mutant: Mutant, run: Run) -> Score:
    """Caught when the run did not promote, and the named check is RED or gave the expected reason."""
    if promoted(run):
        return Score(False, "promoted")
    if mutant.check in run.red:
        return Score(True, f"{mutant.check} is RED")
    for check in sorted(run.red):
        if mutant.check in SLICES and check.startswith(SLICES[mutant.check]):
            return Score(True, f"{check}, a slice of {mutant.check}, is RED")
    if mutant.says and (line := _said(mutant, run)):
        return Score(True, line)
    return Score(False, f"stopped, but by: {first_reason(run)}")


def first_reason(run: Run) -> str:
    """Why a run did not promote, in its own words."""
    lines = [line for line in run.said.splitlines() if line.startswith(("ERROR", "E  "))] or run.said.splitlines()
    return next(iter(run.reasons), "") or next((line for line in lines if line.strip()), "it said nothing")


def _said(mutant: Mutant, run: Run) -> str:
    """The reason or refusal that holds the expected words; a check's own reason where a check is named."""
    if mutant.check not in REFUSALS:
        return next((r for r in run.reasons if r.startswith(mutant.check) and mutant.says in r), "")
    if run.decision:
        return next((reason for reason in run.reasons if mutant.says in reason), "")
    return next((line for line in run.said.splitlines() if mutant.says in line), "")
