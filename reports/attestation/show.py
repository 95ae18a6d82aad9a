"""What was decided, and what was signed in which order? `show` and `log`."""

import argparse
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from gates.attestation import Attestation
from gates.verdicts import Kind, decision_words
from reports.attestation import chain, people, trust
from reports.attestation.chain import BUNDLES, Statement
from reports.attestation.statements import COMMAND, MALFORMED, OF_RUNS, PROPERTY, made_at
from reports.attestation.trust import TrustRoot
from reports.attestation.verify import Decided, Verified, verify
from reports.escaping import clean, cut

_REASONS, _WIDTH, _SAYS = 3, 110, 120


def show(asked: argparse.Namespace) -> int:
    """About ten lines a hero; 1 where the folder does not hold."""
    root, now = trust.read_trust(asked.trust), datetime.now(UTC)
    verified = verify(asked.folder, root)
    for decided in verified.heroes.values():
        print("\n".join(cut(line, _WIDTH) for line in describe(decided, verified, root, now)))
    if verified.problems:
        print(f"DOES NOT VERIFY: {clean(verified.problems[0])}; {COMMAND} {asked.folder} lists all")
        return 1
    return 0


def describe(decided: Decided, verified: Verified, root: TrustRoot, now: datetime) -> Iterator[str]:
    """The lines of one decision."""
    hero, statement = decided.attestation, decided.statement
    yield f"{hero.told}  {hero.hero}    {hero.exposure}, mode {hero.mode}    run {hero.run_id}"
    yield f"  hero         {hero.config_hash} against {hero.baseline} {hero.baseline_config_hash}"
    yield f"  commit       {hero.commits}"
    yield f"  fingerprint  {hero.release_fingerprint or 'none: the ladder never began'}"
    yield f"  signed       {decided.vouched.words}"
    yield f"  statement    {statement.digest[:16]}  {BUNDLES}/{statement.file}"
    for reason in hero.reasons[:_REASONS]:
        yield f"  reason       {clean(reason)}"
    if len(hero.reasons) > _REASONS:
        yield f"               and {len(hero.reasons) - _REASONS} more"
    yield f"  checks       {_counts(hero)}"
    for entry in hero.evidence:
        yield f"  evidence     {entry.name:14} {entry.rows:>9,} rows  sha256 {entry.sha256[:32]}"
    yield f"  valid        until a locked input changes; review due {hero.review_due[:10]}"
    for word in people.said_of(verified.chain, statement.digest, now, root):
        force = "in force" if word.counts else "counts as none"
        yield f"  {word.statement.kind:12} by {word.by} ({word.ticket}), {force}: signed {word.words}"


def _counts(hero: Attestation) -> str:
    """How many checks have which verdict."""
    gates = Counter(str(cell.verdict) for cell in hero.cells if cell.kind is Kind.GATE)
    others = Counter(str(cell.verdict) for cell in hero.cells if cell.kind is not Kind.GATE)
    told = [f"gates {_told(gates)}"] if gates else []
    return "   ".join([*told, f"others {_told(others)}"] if others else told) or "none was asked"


def _told(verdicts: Counter[str]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))


def log(asked: argparse.Namespace) -> int:
    """Each statement of the chain on a line, oldest first; 1 where the chain does not hold."""
    root, now, whole = trust.read_trust(asked.trust), datetime.now(UTC), chain.read(asked.folder)
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
    return f"{start}  {cut(says, _SAYS)}  signed {clean(people.weighed(statement, root).words)}"


def _says(statement: Statement, root: TrustRoot, now: datetime) -> str:
    """The gist of a statement, in a few words."""
    predicate = statement.predicate
    if statement.kind in people.KINDS:
        word = people.read_word(statement, now, root)
        expired = "" if word.until and word.until > now else ", expired"
        return f"by {word.by}: {word.why} ({word.ticket}) until {predicate.get('until', 'never')}{expired}"
    if statement.kind in OF_RUNS:
        gist = predicate.get("result") or predicate.get("decision") if statement.kind != "svr" else PROPERTY
        return (
            f"{decision_words(str(gist), str(predicate.get('mode')))} {(predicate.get('reasons') or [''])[0]}".strip()
        )
    hidden = ("previous", "hero", "createdOn", "runId", "releaseFingerprint", "configHash")
    changed = ", ".join(f"{key} {what}" for key, what in dict(predicate.get("changes") or {}).items())
    untrusted = ", ".join(map(str, predicate.get("untrustedAccepted") or ()))
    others = {key: value for key, value in predicate.items() if key != "changes"}
    told = {**others, "untrustedAccepted": untrusted, "changes": changed}
    return ", ".join(
        f"{key} {word}" for key, word in told.items() if isinstance(word, str) and word and key not in hidden
    )
