"""What was decided, what was signed in which order, and in what do two runs differ? `show`, `log` and `diff`."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fixtures.fingerprint import changes
from gates.archive import state_of
from gates.attestation import ATTESTATION, Attestation
from gates.errors import GateError
from gates.verdicts import Kind
from reports.attestation import chain, people, trust
from reports.attestation.chain import BUNDLES, Chain, Statement
from reports.attestation.statements import COMMAND, MALFORMED, made_at
from reports.attestation.trust import TrustRoot
from reports.attestation.verify import Decided, Verified, overdue, verify
from reports.escaping import clean, cut

_REASONS, _WIDTH, _SAYS = 3, 110, 60


def run(command: str, arguments: Sequence[str]) -> int:
    """`show` and `log`: 1 where the folder or its chain does not hold; `diff`: 0 whether or not there is one."""
    parser = argparse.ArgumentParser(prog=f"python -m reports.attestation {command}", description=__doc__)
    if command == "diff":
        parser.add_argument("before", type=Path, metavar="RUN", help="a run's folder: reports/out or one of history/")
        parser.add_argument("after", type=Path, metavar="RUN")
        return _diff(parser.parse_args(arguments))
    parser.add_argument("folder", type=Path, metavar="DIR", help="artifacts folder, e.g. reports/out")
    parser.add_argument("--trust", type=Path, help="trust root (default: configs/trusted_keys.json)")
    if command == "show":
        parser.add_argument("--configs", type=Path, default=Path("configs"), help="whose state says what served since")
    asked = parser.parse_args(arguments)
    return (_log if command == "log" else _show)(asked, trust.read_trust(asked.trust), datetime.now(UTC))


def _show(asked: argparse.Namespace, root: TrustRoot, now: datetime) -> int:
    """About ten lines a hero."""
    verified, served = verify(asked.folder, root, now), chain.read(state_of(asked.configs))
    for decided in verified.heroes.values():
        print("\n".join(cut(line, _WIDTH) for line in describe(decided, verified, root, now, served)))
    if verified.problems:
        print(f"DOES NOT VERIFY: {clean(verified.problems[0])}; {COMMAND} {asked.folder} lists all")
        return 1
    return 0


def describe(decided: Decided, verified: Verified, root: TrustRoot, now: datetime, served: Chain) -> Iterator[str]:
    """The lines of one decision; `served` is the chain of what served."""
    hero, statement = decided.attestation, decided.statement
    yield f"{hero.decision}  {hero.hero}    {hero.exposure}, mode {hero.mode}    run {hero.run_id}"
    yield f"  hero         {hero.config_hash} against {hero.baseline} {hero.baseline_config_hash}"
    yield f"  commit       {hero.commit}"
    yield f"  fingerprint  {hero.release_fingerprint or 'none: the ladder never began'}"
    yield f"  signed       {decided.judged.words}"
    yield f"  statement    {statement.digest[:16]}  {BUNDLES}/{statement.file}"
    for reason in hero.reasons[:_REASONS]:
        yield f"  reason       {clean(reason)}"
    if len(hero.reasons) > _REASONS:
        yield f"               and {len(hero.reasons) - _REASONS} more"
    yield f"  checks       {_counts(hero)}"
    for entry in hero.evidence:
        yield f"  evidence     {entry.name:14} {entry.rows:>9,} rows  sha256 {entry.sha256[:32]}"
    late = " (overdue)" if overdue(hero, now) else ""
    yield f"  valid        until a locked input changes; review due {hero.review_due[:10]}{late}"
    for word in people.said_of(verified.chain, statement.digest, now, root):
        force = "in force" if word.counts else "counts as none"
        yield f"  {word.statement.kind:12} by {word.by} ({word.ticket}), {force}: signed {word.words}"
    stale = staleness(served, hero)
    if stale:
        yield f"  stale        {stale}"


def staleness(served: Chain, decided: Attestation) -> str:
    """Why a decision no longer stands: heroes are alternatives to one baseline. "" where it stands."""
    for change in served.statements:
        at, own = made_at(change.content), (change.kind, change.hero) == ("promotion", decided.hero)
        if at and at >= datetime.fromisoformat(decided.finished_at) and not own:
            return f"{change.kind} of {change.hero} ({change.file}) changed the baseline since: decide anew"
    return ""


def _counts(hero: Attestation) -> str:
    """How many checks have which verdict."""
    gates = Counter(str(cell.verdict) for cell in hero.cells if cell.kind is Kind.GATE)
    others = Counter(str(cell.verdict) for cell in hero.cells if cell.kind is not Kind.GATE)
    told = [f"gates {_told(gates)}"] if gates else []
    return "   ".join([*told, f"others {_told(others)}"] if others else told) or "none was asked"


def _told(verdicts: Counter[str]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))


def _log(asked: argparse.Namespace, root: TrustRoot, now: datetime) -> int:
    """Each statement of the chain on a line, oldest first."""
    whole = chain.read(asked.folder)
    for statement in whole.statements:
        print(_line(statement, root, now))
    for problem in whole.problems:
        print(f"problem: {problem}")
    if not whole.statements:
        print(f"{asked.folder}: nothing was signed here")
    return 1 if whole.problems else 0


def _line(statement: Statement, root: TrustRoot, now: datetime) -> str:
    """One statement: when, what, about whom, and whether its signature counts."""
    at, about = made_at(statement.content), f"{statement.kind} {statement.hero}".strip()
    try:
        says = _says(statement, root, now)
    except MALFORMED as error:  # somebody signed it so
        says = f"nothing that can be read ({type(error).__name__})"
    start = f"{statement.number:06d}  {at.isoformat()[:19] if at else '':19}  {about:22}"
    return f"{start}  {cut(says, _SAYS)}  signed {clean(people.judged(statement, root).words)}"


def _says(statement: Statement, root: TrustRoot, now: datetime) -> str:
    """The gist of a statement, in a few words."""
    predicate = statement.predicate
    if statement.kind in people.KINDS:
        word = people.read_word(statement, now, root)
        expired = "" if word.until and word.until > now else ", expired"
        return f"by {word.by}: {word.why} ({word.ticket}) until {predicate.get('until', 'never')}{expired}"
    if statement.kind == "run":
        return str(predicate.get("result", ""))
    if statement.kind == "svr":
        return ", ".join(str(name) for name in predicate.get("properties", ()))
    if statement.kind == "decision":
        reasons = predicate.get("reasons") or [""]
        return f"{predicate.get('decision', '')} {reasons[0]}".strip()
    hidden = ("previous", "hero", "createdOn", "runId", "releaseFingerprint", "configHash")
    told = {**predicate, "untrustedAccepted": ", ".join(map(str, predicate.get("untrustedAccepted") or ()))}
    return ", ".join(
        f"{key} {word}" for key, word in told.items() if isinstance(word, str) and word and key not in hidden
    )


def _diff(asked: argparse.Namespace) -> int:
    """A line a difference. It says what is written, not whether it is signed."""
    before, after = _heroes(asked.before), _heroes(asked.after)
    for name in sorted(before.keys() | after.keys()):
        if name not in before or name not in after:
            print(f"{name}: only in {asked.before if name in before else asked.after}")
            continue
        lines = [f"  {line}" for line in differences(before[name], after[name])]
        print("\n".join([f"{name}:", *lines] if lines else [f"{name}: no difference"]))
    return 0


def differences(before: Attestation, after: Attestation) -> Iterator[str]:
    """What differs between two attestations of a hero."""
    for change in changes(_compared(before), _compared(after)):
        yield clean(f"{change.field.replace('.', ' ', 1)}: {change.locked} > {change.now}")


def _compared(hero: Attestation) -> dict[str, Any]:
    """Of the evidence its content, however it is encoded, and how much of it there is."""
    keys = ("logical_sha256", "rows")
    return {
        "decision": str(hero.decision),
        "evidence": {f"{e.name} {key}": getattr(e, key) for e in hero.evidence for key in keys},
        "lock": hero.lock_material,
        "verdict": {f"{c.check} at {c.step} %" if c.step else c.check: str(c.verdict) for c in hero.cells},
    }


def _heroes(folder: Path) -> dict[str, Attestation]:
    """The attestations of a run's folder, by hero."""
    found = {}
    for path in sorted(folder.glob(f"*/{ATTESTATION}")):
        try:
            found[path.parent.name] = Attestation.read_file(path)
        except OSError as error:
            raise GateError(f"{path}: cannot be read ({error.strerror}); verify {folder}") from None
    if not found:
        raise GateError(f"{folder}: holds no <hero>/{ATTESTATION}; name a run's folder, such as reports/out")
    return found
