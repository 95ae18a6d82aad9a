"""What serves now, and by which word of whom? The chain of changes says it, where what serves is what it let serve."""

from datetime import datetime
from pathlib import Path

from fixtures.pack_file import Pack
from gates.archive import state_of
from gates.documents import read_model
from gates.place import HERE
from reports.attestation import chain
from reports.attestation.chain import Statement
from reports.attestation.people import judged
from reports.attestation.statements import digest_in
from reports.escaping import clean
from reports.promotion import journal
from reports.promotion.conditions import AS_TEXT, Wanted, baseline_of, text_in


def serving(configs: Path) -> Statement | None:
    """The change that let serve what serves; None for what served before any, and for what was put there by hand."""
    path, whole = baseline_of(configs), chain.read(state_of(configs)).statements
    digest = chain.digest(text_in(path).encode(AS_TEXT)) if path.exists() else ""
    made = [statement for statement in whole if digest_in(statement.predicate, "to") == digest]
    if not made or made[-1] is not whole[-1]:
        return None
    return next((statement for statement in reversed(made) if statement.kind != "rollback"), None)


def what_serves(asked: Wanted) -> list[str]:
    """What serves, by which word of whom."""
    made, begun = serving(asked.configs), journal.interrupted(asked)
    way_out = HERE.typed("say it again, or make rollback")
    lines = [f"interrupted  a {begun.kind} of {begun.hero}: {way_out}"] if begun else []
    if made is None:
        return [
            *lines,
            f"serves       {asked.baseline}: no statement let it serve; it was there before any, or is by hand",
        ]
    untrusted = clean(", ".join(map(str, made.predicate.get("untrustedAccepted") or ())))
    by = f"{chain.BUNDLES}/{made.file}, signed {judged(made, asked.root).words}"
    by += f"; accepted untrusted: {untrusted}" if untrusted else ""
    lines += [f"on top of    {clean(str(brought))}" for brought in read_model(asked.baseline, Pack).stack[:-1]]
    if made.kind == "exception":
        return [*lines, f"EXCEPTION    {of_exception(made, asked.now)}; {by}"]
    return [*lines, f"serves       {made.hero}, promoted {str(made.predicate.get('createdOn'))[:10]}; {by}"]


def of_exception(made: Statement, now: datetime) -> str:
    """Who serves by it, until when and why, in a line."""
    by, why, ticket, until = (clean(str(made.predicate.get(key, ""))) for key in ("by", "why", "ticket", "until"))
    until = f"{until} (EXPIRED)" if has_ended(made, now) else until
    return f"{made.hero} serves without a PROMOTE until {until}, by {by}: {why} ({ticket})"


def has_ended(made: Statement, now: datetime) -> bool:
    """Is its time over? One that does not say when is over."""
    try:
        return datetime.fromisoformat(str(made.predicate.get("until"))) <= now
    except (ValueError, TypeError):
        return True
