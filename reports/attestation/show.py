"""What was decided about each hero, on which evidence, who vouches for it, and does it still stand? `show DIR`."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from reports.attestation import people, trust
from reports.attestation.chain import BUNDLES, Chain, Statement
from reports.attestation.files import MALFORMED
from reports.attestation.seal import COMMAND
from reports.attestation.statements import SECTIONS, Document
from reports.attestation.trust import TrustRoot
from reports.attestation.verify import Decided, Verified, verify
from reports.escaping import clean, cut

_REASONS, _WIDTH = 3, 110


def run(command: str, arguments: Sequence[str]) -> int:
    """`show`: about ten lines a hero; 1 where the folder does not verify."""
    parser = argparse.ArgumentParser(prog=f"python -m reports.attestation {command}", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="artifacts folder, e.g. reports/out")
    parser.add_argument("--trust", type=Path, help="trust root (default: configs/trusted_keys.json)")
    asked = parser.parse_args(arguments)
    root, now = trust.read_trust(asked.trust), datetime.now(UTC)
    verified = verify(asked.folder, root, now)
    for name, decided in verified.heroes.items():
        try:
            lines = list(describe(decided, verified, root, now))
        except MALFORMED as error:  # somebody signed it so
            lines = [f"{name}: signed {decided.judged.words}, but not an attestation ({type(error).__name__})"]
        print("\n".join(cut(line, _WIDTH) for line in lines))
    if verified.problems:
        print(f"DOES NOT VERIFY: {clean(verified.problems[0])}; {COMMAND} {asked.folder} lists all")
        return 1
    return 0


def describe(decided: Decided, verified: Verified, root: TrustRoot, now: datetime) -> Iterator[str]:
    """The lines of one decision."""
    hero, statement = decided.attestation, decided.statement
    yield f"{hero['decision']}  {hero['hero']}    {hero['exposure']}, mode {hero['mode']}    run {hero['run_id']}"
    yield f"  hero         {hero['config_hash']} against {hero['baseline']} {hero['baseline_config_hash']}"
    yield f"  commit       {hero['commit']}"
    yield f"  fingerprint  {hero['release_fingerprint'] or 'none: the ladder never began'}"
    yield f"  signed       {decided.judged.words}"
    yield f"  statement    {statement.digest[:16]}  {BUNDLES}/{statement.file}"
    reasons = list(hero["reasons"])
    for reason in reasons[:_REASONS]:
        yield f"  reason       {clean(reason)}"
    if len(reasons) > _REASONS:
        yield f"               and {len(reasons) - _REASONS} more"
    yield f"  checks       {_counts(hero)}"
    for entry in hero["evidence"]:
        yield f"  evidence     {entry['name']:14} {entry['rows']:>9,} rows  sha256 {entry['sha256'][:32]}"
    overdue = " (overdue)" if datetime.fromisoformat(hero["review_due"]) < now else ""
    yield f"  valid        until a locked input changes; review due {hero['review_due'][:10]}{overdue}"
    for word in people.said_of(verified.chain, statement.digest, now, root):
        force = "in force" if word.counts else "counts as none"
        yield f"  {word.kind:12} by {word.by} ({word.ticket}), {force}: signed {word.words}"
    stale = staleness(verified.chain, statement)
    if stale:
        yield f"  stale        {stale}"


def staleness(whole: Chain, decision: Statement) -> str:
    """Why a decision no longer stands: heroes are alternatives to one baseline. "" where it stands."""
    for later in whole.statements:
        if later.number <= decision.number:
            continue
        if later.kind in ("promotion", "rollback") and later.hero != decision.hero:
            return f"{later.kind} of {later.hero} ({later.file}) changed the baseline since: decide anew"
        if later.kind == "decision" and later.hero == decision.hero:
            return f"decided anew since: {later.file}"
    return ""


def _counts(hero: Document) -> str:
    """How many checks have which verdict."""
    gates = Counter(gate["verdict"] for step in hero["steps"] for gate in step["gates"])
    others = Counter(cell["verdict"] for section in SECTIONS for cell in hero.get(section, ()))
    told = [f"gates {_told(gates)}"] if gates else []
    return "   ".join([*told, f"others {_told(others)}"] if others else told) or "none was asked"


def _told(verdicts: Counter[str]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
