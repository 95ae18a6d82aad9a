"""What is a seeded fault? A change of a hero's pack, of a named function, or of how pytest is run."""

import pkgutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from fixtures.systems.faults import FaultySystem
from fixtures.systems.protocol import Answer, Query
from gates.checks.check import Check
from gates.errors import ConfigError

#: Which heroes a fault can be seeded in: the repository's own alone; any hero of a user; one whose answers are timed by
#: the gate.
Heroes = Literal["own", "any", "timed"]

#: What stops a run where no cell does: a line before anything is judged, evidence that cannot be read or disagrees,
#: a corpus that cannot be had.
REFUSALS = ("configuration", "evidence", "collection")

NAMED = "HERO_GATE_MUTANT"  # environment variable that names the fault whose function proof.mutants.plugin replaces

EQUAL = "configs/good/equal.yaml"  # the incumbent under another name: nothing but the fault can stop it


class Patch(NamedTuple):
    """What stands in place of a function while the gate runs; `of` is "module:function" or "module:Class.method".

    A function is replaced wherever it was imported to; where `of` names a module that only imported it, there alone.
    """

    of: str
    change: Callable[[Any], Any]  # of what stands there into what shall

    def found(self) -> tuple[Any, str, Any]:
        """Owner, name and what stands there now. Raises ConfigError where nothing does."""
        module, _, path = self.of.partition(":")
        above, _, name = path.rpartition(".")
        try:
            owner = pkgutil.resolve_name(f"{module}:{above}")
            return owner, name, getattr(owner, name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigError([f"{self.of}: nothing of this name ({error}); name the function as it is now"]) from None

    def apply(self) -> None:
        """Put it in place, in this process."""
        owner, name, old = self.found()
        new = self.change(old)
        setattr(owner, name, new)
        if self.of.startswith(f"{getattr(old, '__module__', '')}:"):
            for module in list(sys.modules.values()):
                for known in [known for known, value in vars(module).items() if value is old]:
                    setattr(module, known, new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One seeded fault and the check that must catch it.

    `check` is a key of the policy, whose cell must be RED, or one of REFUSALS. `says` is what the reason or the refusal
    must hold where no cell can be RED; a check's reason must begin with its key as well.
    """

    name: str
    area: str
    what: str  # what would be wrong in production
    check: str
    says: str = ""
    hero: str = EQUAL  # name or pack in which it is seeded
    pack: Mapping[str, Any] = field(default_factory=dict)  # what the pack says in addition
    patch: Patch | None = None
    arguments: tuple[str, ...] = ()  # of pytest; {hero} is the hero's name
    environment: Mapping[str, str] = field(default_factory=dict)  # {folder} is one of the run's own
    heroes: Heroes = "own"


def seeded(kind: str, **values: float | str) -> dict[str, Any]:
    """The pack's key for one of the faults of fixtures.systems.faults."""
    return {"fault": {"kind": kind, **values}}


# What is put in place of a function: name, what would be wrong, where it stands, and what is made of it. The area, and
# the check that must catch it (one of ours, or a key), are told by name.


def instead_of(name: str, what: str, of: str, change: Any, *, check: str | type[Check], **more: Any) -> Mutant:
    """`change` takes what stands at `of` and returns what shall."""
    key = check if isinstance(check, str) else check.key
    return Mutant(name=name, what=what, check=key, patch=Patch(of, change), **more)


def result_of(name: str, what: str, of: str, change: Any, **more: Any) -> Mutant:
    """`change` takes what the function at `of` gives and returns what it shall give."""
    return instead_of(name, what, of, lambda old: lambda *given, **named: change(old(*given, **named)), **more)


def answer_of_hero(name: str, what: str, change: Any, *, every: int, **more: Any) -> Mutant:
    """`change` takes the hero's answer to every n-th query and returns another one."""

    def replaced(old: Any) -> Any:
        def answer(system: FaultySystem, query: Query) -> Answer:
            found: Answer = old(system, query)
            return found if query.query_ord % every else change(found)

        return answer

    return instead_of(name, what, ANSWER, replaced, pack=HARMLESS, **more)


ANSWER = "fixtures.systems.faults:FaultySystem.answer"
HARMLESS = seeded("slow")  # does nothing by itself: but the hero's system is a FaultySystem
