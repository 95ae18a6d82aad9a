"""How is the baseline changed as one? What is meant is on the disk first, then the files, last the signed statement.

Whoever was killed says it again. A rollback is carried on from where it was; of a promotion the baseline is put back,
so that everything can be asked once more before it is made anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from evidence.files import remove_synced, write_synced
from gates import archive
from gates.documents import Document, require_regular
from gates.errors import ConfigError, GateError
from gates.place import HERE
from reports.attestation import chain, statements, trust
from reports.attestation.signing import Signer, open_signer
from reports.escaping import clean
from reports.promotion.conditions import AS_TEXT, Refused, Wanted
from rollout.jobs.numbers import promoted_numbers

PREVIOUS = "previous"  # baselines that a rollback brings back, the newest one first


class NotRecorded(GateError):
    """It was done, but the chain does not say so."""


class Undertaking(Document):
    """One change of what serves: all that is needed to carry it out, to carry it on, and to take it back."""

    kind: Literal["promotion", "rollback", "exception"]
    hero: str
    before: str  # the baseline's file as it was, and
    after: str  # as it will be
    # in previous/, and nowhere else: a rollback takes it from there, anything else leaves `before` there
    kept: Annotated[str, Field(pattern=r"^[0-9][^/]*\.yaml$")]
    numbers: str = ""  # that a promotion rests on, in state/ under
    config_hash: Annotated[str, Field(pattern=r"^[0-9a-f]*$")] = ""
    statements: int  # in the chain before this one
    said: dict[str, Any]

    def taken_back(self, asked: Wanted) -> Undertaking:
        """The rollback of a change that came to no end: what was half promoted has been rolled back."""
        if self.kind == "rollback":
            return self
        why = f"the {self.kind} was interrupted"
        said = {**self.said, **asked.change(self.after, self.before), "why": clean(asked.why) or why}
        turned = {"kind": "rollback", "before": self.after, "after": self.before, "numbers": ""}
        return self.model_copy(update={**turned, "said": said})


@contextmanager
def alone(asked: Wanted) -> Iterator[None]:
    """Have the folder of configs to oneself: what serves changes by one hand at a time."""
    archive.mark(asked.state)
    with chain.owned(asked.state):
        yield


def interrupted(asked: Wanted) -> Undertaking | None:
    """What `begun` says, asked by who is alone: half of a journal, before which nothing was changed, is taken away."""
    found = begun(asked)
    if found is None:
        remove_synced(_journal(asked))
    return found


def begun(asked: Wanted) -> Undertaking | None:
    """The change that was begun and not ended. Raises Refused where it cannot be read."""
    place = _journal(asked)
    try:
        require_regular(place)
        return Undertaking.model_validate_json(place.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ConfigError, ValidationError) as error:
        why = f"cannot be read ({type(error).__name__})"
        raise Refused(f"{place}: {why}; see that {asked.baseline} is what shall serve, then remove it") from None


def is_recorded(asked: Wanted, intent: Undertaking) -> bool:
    """Is its statement in the chain? Then all its files are as it says."""
    return chain.length(asked.state) > intent.statements


def put_back(asked: Wanted, intent: Undertaking) -> None:
    """Let serve what served before an unrecorded change; the journal still says that it was begun."""
    if asked.serving not in (intent.before, intent.after):
        raise Refused(
            f"{asked.baseline}: changed by hand since a {intent.kind} was interrupted; "
            f"{HERE.typed('make rollback')} ends it"
        )
    write_synced(asked.baseline, intent.before.encode(AS_TEXT))
    _drop(asked, intent)


def carry_out(asked: Wanted, intent: Undertaking, signer: Signer | None = None) -> None:
    """Make a change, or what is left of one. Raises NotRecorded where all is done but the statement.

    A rollback opens its key last: the users come first.
    """
    if not is_recorded(asked, intent):
        write_synced(_journal(asked), intent.model_dump_json())
        if intent.kind != "rollback":
            write_synced(asked.configs / PREVIOUS / intent.kept, intent.before.encode(AS_TEXT))
        if intent.numbers:  # nobody reads them until it serves
            write_synced(promoted_numbers(asked.configs, intent.config_hash), intent.numbers)
        write_synced(asked.baseline, intent.after.encode(AS_TEXT))
        try:
            _record(asked, intent, signer or open_signer())
        except GateError as error:
            done = f"{asked.baseline} is what it was" if intent.kind == "rollback" else f"{intent.hero} serves"
            raise NotRecorded(f"{done}, but nothing is signed: {error}; say it again, then it is") from None
    if intent.kind == "rollback":
        _drop(asked, intent)
    for half in (*asked.state.glob("numbers/*.tmp"), *asked.state.glob("bundles/*.tmp")):
        half.unlink()  # of a change that was killed
    remove_synced(_journal(asked))


def kept(asked: Wanted) -> list[Path]:
    """The rollback targets, the newest one last."""
    return sorted((asked.configs / PREVIOUS).glob("[0-9]*.yaml"))


def _journal(asked: Wanted) -> Path:
    return asked.state / "journal.json"


def _drop(asked: Wanted, intent: Undertaking) -> None:
    """Take a rollback target away, and the folder where it was the last one."""
    target = asked.configs / PREVIOUS / intent.kept
    remove_synced(target)
    with suppress(OSError):  # it holds older ones, or is not there
        target.parent.rmdir()


def _record(asked: Wanted, intent: Undertaking, signer: Signer) -> None:
    vouched = trust.weigh(asked.root, signer.keyid, "promote", asked.now, ephemeral=signer.ephemeral)
    statement = statements.said_statement(intent.kind, intent.hero, intent.said)
    chain.append(asked.state, intent.kind, intent.hero, statement, signer, vouched.words)
