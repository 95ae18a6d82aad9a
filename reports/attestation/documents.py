"""Which documents were signed of a run, and does each lie there as it was written?"""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from gates.attestation import Artefact
from reports.attestation.chain import BUNDLES, Chain, Statement
from reports.attestation.files import amiss
from reports.attestation.statements import MALFORMED, digest_in, in_toto, resource

FOLDER, KIND = "documents", "documents"
_NAME = re.compile(rf"{FOLDER}/(sources/)?[A-Za-z0-9_-][A-Za-z0-9_.-]*")  # leads to no other folder


def documents_statement(run_id: str, run: str, written: Sequence[Artefact], now: datetime) -> dict[str, Any]:
    """The documents of a run, each by digest; `run` is the digest of the run's own statement."""
    return in_toto(
        KIND,
        [resource(one.name, one.sha256) for one in written],
        {"runId": run_id, "run": {"sha256": run}, "createdOn": now.isoformat(timespec="seconds")},
    )


def newest_statement(whole: Chain, run_id: str) -> Statement | None:
    """The last one about a run's documents; None where none was signed."""
    of_run = whole.of_run(run_id) if run_id else ()
    run = next((s.digest for s in of_run if s.kind == "run"), "")
    said = [s for s in of_run if s.kind == KIND and run and digest_in(s.predicate, "run") == run]
    return said[-1] if said else None


def covered_by(statement: Statement | None) -> tuple[Artefact, ...]:
    """The documents that a statement is about; nothing where it names none, or what can be none."""
    try:
        subjects = statement.content["subject"] if statement else ()
        covered = tuple(Artefact(name=one["name"], sha256=one["digest"]["sha256"]) for one in subjects)
    except MALFORMED:  # somebody signed it so
        return ()
    return covered if all(_NAME.fullmatch(one.name) for one in covered) else ()


def check_documents(folder: Path, whole: Chain, run_id: str, place: str = "") -> tuple[list[str], set[str]]:
    """What is wrong with a run's documents, and the files that were signed; `place` is the run's folder below."""
    statement = newest_statement(whole, run_id)
    covered = covered_by(statement)
    wrong = [*amiss(folder, "", covered)]
    if statement and not covered:
        wrong.append(f"{FOLDER}/: {BUNDLES}/{statement.file} names no documents of ours")
    told = [f"{place}{problem}; make documents writes it anew" for problem in wrong]
    return told, {f"{place}{one.name}" for one in covered}
