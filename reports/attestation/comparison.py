"""What is on record of two compared run files, signed? Can a stranger check it, and decide it again?

`verify`, `show` and `replay` come here for a folder that holds comparison.json: its own, with the chain beside it.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from evidence.files import write_synced, write_whole
from gates.archive import MARK
from gates.attestation import ATTESTATION, Artefact, AttestationError, AttestedPart, AttestedWhole, attested_bytes
from gates.errors import GateError
from gates.rule.compared import Differences, OneLook, compare
from gates.verdicts import Decision, Verdict
from reports.attestation import chain, statements
from reports.attestation.chain import BUNDLES, Chain
from reports.attestation.files import amiss, walk
from reports.attestation.people import judged
from reports.attestation.sealing import open_for_run
from reports.attestation.trust import TrustRoot, judge
from reports.escaping import clean, csv_cell

COMPARISON, EVIDENCE = "comparison.json", "queries.csv"
KIND = "comparison"
REVIEW_AFTER = timedelta(days=7)
_NUMBERS = ("judged", "worst", "best")


class ComparedCheck(AttestedPart):
    """What the one look showed of a check; numbers are shares, .01 is a point."""

    check: str
    verdict: Verdict
    n: int
    observed: str
    lower: str
    upper: str
    mu: str
    tolerated_loss: str
    chosen_after_looking: bool
    note: str


class ComparisonRecord(AttestedWhole):
    """The decision about two run files, and what it rests on. It promotes nothing: no pack, no lock, no canary."""

    schema_: Literal["hero-gate/comparison/v1"] = Field(default="hero-gate/comparison/v1", alias="schema")
    #: Baseline, hero, qrels and perhaps queries, as they were named.
    inputs: tuple[Artefact, ...] = Field(min_length=3, max_length=4)
    asked_mu: str  # "" where no margin was asked
    bounded: bool  # may an unjudged hit be relevant?
    final: bool
    worst: Decision
    best: Decision
    reasons: tuple[str, ...]
    understood: tuple[str, ...]
    checks: tuple[ComparedCheck, ...] = Field(min_length=1)


def checks_of(compared: OneLook) -> tuple[ComparedCheck, ...]:
    """What was shown, as text that says every digit."""
    return tuple(
        ComparedCheck(
            check=s.check, verdict=s.verdict, n=s.n, observed=repr(s.observed), lower=repr(s.lower),
            upper=repr(s.upper), mu=repr(s.margin.mu), tolerated_loss=repr(s.margin.tolerated),
            chosen_after_looking=s.margin.chosen_after_looking, note=s.note,
        )
        for s in compared.outcome.shown
    )  # fmt: skip


def evidence_text(queries: Sequence[str], differences: Sequence[Differences]) -> str:
    """The numbers that decide, one row a query, with every digit."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["query", *(f"{of.check} {name}" for of in differences for name in _NUMBERS)])
    columns = [getattr(of, name).tolist() for of in differences for name in _NUMBERS]
    writer.writerows([csv_cell(query), *map(repr, numbers)] for query, *numbers in zip(queries, *columns, strict=True))
    return out.getvalue()


def sign_comparison(folder: Path, record: ComparisonRecord, files: Mapping[str, str], root: Path) -> str:
    """Write and sign a comparison into a folder that the caller owns. Returns by whom. Raises GateError.

    `root` is the checkout, for its trusted keys. What an earlier one left is withdrawn first.
    """
    if (folder / ATTESTATION).exists():
        raise GateError(f"{folder}: holds what a canary decided; name another folder with --artifacts")
    for name in (COMPARISON, *files):
        (folder / name).unlink(missing_ok=True)
    opened, trusted = open_for_run(folder, root)
    judgement = judge(
        trusted, opened.keyid, "decide", datetime.fromisoformat(record.finished_at), ephemeral=opened.ephemeral
    )
    for name, text in files.items():
        write_whole(folder / name, text)
    artefacts = tuple(Artefact(name=name, sha256=sha256(text.encode()).hexdigest()) for name, text in files.items())
    bundle = chain.file_name(chain.length(folder) + 1, KIND)
    record = record.model_copy(update={"artefacts": artefacts, "bundle": bundle})
    content = record.content()
    signed_by = statements.signer(opened.keyid, ephemeral=opened.ephemeral, words=judgement.words)
    chain.append(folder, KIND, "", statement_of(record, content, signed_by), opened)
    write_synced(folder / COMPARISON, content)
    return judgement.words


def statement_of(record: ComparisonRecord, content: bytes, signed_by: Mapping[str, str]) -> dict[str, Any]:
    """What is signed: it follows from the record alone."""
    return {
        "_type": statements.STATEMENT,
        "subject": [{"name": COMPARISON, "digest": {"sha256": sha256(content).hexdigest()}}],
        "predicateType": statements.PREDICATES[KIND],
        "predicate": {
            "decision": str(record.decision),
            "reasons": list(record.reasons),
            "mode": record.mode,
            "exposure": record.exposure,
            "final": record.final,
            "inputs": [{"name": one.name, "digest": {"sha256": one.sha256}} for one in record.inputs],
            "runId": record.run_id,
            "commit": record.commit,
            "startedOn": record.started_at,
            "finishedOn": record.finished_at,
            "signer": dict(signed_by),
        },
    }


def read_record(folder: Path) -> ComparisonRecord:
    """The record in a folder. Raises AttestationError where it is not as it was written."""
    try:
        content = attested_bytes(folder / COMPARISON)
    except OSError as error:
        raise AttestationError(f"{COMPARISON}: cannot be read ({error.strerror}); see to its permissions") from None
    record = ComparisonRecord.read(content, COMPARISON)
    if record.content() != content:
        raise AttestationError(f"{COMPARISON}: not canonical JSON (RFC 8785), as it was written; it was changed")
    return record


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedComparison:
    """What was found of a folder: the record holds where there is no problem."""

    record: ComparisonRecord
    problems: tuple[str, ...]
    words: str  # after "signed"
    trusted: bool
    chain: Chain

    @property
    def line(self) -> str:
        """What was decided of which files, and who signed it."""
        baseline, hero = (clean(one.name) for one in self.record.inputs[:2])
        return f"{self.record.decision}  {hero} against {baseline}  signed {self.words}"


def holds_comparison(folder: Path) -> bool:
    """Is this a comparison's folder, and no canary's?"""
    return (folder / COMPARISON).exists() and not (folder / ATTESTATION).exists()


def check_comparison(folder: Path, root: TrustRoot, head: str = "") -> CheckedComparison:
    """Believe nothing: the statement is built again from the record. Raises AttestationError where it is no record."""
    record, whole = read_record(folder), chain.read(folder)
    problems = [*whole.problems, *amiss(folder, "", record.artefacts)]
    last = whole.last(KIND)
    if last is None or last.file != record.bundle:
        problems.append(f"{COMPARISON}: {BUNDLES}/{record.bundle} is not the last that was signed here")
        last = None
    else:
        built = statement_of(record, record.content(), dict(last.predicate["signer"]))
        built["predicate"]["previous"] = last.predicate.get("previous")
        if statements.encode(built) != last.payload:
            problems.append(f"{BUNDLES}/{last.file}: says another thing than {COMPARISON}; one of them was changed")
    if head and whole.find(head) is None:
        problems.append(f"--head={head}: not in the chain; statements were cut off, or the chain was written anew")
    files, others = walk(folder)
    covered = {COMPARISON, MARK, ".lock", f"{BUNDLES}/.lock", *(one.name for one in record.artefacts)}
    covered |= {f"{BUNDLES}/{s.file}" for s in whole.statements}
    covered |= {chain.key_file(folder, s.keyid).relative_to(folder).as_posix() for s in whole.statements}
    problems += [f"{name}: not attested; take it away" for name in (*files, *others) if name not in covered]
    judgement = judged(last, root) if last else None
    return CheckedComparison(
        record=record,
        problems=tuple(problems),
        words=judgement.words if judgement else "by nobody",
        trusted=bool(judgement and judgement.trusted and not problems),
        chain=whole,
    )


def show_comparison(folder: Path, root: TrustRoot) -> int:
    """`show`: what was decided, on which files, and who vouches for it; 1 where the folder does not hold."""
    found = check_comparison(folder, root)
    record = found.record
    print(f"{record.decision}{'' if record.final else ' (not final)'}    {record.exposure}    run {record.run_id}")
    for role, one in zip(("baseline", "hero", "qrels", "queries"), record.inputs, strict=False):
        print(f"  {role:11}  {clean(one.name)}  sha256 {one.sha256[:32]}")
    print(f"  {'commit':11}  {record.commit}")
    print(f"  {'signed':11}  {found.words}")
    for reason in record.reasons:
        print(f"  {'reason':11}  {clean(reason)}")
    if found.problems:
        print(f"DOES NOT VERIFY: {clean(found.problems[0])}; {statements.COMMAND} {folder} lists all")
        return 1
    return 0


def replay_comparison(folder: Path) -> int:
    """`replay`: decide again from the numbers of each query; 0 where the same comes out. Raises GateError."""
    record = read_record(folder)
    wrong = list(amiss(folder, "", record.artefacts))
    if wrong:
        raise GateError(wrong[0])
    try:
        differences = _read_evidence(folder / EVIDENCE, [one.check for one in record.checks])
        mu = float(record.asked_mu) if record.asked_mu else None
    except (OSError, ValueError, KeyError, csv.Error) as error:  # whoever signed it wrote it so
        raise GateError(f"{EVIDENCE}: not those of {COMPARISON} ({type(error).__name__}); compare again") from None
    again = compare(differences, mu, bounded=record.bounded)
    same = checks_of(again) == record.checks and again.decision is record.decision
    print(f"{record.decision}  attested; {again.decision}  from {len(differences[0].judged):,} queries of {EVIDENCE}")
    print("replayed as attested" if same else "NOT as attested: other numbers come out of the same evidence")
    return 0 if same else 1


def _read_evidence(path: Path, checks: Sequence[str]) -> list[Differences]:
    with path.open(encoding="utf-8", newline="") as file:
        heads, *rows = csv.reader(file)
    columns = dict(zip(heads[1:], np.array([row[1:] for row in rows], dtype=np.float64).T, strict=True))
    return [Differences(check=one, **{name: columns[f"{one} {name}"] for name in _NUMBERS}) for one in checks]
