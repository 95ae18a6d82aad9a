"""Do the files of one run agree with each other, and with what was signed of it, byte for byte? Without belief in any.

Each statement is built again from the attestations and compared with the one that was signed.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, TypeVar

import rfc8785

from evidence.files import MOST_BYTES
from gates.attestation import (
    ATTESTATION,
    Artefact,
    Attestation,
    AttestationError,
    AttestedHero,
    ReleaseAttestation,
    attested_bytes,
)
from gates.errors import GateError
from gates.verdicts import SEVERITY, Decision
from reports.attestation.chain import BUNDLES, Chain, Statement
from reports.attestation.statements import (
    MALFORMED,
    OF_RUNS,
    StatementError,
    decision_statement,
    encode,
    require_evidence,
    run_statement,
    svr_statement,
)

_HERO = re.compile(r"[a-z0-9_]+")
#: Leads to no other folder.
_FILE = re.compile(r"((plots|allure-results|documents|documents/sources)/)?[A-Za-z0-9_-][A-Za-z0-9_.-]*")

Kind = TypeVar("Kind", Attestation, ReleaseAttestation)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """The attestations of one run as they lie in a folder, and what is wrong with them and with what they name."""

    release: ReleaseAttestation | None
    digest: str  # of the release's attestation
    heroes: Mapping[str, Attestation]
    digests: Mapping[str, str]  # of the heroes' attestations
    named: frozenset[str]  # every file of it that a statement covers, by its path below the run's folder
    problems: tuple[str, ...]

    @property
    def run_id(self) -> str:
        """The run, "" where no attestation says it."""
        return self.release.run_id if self.release else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The statements of one run that say what its attestations say, and what is wrong with the others."""

    statements: tuple[Statement, ...]
    decisions: Mapping[str, Statement]  # by hero; of a promotion only where it was signed as verified too
    problems: tuple[str, ...]
    unsigned: tuple[str, ...]  # what the chain holds no statement of: the run was killed before it signed


def check_files(folder: Path, place: str = "") -> RunFiles:
    """Read a run's folder. Problems begin with the file's path below `place`, which is "" or ends with a slash."""
    problems: list[str] = []
    release, digest = _read(folder, ATTESTATION, ReleaseAttestation, problems)
    heroes: dict[str, Attestation] = {}
    digests: dict[str, str] = {}
    for entry in release.heroes if release else ():
        if not _HERO.fullmatch(entry.hero):
            problems.append(f"{ATTESTATION}: names a hero {entry.hero[:40]!r}, which is no hero's name")
            continue
        hero, digests[entry.hero] = _read(folder, f"{entry.hero}/{ATTESTATION}", Attestation, problems)
        if release and hero:
            heroes[entry.hero] = hero
            problems += _differences(entry, hero, digests[entry.hero], release)
    if release:
        problems += _release(folder, release)
    for name, hero in heroes.items():
        problems += _hero(folder, name, hero)
    return RunFiles(
        release=release,
        digest=digest,
        heroes=heroes,
        digests=digests,
        named=frozenset(_named(release, heroes)),
        problems=tuple(f"{place}{problem}" for problem in problems),
    )


def _read(folder: Path, name: str, kind: type[Kind], problems: list[str]) -> tuple[Kind | None, str]:
    """An attestation and the digest of its bytes; None and a problem where it is none in canonical JSON."""
    try:
        content = attested_bytes(folder / name)
        found = kind.read(content, name)
        if found.content() == content:
            return found, sha256(content).hexdigest()
        problems.append(f"{name}: not canonical JSON (RFC 8785), as it was written; it was changed")
    except OSError as error:
        problems.append(f"{name}: cannot be read ({error.strerror}); without it nothing is decided")
    except AttestationError as error:
        problems.append(str(error))
    except (ValueError, RecursionError) as error:
        problems.append(f"{name}: has no canonical JSON ({type(error).__name__}); it was changed")
    return None, ""


def _differences(entry: AttestedHero, hero: Attestation, digest: str, release: ReleaseAttestation) -> Iterator[str]:
    """Where the release says another thing of a hero than the hero's own attestation."""
    place = f"{entry.hero}/{ATTESTATION}"
    if entry.attestation != place or entry.sha256 != digest:
        yield f"{place}: not the one that {ATTESTATION} names by digest"
    for key in ("hero", "decision", "config_hash", "reasons"):
        if getattr(entry, key) != getattr(hero, key):
            yield f"{place}: {key} differs from what {ATTESTATION} says"
    for key in ("run_id", "commit", "configs_commit", "mode", "exposure"):
        if getattr(release, key) != getattr(hero, key):
            yield f"{place}: {key} differs from the release's"


def _release(folder: Path, release: ReleaseAttestation) -> Iterator[str]:
    worst = max((entry.decision for entry in release.heroes), key=SEVERITY.index, default=Decision.HOLD)
    if release.decision != worst:
        yield f"{ATTESTATION}: {release.decision}, but the worst of its heroes is {worst}"
    yield from amiss(folder, "", release.artefacts)


def _hero(folder: Path, name: str, hero: Attestation) -> Iterator[str]:
    """Evidence, artefacts, lock and policy of one hero."""
    where = f"{name}/{ATTESTATION}"
    try:
        require_evidence(hero)
    except StatementError as error:
        yield f"{where}: {error}"
    if sha256(rfc8785.dumps(hero.policy)).hexdigest() != hero.policy_digest:
        yield f"{where}: policy_digest is not the sha256 of policy"
    material, fingerprint = hero.lock_material, hero.release_fingerprint
    if material or fingerprint:
        if sha256(rfc8785.dumps(material)).hexdigest() != fingerprint:
            yield f"{where}: release_fingerprint is not the sha256 of lock_material"
        if _locked_policy(hero) != material.get("policy"):
            yield f"{where}: policy is not that of lock_material"
    changed = list(amiss(folder, f"{name}/", hero.artefacts))
    yield from changed
    attested = {entry.name: entry.sha256 for entry in hero.artefacts}
    for entry in hero.evidence:
        if attested.get(entry.name) != entry.sha256:
            yield f"{where}: evidence and artefacts disagree on {entry.name[:40]!r}"
        elif not changed:
            rows = _rows(folder / name / entry.name)
            if rows != entry.rows:
                yield f"{name}/{entry.name}: {rows} rows, but {entry.rows} are attested"


def _locked_policy(hero: Attestation) -> dict[str, Any]:
    """The policy as it was locked: --max-windows alone lets a run judge by another, as it continues its sequence."""
    ladder = hero.policy.get("ladder")
    of_policy = {"max_windows": hero.budget.max_windows}
    return {**hero.policy, "ladder": {**ladder, **of_policy} if isinstance(ladder, dict) else of_policy}


def _named(release: ReleaseAttestation | None, heroes: Mapping[str, Attestation]) -> Iterator[str]:
    """Each file that the attestations name, and they themselves."""
    if release:
        yield from (ATTESTATION, *(entry.name for entry in release.artefacts))
    for name, hero in heroes.items():
        yield from (f"{name}/{file}" for file in (ATTESTATION, *(entry.name for entry in hero.artefacts)))


def walk(folder: Path) -> tuple[list[str], list[str]]:
    """Every file below a folder, and all that is no file to be read; no link is followed, and nothing opened.

    What cannot be listed (no permission, a path too long) and what would be read for hours is among the others.
    """
    files: list[str] = []
    others: list[str] = []

    def unlisted(error: OSError) -> None:
        others.append(Path(error.filename).relative_to(folder).as_posix())

    for place, folders, names in os.walk(folder, onerror=unlisted):
        inside = Path(place).relative_to(folder).as_posix()
        for name in (*names, *folders):
            try:
                found = os.lstat(os.path.join(place, name))  # no Path: there are thousands, and it takes as long again
            except OSError as error:
                unlisted(error)
                continue
            if not stat.S_ISDIR(found.st_mode):
                fine = stat.S_ISREG(found.st_mode) and found.st_size <= MOST_BYTES
                (files if fine else others).append(name if inside == "." else f"{inside}/{name}")
    return sorted(files), sorted(set(others))


def amiss(folder: Path, place: str, attested: Sequence[Artefact]) -> Iterator[str]:
    """Each file that is named must be there with its digest."""
    home = folder / place
    for entry in attested:
        if not _FILE.fullmatch(entry.name):
            yield f"{place}{ATTESTATION}: names a file {entry.name[:40]!r} outside of its folder"
            continue
        try:
            with (home / entry.name).open("rb") as opened:
                found = file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            yield f"{place}{entry.name}: cannot be read ({error.strerror}), but is attested"
            continue
        if found != entry.sha256:
            yield f"{place}{entry.name}: sha256 {found[:16]}..., but {entry.sha256[:16]}... is attested"


def _rows(file: Path) -> int | str:
    import pyarrow as pa  # half a second: only where there is evidence to count
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(file).num_rows)
    except (OSError, pa.ArrowException):
        return "no readable"


def compare(files: RunFiles, whole: Chain, place: str = "") -> Signed:
    """Compare a run's attestations with the chain. `place` stands before the names of its files."""
    of_run = [s for s in whole.of_run(files.run_id) if s.kind in OF_RUNS] if files.run_id else []
    expected = _expected(files)
    problems: list[str] = []
    same: dict[tuple[str, str], Statement] = {}
    for statement in of_run:
        key, where = (statement.kind, statement.hero), f"{BUNDLES}/{statement.file}"
        if key not in expected:
            problems.append(f"{where}: signed, but {place}{ATTESTATION} calls for no such statement")
        elif key in same:
            problems.append(f"{where}: a second statement of the same; {same[key].file} was the first")
        elif _rebuilt(statement, files, of_run) != statement.payload:
            problems.append(f"{where}: says another thing than {place}{expected[key]}; one of them was changed")
        elif _bundle(statement, files) != statement.file:
            problems.append(f"{where}: {place}{expected[key]} names another file as its bundle")
        else:
            same[key] = statement
    found = {(s.kind, s.hero) for s in of_run}
    return Signed(
        statements=tuple(same.values()),
        decisions={
            hero: statement
            for (kind, hero), statement in same.items()
            if kind == "decision" and (("svr", hero) in same or ("svr", hero) not in expected)
        },
        problems=tuple(problems),
        unsigned=tuple(
            f"{place}{where}: not signed: {BUNDLES}/ holds no {kind} of its run; the run did not finish, run it again"
            for (kind, hero), where in expected.items()
            if (kind, hero) not in found
        ),
    )


def _expected(files: RunFiles) -> dict[tuple[str, str], str]:
    """The statements that a run's attestations call for, and the attestation that does."""
    expected = {("run", ""): ATTESTATION} if files.release else {}
    for name, hero in files.heroes.items():
        expected["decision", name] = f"{name}/{ATTESTATION}"
        if hero.promotes:
            expected["svr", name] = f"{name}/{ATTESTATION}"
    return expected


def _rebuilt(statement: Statement, files: RunFiles, of_run: Sequence[Statement]) -> bytes:
    """The bytes that must have been signed; b"" where the attestations give no statement."""
    digests = {(s.kind, s.hero): s.digest for s in of_run}
    try:
        if statement.kind == "run" and files.release:
            built = run_statement(files.release, files.digest, files.heroes)
        elif statement.kind == "decision":
            name = statement.hero
            built = decision_statement(files.heroes[name], files.digests[name], digests["run", ""])
        else:
            built = svr_statement(files.heroes[statement.hero], digests["decision", statement.hero])
        built["predicate"] |= {name: statement.predicate.get(name) for name in ("signer", "previous")}
        return encode(built)
    except (*MALFORMED, GateError):
        return b""


def _bundle(statement: Statement, files: RunFiles) -> str | None:
    """The file that the attestation names; a verification result is named by none."""
    if statement.kind == "svr":
        return statement.file
    attested = files.heroes.get(statement.hero) if statement.hero else files.release
    return attested.bundle if attested else None
