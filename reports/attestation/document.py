"""What does a machine need to know of a decision? `attestation.json`, one per hero and one of the release."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import pyarrow.parquet as pq

from evidence.digests import file_digest, logical_digest
from evidence.files import write_whole
from gates.attestation import (
    ATTESTATION,
    Artefact,
    Attestation,
    AttestationError,
    AttestedBudget,
    AttestedCard,
    AttestedCell,
    AttestedGain,
    AttestedHero,
    AttestedStep,
    AttestedTests,
    AttestedTraffic,
    EvidenceFile,
    ReleaseAttestation,
    json_schema,
)
from gates.release import Outcome, Release
from gates.rule.climbed import ClimbedStep
from gates.statistics.decimals import decimal
from gates.verdicts import SEVERITY, Cell, Decision, Kind, Verdict
from gates.weaker import weaker_places
from reports.attestation.statements import ARTEFACTS, EVIDENCE
from reports.model.card import card_of
from reports.model.story import Story

REVIEW_AFTER = timedelta(days=7)


def attest(
    release: Release,
    outcome: Outcome,
    story: Story | None = None,
    evidence: Sequence[EvidenceFile] = (),
    artefacts: Sequence[Artefact] = (),
    bundle: str | None = None,
) -> Attestation:
    """The attestation of one hero.

    Without a story (a run that has only begun, a rollback that was just seen) there are no gains and no evidence yet,
    and no `bundle`, the file in bundles/ that will hold the signed statement: only a decision is signed.
    The fingerprint is the sha256 of the canonical lock material, so that anyone can compute it again.
    """
    subject, climbed = outcome.subject, outcome.climbed
    card = story.card if story else card_of(release, outcome)
    return Attestation(
        **_of_run(release, bundle),
        hero=subject.name,
        config_hash=subject.config_hash,
        baseline=subject.baseline_name,
        baseline_config_hash=subject.baseline_config_hash,
        baseline_stack=subject.baseline_stack,
        release_fingerprint=climbed.fingerprint,
        lock_material=climbed.lock_material,
        policy=subject.policy.content(),
        policy_digest=subject.policy.digest(),
        policy_based_on=subject.policy.based_on,
        policy_weaker=weaker_places(subject.policy),
        decision=outcome.decision,
        reasons=outcome.reasons,
        card=AttestedCard(
            reason=card.reason, serves=card.serving, next=card.next.words, owner=card.owner, deadline=card.deadline
        ),
        constants=climbed.constants,
        machine=climbed.machine,
        traffic=AttestedTraffic(
            from_percent=0,
            to_percent=climbed.to_percent if outcome.final else 0,
            rolled_back_at_step=climbed.rolled_back_at_step,
        ),
        steps=steps_of(subject.policy.ladder.steps, climbed.steps, outcome.cells),
        cells=tuple(map(AttestedCell.about, outcome.cells)),
        left_out=dict(subject.policy.left_out),
        gains=_gains(story) if story else (),
        tests=AttestedTests.about(outcome),
        budget=AttestedBudget(
            windows=climbed.windows,
            of=subject.windows,
            max_windows=subject.max_windows,
            waiting=climbed.waiting,
        ),
        characteristics=dict(subject.characteristics),
        evidence=tuple(evidence),
        artefacts=tuple(artefacts),
    )


def _of_run(release: Release, bundle: str | None) -> dict[str, Any]:
    """What every attestation of a run says of it; by `review_due` somebody must look at the decision again."""
    of_run = ("run_id", "commit", "configs_commit", "mode", "exposure", "started_at", "finished_at")
    due = (datetime.fromisoformat(release.finished_at) + REVIEW_AFTER).isoformat(timespec="seconds")
    return {name: getattr(release, name) for name in of_run} | {"review_due": due, "bundle": bundle}


def attest_heroes(
    release: Release,
    stories: Sequence[Story] = (),
    evidence: Mapping[str, Sequence[EvidenceFile]] = MappingProxyType({}),
    artefacts: Mapping[str, Sequence[Artefact]] = MappingProxyType({}),
    bundles: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, bytes]:
    """The bytes of each hero's attestation. `evidence`, `artefacts` and `bundles` are by hero."""
    told = {story.hero: story for story in stories}
    return {
        name: attest(
            release, outcome, told.get(name), evidence.get(name, ()), artefacts.get(name, ()), bundles.get(name)
        ).content()
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
    heroes = {entry.hero: entry for entry in _recorded(release)}
    for outcome in release.outcomes:
        name = outcome.subject.name
        path = release.artifacts / name / ATTESTATION
        write_whole(path, attested[name])
        heroes[name] = AttestedHero(
            hero=name,
            decision=outcome.decision,
            config_hash=outcome.subject.config_hash,
            reasons=outcome.reasons,
            attestation=f"{name}/{ATTESTATION}",
            sha256=file_digest(path),
        )
    whole = ReleaseAttestation(
        **_of_run(release, bundle),
        decision=max((hero.decision for hero in heroes.values()), key=SEVERITY.index, default=Decision.HOLD),
        heroes=tuple(heroes.values()),
        artefacts=tuple(pages),
    )
    write_whole(release.artifacts / ATTESTATION, whole.content())


def attested_decisions(release: Release) -> dict[str, str]:
    """The decision about each hero that is on disk, as CI reads it; what cannot be read is absent."""
    found = {}
    for name in (outcome.subject.name for outcome in release.outcomes):
        with suppress(OSError, ValueError, KeyError):
            found[name] = str(json.loads((release.artifacts / name / ATTESTATION).read_bytes())["decision"])
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


def describe_evidence(folder: Path) -> list[EvidenceFile]:
    """Digests of the evidence files in a hero's folder: of the bytes, and of the content whatever its encoding."""
    return [
        EvidenceFile(
            name=name,
            sha256=file_digest(folder / name),
            logical_sha256=logical_digest(folder / name),
            rows=pq.read_metadata(folder / name).num_rows,
        )
        for name in EVIDENCE
        if (folder / name).exists()
    ]


def describe_artefacts(folder: Path, patterns: Sequence[str] = ARTEFACTS) -> list[Artefact]:
    """The digest of each file in a folder that people and machines read beside its attestation."""
    return [
        Artefact(name=path.relative_to(folder).as_posix(), sha256=file_digest(path))
        for pattern in patterns
        for path in sorted(folder.glob(pattern))
    ]


def _recorded(release: Release) -> tuple[AttestedHero, ...]:
    """The heroes of this run in the release's attestation so far."""
    path = release.artifacts / ATTESTATION
    try:
        recorded = ReleaseAttestation.read_file(path)
    except (OSError, AttestationError):
        return ()
    return recorded.heroes if recorded.run_id == release.run_id else ()


def steps_of(
    percents: Sequence[int], climbed: Sequence[ClimbedStep | AttestedStep], cells: Sequence[Cell]
) -> tuple[AttestedStep, ...]:
    """What is said of each step of the ladder."""
    windows = {step.percent: step.windows for step in climbed}
    gates = [cell for cell in cells if cell.kind is Kind.GATE]
    return tuple(
        AttestedStep(
            percent=percent,
            decision=_decision([cell for cell in gates if cell.step == percent]),
            windows=windows.get(percent, 0),
        )
        for percent in percents
    )


def _decision(cells: list[Cell]) -> Literal["PROMOTE", "HOLD", "ROLLBACK", "NOT_REACHED"]:
    """What a step's gates amount to."""
    if any(c.verdict is Verdict.RED and c.on_red == "rollback" for c in cells):
        return "ROLLBACK"
    if cells and all(c.verdict is Verdict.NOT_REACHED for c in cells):
        return "NOT_REACHED"
    return "PROMOTE" if cells and all(c.verdict is Verdict.GREEN for c in cells) else "HOLD"


def _gains(story: Story) -> tuple[AttestedGain, ...]:
    by_intent = [gain for gains in story.by_intent.values() for gain in gains.values()]
    claim = story.claim
    return tuple(
        AttestedGain(
            metric=gain.metric,
            intent=gain.intent,
            n=gain.n,
            baseline=decimal(gain.baseline),
            hero=decimal(gain.hero),
            difference=decimal(gain.difference.value),
            ci_lower=decimal(gain.difference.lower),
            ci_upper=decimal(gain.difference.upper),
            claim=story.outcome.subject.claim if gain is claim else "",
        )
        for gain in (*story.gains.values(), *by_intent)
    )


def schema(_: object) -> int:
    """Print the JSON Schema of attestation.json."""
    print(json.dumps(json_schema(), indent=1))
    return 0
