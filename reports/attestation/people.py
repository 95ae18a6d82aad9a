"""What did people say about a decision, and does it count? Approvals and overrides, signed into the chain.

An approval agrees to a decision; an override lifts a freeze window of the policy for it. Neither can replace evidence:
a HOLD that is approved stays a HOLD.
"""

from dataclasses import dataclass
from datetime import datetime

from reports.attestation import statements, trust
from reports.attestation.chain import Chain, Statement
from reports.attestation.statements import OF_RUNS
from reports.attestation.trust import Role, TrustRoot, Vouched
from reports.escaping import clean

KINDS = ("approval", "override")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What one person said about one decision, and why it does or does not count."""

    by: str
    why: str
    ticket: str
    until: datetime | None
    statement: Statement
    trusted: bool
    counts: bool
    words: str  # who signed; where it does not count, why


def said_of(
    whole: Chain, decision: str, now: datetime, root: TrustRoot, accept_untrusted: bool = False
) -> tuple[Word, ...]:
    """All that was said about a decision, in order; an expired word and an untrusted one count as none."""
    about = next((i for i, s in enumerate(whole.statements) if s.digest == decision and s.kind == "decision"), None)
    if about is None:
        return ()
    hero = whole.statements[about].hero
    later = whole.statements[about + 1 :]
    return tuple(
        read_word(statement, now, root, accept_untrusted)
        for statement in later
        if statement.kind in KINDS
        and statement.hero == hero
        and statements.digest_in(statement.predicate, "decision") == decision
    )


def weighed(statement: Statement, root: TrustRoot) -> Vouched:
    """Does the signature of a statement count for what the statement is?"""
    decides = statement.kind in (*OF_RUNS, "documents")
    role: Role = "decide" if decides else "approve" if statement.kind in KINDS else "promote"
    ephemeral = statement.predicate["signer"].get("key") == "made for this run"  # nothing but words depends on it
    at = statements.made_at(statement.content)
    return trust.weigh(root, statement.keyid, role, at, ephemeral=ephemeral)


def read_word(statement: Statement, now: datetime, root: TrustRoot, accept_untrusted: bool = False) -> Word:
    """One approval or override, weighed."""
    predicate = statement.predicate
    vouched = weighed(statement, root)
    until = statements.time_in(predicate, "until")
    expired, at = until is None or until <= now, statements.made_at(statement.content)
    wrong = "expired" if expired else "said at no time that has come" if at is None or at > now else ""
    words = f"{vouched.words}; {wrong}" if wrong else vouched.words
    return Word(
        by=clean(str(predicate.get("by", ""))),
        why=clean(str(predicate.get("why", ""))),
        ticket=clean(str(predicate.get("ticket", ""))),
        until=until,
        statement=statement,
        trusted=vouched.trusted,
        counts=not wrong and (vouched.trusted or accept_untrusted),
        words=words,
    )
