"""Do the files of one run agree with each other, byte for byte? Asked without believing any of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import rfc8785

from gates.verdicts import SEVERITY, Decision
from reports.attestation.statements import (
    ARTEFACTS,
    ATTESTATION,
    HERO_SCHEMA,
    PAGES,
    RELEASE_SCHEMA,
    Document,
    StatementError,
    require_evidence,
)

_HERO = re.compile(r"[a-z0-9_]+")
_FILE = re.compile(r"(plots/)?[A-Za-z0-9_-][A-Za-z0-9_.-]*")  # leads to no other folder
#: What a document that is none of ours makes the code that reads it raise.
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """The attestations of one run as they lie in a folder, and what is wrong with them and with what they name."""

    run_id: str
    release: Document
    digest: str  # of the release's attestation
    heroes: Mapping[str, Document]
    digests: Mapping[str, str]  # of the heroes' attestations
    problems: tuple[str, ...]


def check_files(folder: Path, place: str = "") -> RunFiles:
    """Read a run's folder. Problems begin with the file's path below `place`, which is "" or ends with a slash."""
    problems: list[str] = []
    release, digest = _document(folder, ATTESTATION, RELEASE_SCHEMA, problems)
    heroes: dict[str, Document] = {}
    digests: dict[str, str] = {}
    try:
        for entry in release.get("heroes", ()):
            name = str(entry["hero"])
            if not _HERO.fullmatch(name):
                problems.append(f"{ATTESTATION}: names a hero {name[:40]!r}, which is no hero's name")
                continue
            hero, digests[name] = _document(folder, f"{name}/{ATTESTATION}", HERO_SCHEMA, problems)
            if hero:
                heroes[name] = hero
                problems += _differences(entry, hero, digests[name], release)
        if release:
            problems += _release(folder, release)
    except MALFORMED as error:
        problems.append(f"{ATTESTATION}: not a release's attestation ({type(error).__name__}); run the canary again")
    for name, hero in heroes.items():
        try:
            problems += _hero(folder, name, hero)
        except MALFORMED as error:
            problems.append(f"{name}/{ATTESTATION}: not an attestation ({type(error).__name__}); run the canary again")
    return RunFiles(
        run_id=str(release.get("run_id", "")),
        release=release,
        digest=digest,
        heroes=heroes,
        digests=digests,
        problems=tuple(f"{place}{problem}" for problem in problems),
    )


def _document(folder: Path, name: str, schema: str, problems: list[str]) -> tuple[Document, str]:
    """An attestation and the digest of its bytes; {} and a problem where it is none in canonical JSON."""
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        problems.append(f"{name}: cannot be read ({error.strerror}); without it nothing is decided")
        return {}, ""
    try:
        document: Any = json.loads(content)
        canonical = rfc8785.dumps(document) == content
    except (*MALFORMED, rfc8785.CanonicalizationError):
        document, canonical = {}, False
    if not canonical or not isinstance(document, dict):
        problems.append(f"{name}: not canonical JSON (RFC 8785), as it was written; it was changed")
        return {}, ""
    if document.get("schema") != schema:
        problems.append(f"{name}: schema {str(document.get('schema'))[:60]!r}, but {schema} is expected")
        return {}, ""
    return document, sha256(content).hexdigest()


def _differences(entry: Document, hero: Document, digest: str, release: Document) -> Iterator[str]:
    """Where the release says another thing of a hero than the hero's own attestation."""
    name = entry["hero"]
    if entry["attestation"] != f"{name}/{ATTESTATION}" or entry["sha256"] != digest:
        yield f"{name}/{ATTESTATION}: not the one that {ATTESTATION} names by digest"
    for key in ("hero", "decision", "config_hash", "reasons"):
        if entry[key] != hero[key]:
            yield f"{name}/{ATTESTATION}: {key} differs from what {ATTESTATION} says"
    for key in ("run_id", "commit", "mode", "exposure"):
        if release[key] != hero[key]:
            yield f"{name}/{ATTESTATION}: {key} differs from the release's"


def _release(folder: Path, release: Document) -> Iterator[str]:
    decisions = [Decision(entry["decision"]) for entry in release["heroes"]]
    worst = max(decisions, key=SEVERITY.index, default=Decision.HOLD)
    if release["decision"] != worst:
        yield f"{ATTESTATION}: {release['decision']}, but the worst of its heroes is {worst}"
    names = {str(entry["hero"]) for entry in release["heroes"]}
    for path in sorted(folder.glob(f"*/{ATTESTATION}")):
        if path.parent.name not in names:
            yield f"{path.parent.name}/{ATTESTATION}: not of this run: {ATTESTATION} does not name it; take it away"
    yield from _artefacts(folder, "", release["artefacts"], PAGES)


def _hero(folder: Path, name: str, hero: Document) -> Iterator[str]:
    """Evidence, artefacts, lock and policy of one hero."""
    where = f"{name}/{ATTESTATION}"
    try:
        require_evidence(hero)
    except StatementError as error:
        yield f"{where}: {error}"
    if sha256(rfc8785.dumps(hero["policy"])).hexdigest() != hero["policy_digest"]:
        yield f"{where}: policy_digest is not the sha256 of policy"
    material, fingerprint = hero["lock_material"], hero["release_fingerprint"]
    if material or fingerprint:
        if sha256(rfc8785.dumps(material)).hexdigest() != fingerprint:
            yield f"{where}: release_fingerprint is not the sha256 of lock_material"
        # --max-windows alone lets a run judge by another policy than the locked one: it continues the same sequence
        ladder = {**hero["policy"]["ladder"], "max_windows": hero["budget"]["max_windows"]}
        if {**hero["policy"], "ladder": ladder} != material["policy"]:
            yield f"{where}: policy is not that of lock_material"
    yield from _artefacts(folder, f"{name}/", hero["artefacts"], ARTEFACTS)
    attested = {entry["name"]: entry["sha256"] for entry in hero["artefacts"]}
    for entry in hero["evidence"]:
        if attested.get(entry["name"]) != entry["sha256"]:
            yield f"{where}: evidence and artefacts disagree on {str(entry['name'])[:40]!r}"
        elif (folder / name / entry["name"]).exists():
            rows = _rows(folder / name / entry["name"])
            if rows != entry["rows"]:
                yield f"{name}/{entry['name']}: {rows} rows, but {entry['rows']} are attested"


def _artefacts(folder: Path, place: str, attested: Sequence[Document], patterns: Sequence[str]) -> Iterator[str]:
    """Each file that is named must be there with its digest; none may be there that is not named."""
    named = set()
    for entry in attested:
        file = str(entry["name"])
        named.add(file)
        if not _FILE.fullmatch(file):
            yield f"{place}{ATTESTATION}: names a file {file[:40]!r} outside of its folder"
            continue
        try:
            with (folder / place / file).open("rb") as opened:
                found = file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            yield f"{place}{file}: cannot be read ({error.strerror}), but is attested"
            continue
        if found != entry["sha256"]:
            yield f"{place}{file}: sha256 {found[:16]}..., but {str(entry['sha256'])[:16]}... is attested"
    for pattern in patterns:
        for path in sorted((folder / place).glob(pattern)):
            file = path.relative_to(folder / place).as_posix()
            if file not in named:
                yield f"{place}{file}: not attested; take it away"


def _rows(file: Path) -> int | str:
    import pyarrow as pa  # half a second: only where there is evidence to count
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(file).num_rows)
    except (OSError, pa.ArrowException):
        return "no readable"
