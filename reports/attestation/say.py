"""How does a person approve a decision, or lift a freeze for it? Signed into the chain: `approve` and `override`."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime, time
from pathlib import Path

from gates.errors import GateError
from reports.attestation import chain, statements, trust
from reports.attestation.people import Word, read_word
from reports.attestation.signing import open_signer
from reports.attestation.trust import TrustRoot
from reports.attestation.verify import verify
from reports.escaping import clean

KINDS = {"approve": "approval", "override": "override"}
_LONGEST = 300


def say(folder: Path, kind: str, hero: str, said: Mapping[str, str], root: TrustRoot, now: datetime) -> Word:
    """Sign an approval or override of a hero's current decision. Raises GateError with one line."""
    until = until_of(said["until"], now)
    told = {name: text_of(name, said[name]) for name in ("by", "why", "ticket")}
    opened = open_signer()
    with chain.owned(folder):
        verified = verify(folder, root)
        if verified.problems:
            more = f" (and {len(verified.problems) - 1} more)" if len(verified.problems) > 1 else ""
            raise GateError(f"{folder}: does not verify, so nothing is added: {verified.problems[0]}{more}")
        if hero not in verified.heroes:
            raise GateError(f"--hero={hero}: no decision about it in {folder}; there are {', '.join(verified.heroes)}")
        decision = verified.heroes[hero].statement.digest
        vouched = trust.weigh(root, opened.keyid, "approve", now, ephemeral=opened.ephemeral)
        told |= {"until": until.isoformat(timespec="seconds"), "createdOn": now.isoformat(timespec="seconds")}
        statement = statements.said_statement(kind, hero, {**told, "decision": {"sha256": decision}})
        digest = chain.append(folder, kind, hero, statement, opened, vouched.words)
        added = chain.read(folder).find(digest)
    if added is None:
        raise GateError(f"{folder}: what was signed does not verify; see {statements.COMMAND}")
    return read_word(added, now, root)


def run(asked: argparse.Namespace) -> int:
    """`approve` and `override`."""
    said = {"by": asked.by, "why": asked.why, "ticket": asked.ticket, "until": asked.until}
    root, kind = trust.read_trust(asked.trust), KINDS[asked.command]
    word = say(asked.folder, kind, asked.hero, said, root, datetime.now(UTC))
    print(f"{kind} of {asked.hero} by {word.by} until {word.until:%Y-%m-%d %H:%M} UTC, signed {word.words}")
    print(f"  in {asked.folder / chain.BUNDLES / word.statement.file}; it replaces no evidence")
    return 0


def until_of(said: str, now: datetime) -> datetime:
    """A day to its end, or a time with its zone, that is yet to come. Raises GateError."""
    try:
        when = datetime.fromisoformat(said)
        if len(said) == len("2026-12-01"):
            when = datetime.combine(when.date(), time(23, 59, 59), UTC)
    except ValueError:
        raise GateError(f"--until={said}: not a day or time; write 2026-12-01 or 2026-12-01T18:00+00:00") from None
    if when.tzinfo is None:
        raise GateError(f"--until={said}: a time without its zone; add +00:00")
    if when <= now:
        raise GateError(f"--until={said}: not in the future, so it would count as none; name a later time")
    return when.astimezone(UTC)


def text_of(name: str, said: str) -> str:
    """A line that somebody says. Raises GateError."""
    text = clean(said).strip()
    if not text or len(text) > _LONGEST:
        raise GateError(f"--{name}: {len(text)} characters; say it in 1 to {_LONGEST}")
    return text
