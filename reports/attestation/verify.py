"""Is everything in an artifacts folder as it was signed, and does anybody vouch for the key?

`python -m reports.attestation verify DIR` believes nothing that it reads: attestations must be canonical, files must
have their digests, and the signed statements are built again from the attestations and compared byte for byte.
"""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from gates.archive import MARK, is_mark, is_put_away
from gates.attestation import ATTESTATION, Attestation
from gates.errors import GateError
from reports.attestation import chain, trust
from reports.attestation.chain import BUNDLES, Chain, Statement, key_file
from reports.attestation.documents import check_documents
from reports.attestation.files import check_files, compare, walk
from reports.attestation.people import weighed
from reports.attestation.trust import TrustRoot, Vouched
from reports.escaping import clean, cut_path

HISTORY = "history"
#: What jobs, ticks, the demo and people leave in a folder of results: no run of it signs that.
UNSIGNED = (
    "alerts-delivery.jsonl", "alerts.jsonl", "allure.html", "continuous", "demo", "jobs", "nightly", "selection",
    "weekly",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision that verifies: the attestation, and the statement that signs it."""

    attestation: Attestation
    statement: Statement
    vouched: Vouched


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found. `heroes` holds only decisions whose statement was built again and is the signed one."""

    problems: tuple[str, ...]
    notes: tuple[str, ...]  # worth knowing, not wrong
    heroes: Mapping[str, Decided]
    trusted: bool  # no problem, and all that was signed of this run counts
    words: str  # after "signed": by whom, and whether anybody vouches for it
    chain: Chain
    strangers: tuple[str, ...] = ()  # every statement of the chain that counts as none, by why


def verify(folder: Path, root: TrustRoot, head: str = "") -> Verified:
    """Check all of an artifacts folder. `head` is a digest that was written down elsewhere and must be in the chain."""
    there, others = walk(folder)
    if others:  # whoever reads a pipe or a device may wait for ever
        odd = tuple(f"{cut_path(name, 200)}: not a regular file; take it away" for name in others)
        return _unread(odd, Chain(statements=(), problems=odd, head=""))
    whole = chain.read(folder)
    files = check_files(folder)
    if files.release is None:  # which names what belongs here: all else would be called nobody's
        return _unread((*files.problems, *whole.problems), whole)
    signed = compare(files, whole)
    documents, written = check_documents(folder, whole, files.run_id)
    problems = [*files.problems, *whole.problems, *signed.problems, *signed.unsigned, *documents]
    notes = list[str]()
    last = whole.last("run")
    if last and last.run_id != files.run_id and whole.of_run(files.run_id):
        problems.append(f"{ATTESTATION}: of run {files.run_id}, but run {last.run_id} was signed after it")
    if head and whole.find(head) is None:
        problems.append(f"--head={head}: not in the chain; statements were cut off, or the chain was written anew")
    covered = {*files.named, *written, *(f"{BUNDLES}/{s.file}" for s in whole.statements)}
    covered |= {key_file(folder, s.keyid).relative_to(folder).as_posix() for s in whole.statements}
    for wrong, known, named in _old_runs(folder, whole, there):
        problems += wrong
        notes += known
        covered |= named
    for found, told in zip(_uncovered(folder, there, covered), (problems, notes), strict=True):
        told += found
    runs = {files.run_id, *(path.name for path in (folder / HISTORY).glob("*"))}
    expired = sum(s.kind == "run" and s.run_id not in runs for s in whole.statements)
    if expired:
        notes.append(f"expired: {expired} older runs, of which only the statements are left")
    vouched = {s.digest: weighed(s, root) for s in whole.statements}
    of_run = [vouched[s.digest] for s in signed.statements]
    doubtful = next((j for j in of_run if not j.trusted), None)
    heroes = {
        name: Decided(attestation=files.heroes[name], statement=statement, vouched=vouched[statement.digest])
        for name, statement in signed.decisions.items()
    }
    strangers: dict[str, list[str]] = {}
    for statement in whole.statements:
        if not vouched[statement.digest].trusted:
            strangers.setdefault(vouched[statement.digest].words, []).append(f"{BUNDLES}/{statement.file}")
    return Verified(
        problems=tuple(problems),
        notes=tuple(notes),
        heroes=heroes,
        trusted=bool(heroes) and not problems and doubtful is None,
        words=(doubtful or of_run[0]).words if of_run else "by nobody",
        strangers=tuple(f"signed {words}: {', '.join(names)}" for words, names in strangers.items()),
        chain=whole,
    )


def _unread(problems: tuple[str, ...], whole: Chain) -> Verified:
    """Of a folder of which no more can be said."""
    return Verified(problems=problems, notes=(), heroes={}, trusted=False, words="by nobody", chain=whole)


def run(asked: argparse.Namespace) -> int:
    """`verify`: 0 where everything holds, trusted or not, 1 on any problem."""
    if asked.head and not re.fullmatch(r"[0-9a-f]{64}", asked.head):
        raise GateError(f"--head={asked.head}: not a sha256 in hex; `verify` prints the head's, write that down")
    root = trust.read_trust(asked.trust)
    found = verify(asked.folder, root, asked.head)
    told = [f"note: {clean(note)}" for note in found.notes]
    told += [f"untrusted: {clean(stranger)}" for stranger in found.strangers]
    told += [f"{n}  {d.attestation.told}  signed {d.vouched.words}" for n, d in found.heroes.items()]
    for line in (*(f"problem: {clean(problem)}" for problem in found.problems), *told):
        print(line)
    count = len(found.chain.statements)
    print(f"chain of {count} statement{'' if count == 1 else 's'}, head {found.chain.head or 'none'}")
    if found.problems:
        print(f"DOES NOT VERIFY: {len(found.problems)} problem{'' if len(found.problems) == 1 else 's'}")
        return 1
    print(f"verified: nothing was changed since it was signed; signed {found.words}")
    if asked.require_trusted and (found.strangers or not found.trusted):
        print("NOT TRUSTED: --require-trusted, but what is named above counts as none, or nothing was decided")
        return 1
    return 0


def _uncovered(folder: Path, there: Sequence[str], covered: set[str]) -> tuple[list[str], list[str]]:
    """Files that no statement covers: those that are nobody's, and by whom left those that no run signs."""
    nobodys: list[str] = []
    unsigned: dict[str, list[str]] = {}
    for name in (name for name in there if name not in covered):
        path, parts = folder / name, name.split("/")
        lock = path.name.endswith(".lock") and not path.stat().st_size
        if lock or (path.name == MARK and is_mark(path)):
            continue
        top = parts[2] if parts[0] == HISTORY and len(parts) > 2 else parts[0]
        if top in UNSIGNED:
            unsigned.setdefault(top, []).append(name)
        else:
            nobodys.append(f"{name}: not attested; take it away")
    return nobodys, [f"{top}: covered by no statement: {', '.join(names)}" for top, names in unsigned.items()]


def _old_runs(
    folder: Path, whole: Chain, there: Sequence[str]
) -> Iterator[tuple[Sequence[str], Sequence[str], Set[str]]]:
    """Of each older run that is still there: problems, what is worth knowing, and the files that this is said of."""
    signed = {s.run_id for s in whole.statements if s.kind == "run"}
    for path in sorted(p for p in (folder / HISTORY).glob("*") if p.is_dir() and is_put_away(p.name)):
        place = f"{HISTORY}/{path.name}/"
        if path.name not in signed:
            note = f"{place}: not signed, since its run did not finish; it proves nothing"
            yield [], [note], {name for name in there if name.startswith(place)}
            continue
        files = check_files(path, place)
        compared = compare(files, whole, place)
        other = files.run_id and files.run_id != path.name
        wrong = [f"{place}{ATTESTATION}: of run {files.run_id}, put there in the place of another"] if other else []
        documents, written = check_documents(path, whole, files.run_id, place)
        problems = [*wrong, *files.problems, *compared.problems, *documents]
        yield problems, compared.unsigned, {*written, *(f"{place}{name}" for name in files.named)}
