"""What serves now, and by which word of whom? The chain of changes says it, where what serves is what it let serve."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fixtures.pack_file import Pack
from gates.archive import state_of
from gates.documents import read_model
from gates.place import HERE
from reports.attestation import chain
from reports.attestation.chain import Chain, Statement
from reports.attestation.people import weighed
from reports.attestation.statements import digest_in, time_in
from reports.escaping import clean
from reports.promotion import journal
from reports.promotion.conditions import AS_TEXT, Wanted, baseline_of, text_in
from reports.promotion.journal import Undertaking


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What answers users, and what is known of how it came to."""

    baseline: Pack
    begun: Undertaking | None  # a change that came to no end
    made: Statement | None  # that let it serve; None for what served before any, and for what was put there by hand
    by: str  # where that statement lies, and who signed it
    last: Statement | None  # change of all, where it is the one to what serves: a rollback lets nothing new serve
    whole: Chain  # of all changes

    @property
    def name(self) -> str:
        """The incumbent with all that was promoted on top of it."""
        return clean(" + ".join((self.baseline.name, *(brought.hero for brought in self.baseline.stack))))

    @property
    def interrupted(self) -> str:
        """The change that came to no end, and the way out; "" where all did."""
        way_out = HERE.typed("say it again, or make rollback")
        return f"a {self.begun.kind} of {self.begun.hero}: {way_out}" if self.begun else ""


def serving(configs: Path) -> Statement | None:
    """The change that let serve what serves; None for what served before any, and for what was put there by hand."""
    return _changes(configs, chain.read(state_of(configs)))[0]


def served(asked: Wanted) -> Serving:
    """What serves. Raises GateError where its files cannot be read."""
    whole = chain.read(asked.state)
    (made, last), by = _changes(asked.configs, whole), ""
    if made is not None:
        untrusted = clean(", ".join(map(str, made.predicate.get("untrustedAccepted") or ())))
        by = f"{chain.BUNDLES}/{made.file}, signed {weighed(made, asked.root).words}"
        by += f"; accepted untrusted: {untrusted}" if untrusted else ""
    return Serving(
        baseline=read_model(asked.baseline, Pack),
        begun=journal.begun(asked),
        made=made,
        by=by,
        last=last,
        whole=whole,
    )


def what_serves(asked: Wanted) -> list[str]:
    """What serves, by which word of whom."""
    now = served(asked)
    lines = [f"interrupted  {now.interrupted}"] if now.begun else []
    if now.made is None:
        return [
            *lines,
            f"serves       {asked.baseline}: no statement let it serve; it was there before any, or is by hand",
        ]
    lines += [f"on top of    {clean(str(brought))}" for brought in now.baseline.stack[:-1]]
    if now.made.kind == "exception":
        return [*lines, f"EXCEPTION    {of_exception(now.made, asked.now)}; {now.by}"]
    return [*lines, f"serves       {now.made.hero}, promoted {str(now.made.predicate.get('createdOn'))[:10]}; {now.by}"]


def of_exception(made: Statement, now: datetime) -> str:
    """Who serves by it, until when and why, in a line."""
    by, why, ticket, until = (clean(str(made.predicate.get(key, ""))) for key in ("by", "why", "ticket", "until"))
    until = f"{until} (EXPIRED)" if has_ended(made, now) else until
    return f"{made.hero} serves without a PROMOTE until {until}, by {by}: {why} ({ticket})"


def has_ended(made: Statement, now: datetime) -> bool:
    """Is its time over? One that does not say when is over."""
    until = time_in(made.predicate, "until")
    return until is None or until <= now


def _changes(configs: Path, whole: Chain) -> tuple[Statement | None, Statement | None]:
    """The change that let serve what serves, and the last one, where that is to what serves."""
    path = baseline_of(configs)
    digest = chain.digest(text_in(path).encode(AS_TEXT)) if path.exists() else ""
    made = [statement for statement in whole.statements if digest_in(statement.predicate, "to") == digest]
    if not made or made[-1] is not whole.statements[-1]:
        return None, None
    return next((statement for statement in reversed(made) if statement.kind != "rollback"), None), made[-1]
