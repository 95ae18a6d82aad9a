"""Is what was signed of a run what its attestations say? Each statement is built again and compared byte for byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gates.errors import GateError
from reports.attestation.chain import BUNDLES, Chain, Statement
from reports.attestation.files import MALFORMED, RunFiles
from reports.attestation.statements import (
    ATTESTATION,
    decision_statement,
    encode,
    run_statement,
    svr_statement,
)

KINDS = ("run", "decision", "svr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The statements of one run that say what its attestations say, and what is wrong with the others."""

    statements: tuple[Statement, ...]
    decisions: Mapping[str, Statement]  # by hero; of a promotion only where it was signed as verified too
    problems: tuple[str, ...]
    unsigned: tuple[str, ...]  # what the chain holds no statement of: the run was killed before it signed


def compare(files: RunFiles, whole: Chain, place: str = "") -> Signed:
    """Compare a run's attestations with the chain. `place` stands before the names of its files."""
    of_run = [s for s in whole.of_run(files.run_id) if s.kind in KINDS] if files.run_id else []
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
        if hero.get("decision") == "PROMOTE":
            expected["svr", name] = f"{name}/{ATTESTATION}"
    return expected


def _rebuilt(statement: Statement, files: RunFiles, of_run: Sequence[Statement]) -> bytes:
    """The bytes that must have been signed; b"" where the attestations give no statement."""
    by: dict[str, Any] = dict(statement.predicate["signer"])
    hero = files.heroes.get(statement.hero, {})
    digests = {(s.kind, s.hero): s.digest for s in of_run}
    try:
        if statement.kind == "run":
            built = run_statement(files.release, files.digest, files.heroes, by)
        elif statement.kind == "decision":
            built = decision_statement(hero, files.digests[statement.hero], digests["run", ""], by)
        else:
            built = svr_statement(hero, digests["decision", statement.hero], by)
        built["predicate"]["previous"] = statement.predicate.get("previous")
        return encode(built)
    except (*MALFORMED, GateError):
        return b""


def _bundle(statement: Statement, files: RunFiles) -> object:
    """The file that the attestation names; a verification result is named by none."""
    if statement.kind == "svr":
        return statement.file
    return (files.heroes[statement.hero] if statement.hero else files.release).get("bundle")
