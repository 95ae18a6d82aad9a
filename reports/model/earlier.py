"""Which runs over a hero were before this one, how did they end, and what of its configuration was different then?"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fixtures.fingerprint import Change, changes
from gates.attestation import ATTESTATION, Attestation, AttestationError
from gates.release import Outcome, Release

SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """One run, as its attestation in history/ says it."""

    run_id: str
    finished_at: str
    told: str  # the decision
    reason: str
    differs: tuple[Change, ...]  # keys of the configuration: as it was then, and as it is now
    baseline: str  # what it was compared with, where that was another one; else ""


def earlier_runs(release: Release, outcome: Outcome) -> tuple[Earlier, ...]:
    """Runs over this hero whose results were put away, the newest first; what cannot be read tells nothing."""
    found = []
    now: Mapping[str, Any] = outcome.climbed.lock_material
    for path in sorted(release.artifacts.glob(f"history/*/{outcome.subject.name}/{ATTESTATION}"), reverse=True)[:SHOWN]:
        with suppress(OSError, AttestationError):
            said = Attestation.read_file(path)
            config, today = said.lock_material.get("config", {}), now.get("config", {})
            other = said.baseline_config_hash != outcome.subject.baseline_config_hash
            found.append(
                Earlier(
                    run_id=said.run_id,
                    finished_at=said.finished_at,
                    told=said.told,
                    reason=said.card.reason,
                    differs=tuple(changes(config, today)) if config and today else (),
                    baseline=f"{said.baseline} {said.baseline_config_hash}" if other else "",
                )
            )
    return tuple(found)
