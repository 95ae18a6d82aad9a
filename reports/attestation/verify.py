"""Is everything in an artifacts folder as it was signed, and does anybody vouch for the key?

`python -m reports.attestation verify DIR` believes nothing that it reads: attestations must be canonical, files must
have their digests, and the signed statements are built again from the attestations and compared byte for byte.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gates.attestation import ATTESTATION, Attestation
from gates.errors import GateError
from reports.attestation import chain, people, trust
from reports.attestation.chain import Chain, Statement
from reports.attestation.files import check_files, compare
from reports.attestation.people import judged
from reports.attestation.trust import Judgement, TrustRoot
from reports.escaping import clean

HISTORY = "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision that verifies: the attestation, and the statement that signs it."""

    attestation: Attestation
    statement: Statement
    judged: Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found. `heroes` holds only decisions whose statement was built again and is the signed one."""

    problems: tuple[str, ...]
    notes: tuple[str, ...]  # worth knowing, not wrong
    heroes: Mapping[str, Decided]
    trusted: bool  # no problem, and all that was signed of this run counts
    words: str  # after "signed": by whom, and whether anybody vouches for it
    chain: Chain


def verify(folder: Path, root: TrustRoot, now: datetime, head: str = "") -> Verified:
    """Check all of an artifacts folder. `head` is a digest that was written down elsewhere and must be in the chain."""
    whole = chain.read(folder)
    files = check_files(folder)
    signed = compare(files, whole)
    problems = [*files.problems, *whole.problems, *signed.problems, *signed.unsigned, *people.misplaced(whole)]
    notes = [f"{name}: review was due {hero.review_due}" for name, hero in files.heroes.items() if overdue(hero, now)]
    last = whole.last("run")
    if last and last.run_id != files.run_id and whole.of_run(files.run_id):
        problems.append(f"{ATTESTATION}: of run {files.run_id}, but run {last.run_id} was signed after it")
    if head and whole.find(head) is None:
        problems.append(f"--head={head}: not in the chain; statements were cut off, or the chain was written anew")
    for problem, note in _old_runs(folder, whole):
        problems += [problem] if problem else []
        notes += [note] if note else []
    there = {files.run_id, *(path.name for path in (folder / HISTORY).glob("*"))}
    expired = sum(s.kind == "run" and s.run_id not in there for s in whole.statements)
    if expired:
        notes.append(f"expired: {expired} older runs, of which only the statements are left")
    judgements = {s.digest: judged(s, root) for s in signed.statements}
    doubtful = next((j for j in judgements.values() if not j.trusted), None)
    words = (doubtful or next(iter(judgements.values()))).words if judgements else "by nobody"
    heroes = {
        name: Decided(attestation=files.heroes[name], statement=statement, judged=judgements[statement.digest])
        for name, statement in signed.decisions.items()
    }
    return Verified(
        problems=tuple(problems),
        notes=tuple(notes),
        heroes=heroes,
        trusted=bool(heroes) and not problems and doubtful is None,
        words=words,
        chain=whole,
    )


def run(command: str, arguments: Sequence[str]) -> int:
    """`verify`: 0 where everything holds, trusted or not, 1 on any problem."""
    parser = argparse.ArgumentParser(prog=f"python -m reports.attestation {command}", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="artifacts folder, e.g. reports/out, or a copy of it")
    parser.add_argument("--head", default="", help="digest of a statement that must be in the chain")
    parser.add_argument("--trust", type=Path, help="trust root (default: configs/trusted_keys.json)")
    asked = parser.parse_args(arguments)
    if asked.head and not re.fullmatch(r"[0-9a-f]{64}", asked.head):
        raise GateError(f"--head={asked.head}: not a sha256 in hex; `verify` prints the head's, write that down")
    verified = verify(asked.folder, trust.read_trust(asked.trust), datetime.now(UTC), asked.head)
    for problem in verified.problems:
        print(f"problem: {clean(problem)}")
    for note in verified.notes:
        print(f"note: {clean(note)}")
    for name, decided in verified.heroes.items():
        print(f"{name}  {decided.attestation.decision}  signed {decided.judged.words}")
    count = len(verified.chain.statements)
    print(f"chain of {count} statement{'' if count == 1 else 's'}, head {verified.chain.head or 'none'}")
    if verified.problems:
        print(f"DOES NOT VERIFY: {len(verified.problems)} problem{'' if len(verified.problems) == 1 else 's'}")
        return 1
    print(f"verified: nothing was changed since it was signed; signed {verified.words}")
    return 0


def _old_runs(folder: Path, whole: Chain) -> Iterator[tuple[str, str]]:
    """What is wrong with the older runs that are still there, and what is worth knowing: (problem, note) pairs."""
    signed = {s.run_id for s in whole.statements if s.kind == "run"}
    for path in sorted(p for p in (folder / HISTORY).glob("*") if p.is_dir()):
        place = f"{HISTORY}/{path.name}/"
        if path.name not in signed:
            yield "", f"{place}: not signed, since its run did not finish; it proves nothing"
            continue
        if _of_version_1(path, whole):
            yield "", f"{place}: attested in version 1, as it was signed; what it names is not checked"
            continue
        files = check_files(path, place)
        compared = compare(files, whole, place)
        if files.run_id and files.run_id != path.name:
            yield f"{place}{ATTESTATION}: of run {files.run_id}, put there in the place of another", ""
        yield from ((problem, "") for problem in (*files.problems, *compared.problems))
        yield from (("", note) for note in compared.unsigned)


def _of_version_1(folder: Path, whole: Chain) -> bool:
    """Is it a release that was attested before this version, byte for byte as a statement of the chain names it?"""
    try:
        content = (folder / ATTESTATION).read_bytes()
    except OSError:
        return False
    named = {"name": ATTESTATION, "digest": {"sha256": chain.digest(content)}}
    subjects = [s.content.get("subject") for s in whole.of_run(folder.name) if s.kind == "run"]
    return b'"schema":"hero-gate/release/v1"' in content and any(named in s for s in subjects if isinstance(s, list))


def overdue(hero: Attestation, now: datetime) -> bool:
    """Should somebody have looked at the decision again?"""
    return datetime.fromisoformat(hero.review_due) < now
