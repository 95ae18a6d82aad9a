"""How does a run come by its signatures? Names are fixed before it is attested; signed is what then lies on disk."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from gates.attestation import ATTESTATION, Attestation, ReleaseAttestation
from gates.errors import GateError
from reports.attestation import chain
from reports.attestation.signing import Signer, open_signer
from reports.attestation.statements import (
    Seal,
    decision_statement,
    require_evidence,
    run_statement,
    svr_statement,
)
from reports.attestation.trust import NO_KEYS, TRUSTED_KEYS, TrustRoot, read_trust, weigh


def open_for_run(artifacts: Path, root: Path) -> tuple[Signer, TrustRoot]:
    """Everything that a run needs to sign, tried when it begins: half an hour later would be too late.

    `root` is the home of the run. Raises GateError with one line.
    """
    opened = open_signer()
    chain.tip(artifacts)
    folder = artifacts / chain.BUNDLES / chain.KEYS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".lock"  # a key is written beside the first statement that it signed
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise GateError(f"{folder}: cannot be written ({error.strerror}); see to its permissions") from None
    trusted_keys = root / "configs" / TRUSTED_KEYS.name
    return opened, read_trust(trusted_keys) if trusted_keys.exists() else NO_KEYS


def prepare(opened: Signer, root: TrustRoot, artifacts: Path, heroes: Sequence[str], finished_at: str) -> Seal:
    """The names and words of the signatures of a run that holds the folder: nobody else appends until it ends."""
    first = chain.tip(artifacts)[0] + 1
    at = datetime.fromisoformat(finished_at)
    vouched = weigh(root, opened.keyid, "decide", at, ephemeral=opened.ephemeral)
    return Seal(
        words=vouched.words,
        trusted=vouched.trusted,
        run=chain.file_name(first, "run"),
        decisions={hero: chain.file_name(first + 1 + i, "decision", hero) for i, hero in enumerate(heroes)},
        first=first,
    )


def sign_run(opened: Signer, seal: Seal, artifacts: Path, staged: Path) -> None:
    """Sign what lies in `staged`: the run, the decision about each hero, a verification result for each promotion.

    Raises GateError; then nothing of `staged` may be read as a decision, since some of it is not signed.
    """
    if chain.tip(artifacts)[0] + 1 != seal.first:
        raise GateError(f"{chain.BUNDLES}/: statements were added while this run was deciding; run it again")
    attested = {name: (staged / name / ATTESTATION).read_bytes() for name in seal.decisions}
    heroes = {name: Attestation.read(content, f"{name}/{ATTESTATION}") for name, content in attested.items()}
    for hero in heroes.values():
        require_evidence(hero)  # before anything is signed
    content = (staged / ATTESTATION).read_bytes()
    whole = ReleaseAttestation.read(content, ATTESTATION)
    statement = run_statement(whole, chain.digest(content), heroes)
    run = chain.append(artifacts, "run", "", statement, opened, seal.words)
    decisions = {}
    for name, hero in heroes.items():
        statement = decision_statement(hero, chain.digest(attested[name]), run)
        decisions[name] = chain.append(artifacts, "decision", name, statement, opened, seal.words)
    for name, hero in heroes.items():
        if hero.promotes:
            chain.append(artifacts, "svr", name, svr_statement(hero, decisions[name]), opened, seal.words)
