"""What does a machine need to know of a decision? `attestation.json`, one per hero and one of the release."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow.parquet as pq
import rfc8785

from evidence.digests import file_digest, logical_digest
from evidence.files import write_whole
from gates.release import Outcome, Release
from gates.statistics.decimals import decimal
from gates.verdicts import SEVERITY, Cell, Decision, Kind, Verdict
from reports.attestation.statements import (
    ARTEFACTS,
    ATTESTATION,
    EVIDENCE,
    HERO_SCHEMA,
    RELEASE_SCHEMA,
)
from reports.model.story import Story

Evidence = Mapping[str, Any]  # name, sha256, logical_sha256, rows
Artefact = Mapping[str, str]  # name, sha256
REVIEW_AFTER = timedelta(days=7)

_CELL = (
    "verdict", "required", "on_red", "observed", "limit", "unit", "headroom", "n", "ci_lower", "ci_upper",
    "e_red", "e_red_needed", "e_green", "e_green_needed", "note",
)  # fmt: skip


def attest(
    release: Release,
    outcome: Outcome,
    story: Story | None = None,
    evidence: Sequence[Evidence] = (),
    artefacts: Sequence[Artefact] = (),
    bundle: str | None = None,
) -> dict[str, Any]:
    """The attestation of one hero. Numbers that decide are decimal strings; what was not measured is absent.

    Without a story (a run that has only begun, a rollback that was just seen) there are no gains and no evidence yet,
    and no `bundle`, the file in bundles/ that will hold the signed statement: only a decision is signed.
    The fingerprint is the sha256 of the canonical lock material, so that anyone can compute it again.
    """
    subject, climbed = outcome.subject, outcome.climbed
    of_kind = {kind: [c for c in outcome.cells if c.kind is kind] for kind in Kind}
    windows = {step.percent: step.windows for step in climbed.steps}
    return {
        "schema": HERO_SCHEMA,
        "run_id": release.run_id,
        "commit": release.commit,
        "hero": subject.name,
        "config_hash": subject.config_hash,
        "baseline": subject.baseline_name,
        "baseline_config_hash": subject.baseline_config_hash,
        "release_fingerprint": climbed.fingerprint,
        "lock_material": climbed.lock_material,
        "policy": subject.policy.content(),
        "policy_digest": subject.policy.digest(),
        "mode": release.mode,
        "exposure": release.exposure,
        "decision": str(outcome.decision),
        "reasons": list(outcome.reasons),
        "constants": climbed.constants.model_dump(mode="json", exclude_none=True) if climbed.constants else {},
        "machine": climbed.machine.model_dump(mode="json") if climbed.machine else {},
        "traffic": {
            "from_percent": 0,
            "to_percent": climbed.to_percent if outcome.decision is Decision.PROMOTE else 0,
            "rolled_back_at_step": climbed.rolled_back_at_step,
        },
        "sanity": [cell_entry("sanity", c) for c in of_kind[Kind.SANITY]],
        "steps": [
            step_entry(percent, windows.get(percent, 0), [c for c in of_kind[Kind.GATE] if c.step == percent])
            for percent in subject.policy.ladder.steps
        ],
        "guards": [cell_entry("guard", c) for c in of_kind[Kind.GUARD]],
        "slices": [cell_entry("slice", c) for c in of_kind[Kind.SLICE]],
        "instruments": [cell_entry("instrument", c) for c in of_kind[Kind.INSTRUMENT]],
        "left_out": dict(subject.policy.left_out),
        "gains": _gains(story) if story else [],
        "tests": {
            "planned": list(outcome.planned),
            "passed": list(outcome.passed),
            "missing": list(outcome.missing),
            "not_reached": list(outcome.not_reached),
            "amiss": [amiss._asdict() for amiss in outcome.amiss],
            "strays": list(outcome.strays),
        },
        "budget": {
            "windows": climbed.windows,
            "of": subject.windows,
            "max_windows": subject.max_windows,
            "waiting": climbed.waiting,
        },
        "characteristics": dict(subject.characteristics),
        "evidence": list(evidence),
        "artefacts": list(artefacts),
        "started_at": release.started_at,
        "finished_at": release.finished_at,
        "review_due": review_due(release.finished_at),
        "bundle": bundle,
    }


def attest_release(
    release: Release,
    heroes: list[dict[str, Any]],
    artefacts: Sequence[Artefact] = (),
    bundle: str | None = None,
) -> dict[str, Any]:
    """The release's attestation: its heroes, the worst of their decisions, and the file of the run's statement."""
    decisions = [Decision(hero["decision"]) for hero in heroes]
    return {
        "schema": RELEASE_SCHEMA,
        "run_id": release.run_id,
        "commit": release.commit,
        "mode": release.mode,
        "exposure": release.exposure,
        "decision": str(max(decisions, key=SEVERITY.index, default=Decision.HOLD)),
        "heroes": heroes,
        "artefacts": list(artefacts),
        "started_at": release.started_at,
        "finished_at": release.finished_at,
        "review_due": review_due(release.finished_at),
        "bundle": bundle,
    }


def attest_heroes(
    release: Release,
    stories: Sequence[Story] = (),
    evidence: Mapping[str, Sequence[Evidence]] = MappingProxyType({}),
    artefacts: Mapping[str, Sequence[Artefact]] = MappingProxyType({}),
    bundles: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, bytes]:
    """Each hero's attestation as canonical JSON (RFC 8785). `evidence`, `artefacts` and `bundles` are by hero."""
    told = {story.hero: story for story in stories}
    return {
        name: rfc8785.dumps(
            attest(
                release,
                outcome,
                told.get(name),
                evidence.get(name, ()),
                artefacts.get(name, ()),
                bundles.get(name),
            )
        )
        for outcome in release.outcomes
        for name in (outcome.subject.name,)
    }


def write_attestations(
    release: Release, attested: Mapping[str, bytes], pages: Sequence[Artefact] = (), bundle: str | None = None
) -> None:
    """Write what `attest_heroes` gave, then the release's attestation, each whole or not at all.

    Heroes of the same run that `release` does not name keep what was recorded of them. `pages` are what people read
    of the release, `bundle` is the file of the run's statement.
    """
    heroes = {str(entry["hero"]): entry for entry in _recorded(release)}
    for outcome in release.outcomes:
        name = outcome.subject.name
        path = release.artifacts / name / ATTESTATION
        write_whole(path, attested[name])
        heroes[name] = {
            "hero": name,
            "decision": str(outcome.decision),
            "config_hash": outcome.subject.config_hash,
            "reasons": list(outcome.reasons),
            "attestation": f"{name}/{ATTESTATION}",
            "sha256": file_digest(path),
        }
    write_whole(
        release.artifacts / ATTESTATION, rfc8785.dumps(attest_release(release, list(heroes.values()), pages, bundle))
    )


def attested_decisions(release: Release) -> dict[str, str]:
    """The decision about each hero that is on disk; what cannot be read is absent."""
    found = {}
    for outcome in release.outcomes:
        name = outcome.subject.name
        try:
            found[name] = str(json.loads((release.artifacts / name / ATTESTATION).read_bytes())["decision"])
        except (OSError, ValueError, KeyError):
            continue
    return found


def withdraw(release: Release) -> None:
    """Take the attestations of a run away: without one nothing promotes."""
    for folder in (release.artifacts, *(release.artifacts / outcome.subject.name for outcome in release.outcomes)):
        (folder / ATTESTATION).unlink(missing_ok=True)


def publish(staged: Path, artifacts: Path) -> None:
    """Let what waited for its signature be read, each file whole; attestations last, the release's after all others."""
    waiting = [path for path in staged.rglob("*") if path.is_file()]
    for path in sorted(waiting, key=lambda path: (path.name == ATTESTATION, path.parent == staged)):
        target = artifacts / path.relative_to(staged)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


def describe_evidence(folder: Path) -> list[Evidence]:
    """Digests of the evidence files in a hero's folder: of the bytes, and of the content whatever its encoding."""
    return [
        {
            "name": name,
            "sha256": file_digest(folder / name),
            "logical_sha256": logical_digest(folder / name),
            "rows": pq.read_metadata(folder / name).num_rows,
        }
        for name in EVIDENCE
        if (folder / name).exists()
    ]


def describe_artefacts(folder: Path, patterns: Sequence[str] = ARTEFACTS) -> list[Artefact]:
    """The digest of each file in a folder that people and machines read beside its attestation."""
    return [
        {"name": path.relative_to(folder).as_posix(), "sha256": file_digest(path)}
        for pattern in patterns
        for path in sorted(folder.glob(pattern))
    ]


def _recorded(release: Release) -> list[dict[str, Any]]:
    """The heroes of this run in the release's attestation so far."""
    try:
        recorded = json.loads((release.artifacts / ATTESTATION).read_text(encoding="utf-8"))
        return list(recorded["heroes"]) if recorded["run_id"] == release.run_id else []
    except (OSError, ValueError, KeyError):
        return []


def step_entry(percent: int, windows: int, cells: list[Cell]) -> dict[str, Any]:
    """What is said of one step."""
    return {
        "percent": percent,
        "decision": _step_decision(cells),
        "windows": windows,
        "gates": [cell_entry("gate", cell) for cell in cells],
    }


def _step_decision(cells: list[Cell]) -> str:
    """What a step's gates amount to; NOT_REACHED where the ladder ended before it."""
    if any(c.verdict is Verdict.RED and c.on_red == "rollback" for c in cells):
        return str(Decision.ROLLBACK)
    if cells and all(c.verdict is Verdict.NOT_REACHED for c in cells):
        return str(Verdict.NOT_REACHED)
    green = bool(cells) and all(c.verdict is Verdict.GREEN for c in cells)
    return str(Decision.PROMOTE if green else Decision.HOLD)


def cell_entry(kind: str, cell: Cell) -> dict[str, Any]:
    """What is said of one check."""
    values = {name: getattr(cell, name) for name in _CELL}
    return {kind: cell.check, **values, "verdict": str(cell.verdict)}


def _gains(story: Story) -> list[dict[str, Any]]:
    by_intent = [gain for gains in story.by_intent.values() for gain in gains.values()]
    claim = story.claim
    return [
        {
            "metric": gain.metric,
            "intent": gain.intent,
            "n": gain.n,
            "baseline": decimal(gain.baseline),
            "hero": decimal(gain.hero),
            "difference": decimal(gain.difference.value),
            "ci_lower": decimal(gain.difference.lower),
            "ci_upper": decimal(gain.difference.upper),
            "claim": story.outcome.subject.claim if gain is claim else "",
        }
        for gain in (*story.gains.values(), *by_intent)
    ]


def review_due(finished_at: str) -> str:
    """When somebody must look at the decision again, ISO 8601."""
    return (datetime.fromisoformat(finished_at) + REVIEW_AFTER).isoformat(timespec="seconds")
