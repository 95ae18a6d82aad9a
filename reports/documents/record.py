"""What is on record of a run? Attestations and tables of its folder, its statements, what serves, the pool audit."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evidence.files import MOST_LINES, regular
from gates.archive import state_of
from gates.attestation import ATTESTATION, Attestation
from gates.errors import GateError
from gates.extras import lacking
from reports.attestation import chain
from reports.attestation.chain import Statement
from reports.attestation.documents import FOLDER
from reports.attestation.people import weighed
from reports.attestation.statements import OF_RUNS, digest_in
from reports.attestation.trust import TrustRoot
from reports.attestation.verify import Decided, Verified
from reports.documents.sourced import Sourced
from reports.documents.told import SourcedHero, SourcedRun, table_in, told_check, told_hero
from reports.model.pictures import FILE, PICTURES, Picture, picture_of, pool_shares
from reports.model.running_pictures import pooled

SOURCES = f"{FOLDER}/sources"  # of what does not stay where it lies: the next night has another pool
TABLES = ("hero_span_v22.csv", "pool_counts_by_system.csv")
AUDIT = ("weekly/pool.json", "weekly/pool_counts_by_system.csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What is told, the copies that it cites, the files of the run that it cites where they lie, and its pictures."""

    told: SourcedRun
    copies: dict[str, bytes]
    cited: tuple[str, ...]
    pictures: dict[str, tuple[str, Picture]]  # file -> whose it is, and what is on it


def read_record(folder: Path, configs: Path, verified: Verified, root: TrustRoot) -> RunRecord:
    """Read the run in a folder that verifies. Raises GateError with one line."""
    state = chain.read(state_of(configs))
    if state.problems:
        raise GateError(f"{state_of(configs)}: {state.problems[0]}")
    decisions = {hero: decided.statement.digest for hero, decided in verified.heroes.items()}
    of_run = [s for s in verified.chain.statements if _about(s, verified, decisions.values())]
    made = [s for s in state.statements if digest_in(s.predicate, "decision") in decisions.values()]
    copies: dict[str, bytes] = {}
    pictures: dict[str, tuple[str, Picture]] = {}
    signed = _copied("chain.json", _listed(of_run, root), copies)
    changes = [*_copied("changes.json", _listed(made, root), copies)] if made else []
    about = [digest_in(s.predicate, "decision") for s in made]
    heroes = tuple(
        _hero(folder, decided, [c for c, of in zip(changes, about, strict=True) if of == decisions[hero]], pictures)
        for hero, decided in verified.heroes.items()
    )
    told = SourcedRun(
        release=Sourced(json.loads((folder / ATTESTATION).read_bytes()), ATTESTATION),
        heroes=heroes,
        chain=signed,
        undrawn=lacking("report", "matplotlib"),
        **_audit(folder, copies, pictures),
    )
    cited = [
        f"{name}/{file}"
        for name, decided in verified.heroes.items()
        for file in (ATTESTATION, *(entry.name for entry in decided.attestation.artefacts))
        if file.endswith((".json", ".csv"))
    ]
    return RunRecord(told=told, copies=copies, cited=(ATTESTATION, *cited), pictures=pictures)


def _about(statement: Statement, verified: Verified, decisions: Iterable[str]) -> bool:
    """Is it of this run, or what people said of its decisions?"""
    run_id = next(iter(verified.heroes.values())).attestation.run_id
    of_run = statement.kind in OF_RUNS and statement.run_id == run_id
    return of_run or digest_in(statement.predicate, "decision") in decisions


def _listed(statements: Iterable[Statement], root: TrustRoot) -> list[dict[str, Any]]:
    """Statements as people can read them; `signed` is what is thought of the key now, not what it says of itself."""
    return [
        {
            "file": s.file,
            "kind": s.kind,
            "hero": s.hero,
            "digest": s.digest,
            "keyid": s.keyid,
            "signed": weighed(s, root).words,
            "statement": s.content,
        }
        for s in statements
    ]


def _copied(name: str, content: Any, copies: dict[str, bytes]) -> Sourced:
    """What is cited of a copy beside the documents."""
    copies[f"{SOURCES}/{name}"] = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    return Sourced(content, f"{SOURCES}/{name}")


def _hero(
    folder: Path, decided: Decided, changes: list[Sourced], pictures: dict[str, tuple[str, Picture]]
) -> SourcedHero:
    attested: Attestation = decided.attestation
    named = {entry.name for entry in attested.artefacts}
    tables = {
        name: table_in((folder / attested.hero / name).read_text("utf-8"), f"{attested.hero}/{name}")
        for name in TABLES
        if name in named
    }
    shown = None
    if FILE in named:
        content = regular(folder / attested.hero / FILE, MOST_LINES).read_bytes()
        drawn = {f"{attested.hero}-{one.name}.png": one for one in PICTURES.validate_json(content) if not one.lacks}
        pictures.update({file: (attested.hero, one) for file, one in drawn.items()})
        shown = Sourced(json.loads(content), f"{attested.hero}/{FILE}")
    return told_hero(attested, tables, changes, shown)


def _audit(folder: Path, copies: dict[str, bytes], pictures: dict[str, tuple[str, Picture]]) -> dict[str, Any]:
    """The last pool audit and its counts, where one was made. Raises GateError for what is none."""
    try:
        text, counts = (regular(folder / name, MOST_LINES).read_text("utf-8") for name in AUDIT)
        audit = _copied("pool_audit.json", {"at": "", **json.loads(text)}, copies)
        found = {"audit": audit, "audited": tuple(map(told_check, audit["cells"]))}
        of = None
        if shares := pool_shares(counts):
            of = picture_of(
                "pool_audit", "Who gives what to the pool?", f"pool audit of {audit.value['at']}", pooled(shares)
            )
            pictures["pool_audit.png"] = ("all systems", of)
    except FileNotFoundError:
        return {"audit": None, "audited": (), "counts": None}
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        what = f"no pool audit that can be read ({type(error).__name__})"
        raise GateError(f"{folder / AUDIT[0]}: {what}; make weekly writes it anew") from None
    copies[f"{SOURCES}/pool_counts.csv"] = counts.encode()
    told = table_in(counts, f"{SOURCES}/pool_counts.csv")
    return {**found, "counts": told.told(of.words) if of else told}
