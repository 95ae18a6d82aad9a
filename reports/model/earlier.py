"""Which runs over a hero were before this one, how did they end, and what of its configuration was different then?"""

from contextlib import suppress
from typing import NamedTuple

from fixtures.fingerprint import Change, changes
from gates.attestation import ATTESTATION, Attestation, AttestationError
from gates.release import Outcome, Release

SHOWN = 10


class Earlier(NamedTuple):
    """What history/ says of one run, and the keys of the configuration that have changed since: then, and now."""

    said: Attestation
    differs: tuple[Change, ...]


def earlier_runs(release: Release, outcome: Outcome) -> tuple[Earlier, ...]:
    """Runs over this hero whose results were put away, the newest first; what cannot be read tells nothing."""
    found, now = [], outcome.climbed.lock_material.get("config", {})
    for path in sorted(release.artifacts.glob(f"history/*/{outcome.subject.name}/{ATTESTATION}"), reverse=True)[:SHOWN]:
        with suppress(OSError, AttestationError):
            said = Attestation.read_file(path)
            then = said.lock_material.get("config", {})
            found.append(Earlier(said, tuple(changes(then, now)) if then and now else ()))
    return tuple(found)
