"""What does a signed artifacts folder look like? Handmade releases, attested and signed as a run does it at its end."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import rfc8785

from gates import archive
from gates.policy import Policy
from gates.release import Outcome, Release
from gates.rule.climbed import NEVER
from gates.rule.decide import item_id
from gates.verdicts import Decision, Verdict
from reports.attestation.document import attest_heroes, describe_artefacts, describe_evidence, write_attestations
from reports.attestation.sealing import prepare, sign_run
from reports.attestation.signing import Signer, make_key
from reports.attestation.statements import PAGES
from reports.attestation.trust import NO_KEYS, SCHEMA, Role, TrustedKey, TrustRoot
from reports.attestation.verify import Verified, verify
from tests.reports import handmade

#: The day after the handmade runs.
NOW = datetime(2026, 12, 2, 12, tzinfo=UTC)
KEYS = {kind: make_key(kind)[0] for kind in ("ed25519", "ecdsa")}
SIGNER = KEYS["ed25519"]
RUN_ID = "20261201T101500Z-c0ffee"
HERO = {Decision.PROMOTE: "lexical", Decision.HOLD: "router", Decision.ROLLBACK: "ann"}


def signed(
    folder: Path,
    policy: Policy,
    *decisions: Decision,
    run_id: str = RUN_ID,
    signer: Signer = SIGNER,
    root: TrustRoot = NO_KEYS,
    began: bool = True,
) -> Release:
    """Put the last run away, then write and sign a run with a hero for each decision, as reports.plugin does.

    Where no ladder `began`, nothing was locked.
    """
    archive.put_away(folder, keep=9)
    release = written(folder, policy, *decisions, run_id=run_id)
    if not began:
        outcomes = tuple(replace(outcome, climbed=NEVER) for outcome in release.outcomes)
        release = replace(release, outcomes=outcomes)
    heroes = [outcome.subject.name for outcome in release.outcomes]
    seal = prepare(signer, root, folder, heroes, release.finished_at)
    evidence = {hero: describe_evidence(folder / hero) for hero in heroes}
    artefacts = {hero: describe_artefacts(folder / hero) for hero in heroes}
    attested = attest_heroes(release, (), evidence, artefacts, seal.decisions)
    write_attestations(release, attested, describe_artefacts(folder, PAGES), seal.run)
    sign_run(signer, seal, folder, folder)
    return release


def written(folder: Path, policy: Policy, *decisions: Decision, run_id: str = RUN_ID) -> Release:
    """The files of a run but its attestations."""
    outcomes = []
    for decision in decisions:
        _, story = handmade.release(policy, decision)
        outcomes.append(_with_lock(story.outcome, policy))
        _write_files(folder / HERO[decision], run_id)
    folder.mkdir(parents=True, exist_ok=True)
    for page in PAGES:
        (folder / page).write_text(f"{page} of {run_id}\n", encoding="utf-8")
    return handmade.run_of(*outcomes, run_id=run_id, artifacts=folder, run_folder=folder / ".runs")


def check(folder: Path, root: TrustRoot = NO_KEYS, head: str = "") -> Verified:
    """What `verify` finds."""
    return verify(folder, root, head)


def trusting(signer: Signer, *may: Role, name: str = "release-ci", **changed: Any) -> TrustRoot:
    """A trust root with this one key."""
    key = {
        "name": name,
        "keyid": signer.keyid,
        "public": signer.public,
        "may": may,
        "valid_from": "2026-01-01T00:00:00+00:00",
        "valid_until": "2027-01-01T00:00:00+00:00",
    }
    return TrustRoot(schema=SCHEMA, keys=(TrustedKey.model_validate({**key, **changed}),))


def bundles(folder: Path) -> list[Path]:
    """The files of the chain, in order."""
    return sorted((folder / "bundles").glob("*.sigstore.json"))


def _with_lock(outcome: Outcome, policy: Policy) -> Outcome:
    """The same outcome with a lock, and with node ids as pytest gives them."""
    name = outcome.subject.name
    material = {
        "hero": name,
        "policy": policy.content(),
        "config": {"ann": {"efSearch": 64}},
        "sources": {"gates": hashlib.sha256(b"gates").hexdigest()},
    }
    ids = {cell.key: f"suites/canary/test_gates.py::test_gate[{item_id(cell.key)}]" for cell in outcome.cells}
    fingerprint = hashlib.sha256(rfc8785.dumps(material)).hexdigest()
    return replace(
        outcome,
        climbed=outcome.climbed.model_copy(update={"lock_material": material, "fingerprint": fingerprint}),
        planned=tuple(ids.values()),
        passed=_with(outcome, ids, Verdict.GREEN),
        not_reached=_with(outcome, ids, Verdict.NOT_REACHED),
    )


def _with(outcome: Outcome, ids: dict[tuple[str, int, str], str], verdict: Verdict) -> tuple[str, ...]:
    return tuple(ids[cell.key] for cell in outcome.cells if cell.verdict is verdict)


def _write_files(folder: Path, run_id: str) -> None:
    """The six files of a hero, small ones."""
    (folder / "plots").mkdir(parents=True)
    names: Sequence[str] = ("hero_span_v22.csv", "pool_counts_by_system.csv", "plots/latency.svg")
    for name in names:
        (folder / name).write_text(f"{name} of {run_id}\n", encoding="utf-8")
    for name, rows in (("agg.parquet", 3), ("hits.parquet", 5)):
        pq.write_table(pa.table({"query_ord": list(range(rows)), "run_id": [run_id] * rows}), folder / name)
