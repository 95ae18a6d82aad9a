"""What happened in an artifacts folder, in order? Every statement of the chain on a line: `log DIR`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reports.attestation import chain, trust
from reports.attestation.chain import Statement
from reports.attestation.files import MALFORMED
from reports.attestation.people import KINDS, read_word
from reports.attestation.statements import made_at
from reports.attestation.trust import TrustRoot
from reports.attestation.verify import judged
from reports.escaping import clean, cut

_SAYS = 60


def run(command: str, arguments: Sequence[str]) -> int:
    """`log`: a line a statement, oldest first; 1 where the chain does not hold."""
    parser = argparse.ArgumentParser(prog=f"python -m reports.attestation {command}", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="artifacts folder, e.g. reports/out")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--trust", type=Path, help="trust root (default: configs/trusted_keys.json)")
    asked = parser.parse_args(arguments)
    root, whole, now = trust.read_trust(asked.trust), chain.read(asked.folder), datetime.now(UTC)
    for statement in whole.statements:
        entry = describe(statement, root, now)
        print(json.dumps(entry) if asked.json else _line(entry))
    for problem in whole.problems:
        print(json.dumps({"problem": problem}) if asked.json else f"problem: {problem}")
    if not whole.statements and not asked.json:
        print(f"{asked.folder}: nothing was signed here")
    return 1 if whole.problems else 0


def describe(statement: Statement, root: TrustRoot, now: datetime) -> dict[str, Any]:
    """One statement for machines: when, what, about whom, and whether its signature counts."""
    judgement, at = judged(statement, root), made_at(statement.content)
    try:
        says = _says(statement, root, now)
    except MALFORMED as error:  # somebody signed it so
        says = f"nothing that can be read ({type(error).__name__})"
    return {
        "number": statement.number,
        "at": at.isoformat() if at else "",
        "kind": statement.kind,
        "hero": statement.hero,
        "says": clean(says),
        "run_id": clean(statement.run_id),
        "trusted": judgement.trusted,
        "signed": clean(judgement.words),
        "digest": statement.digest,
        "file": f"{chain.BUNDLES}/{statement.file}",
    }


def _says(statement: Statement, root: TrustRoot, now: datetime) -> str:
    """The gist of a statement, in a few words."""
    predicate = statement.predicate
    if statement.kind in KINDS:
        word = read_word(statement, now, root)
        expired = "" if word.until and word.until > now else ", expired"
        return f"by {word.by}: {word.why} ({word.ticket}) until {predicate.get('until', 'never')}{expired}"
    if statement.kind == "run":
        return str(predicate.get("result", ""))
    if statement.kind == "svr":
        return ", ".join(str(name) for name in predicate.get("properties", ()))
    if statement.kind == "decision":
        reasons = predicate.get("reasons") or [""]
        return f"{predicate.get('decision', '')} {reasons[0]}".strip()
    return _plain(predicate)


def _plain(predicate: Mapping[str, Any]) -> str:
    """What a promotion or a rollback says, whatever it says: its plain texts."""
    hidden = ("previous", "hero", "createdOn", "runId")
    return ", ".join(
        f"{key} {value}" for key, value in predicate.items() if isinstance(value, str) and key not in hidden
    )


def _line(entry: Mapping[str, Any]) -> str:
    about = f"{entry['kind']} {entry['hero']}".strip()
    start = f"{entry['number']:06d}  {entry['at'][:19]}  {about:22}"
    return f"{start}  {cut(entry['says'], _SAYS)}  signed {entry['signed']}"
