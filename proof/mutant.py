"""What is a seeded fault? A change of a hero's pack, of files of the checkout, or of how the gate is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: Which heroes a fault can be seeded in: the repository's own alone; any hero of a user; one whose answers are timed by
#: the gate; one whose answers are recorded.
Heroes = Literal["own", "any", "timed", "recorded"]

#: What stops a run where no cell does: a line before anything is judged, evidence that cannot be read or disagrees,
#: a corpus that cannot be had.
REFUSALS = ("configuration", "evidence", "collection")

AREAS = (
    "hero", "index", "data", "clock", "traffic split", "A/A", "calibrator", "evidence files", "policy", "gate code",
)  # fmt: skip

EQUAL = "configs/good/equal.yaml"  # the incumbent under another name: nothing but the fault can stop it


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A textual change of one file of the checkout; `old` stands in it exactly once. Without `old`: a new file."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFault:
    """What is done to the lines of a file that the pack's system names under `key`."""

    key: str
    change: Callable[[list[str]], list[str]]


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
    edits: tuple[Edit, ...] = ()
    file: FileFault | None = None
    arguments: tuple[str, ...] = ()  # of pytest; {hero} is the hero's name
    environment: Mapping[str, str] = field(default_factory=dict)
    heroes: Heroes = "own"
    relock: bool = False  # lock the changed checkout: where nothing but the lock would stop it, that is luck


def seeded(kind: str, **values: float | str) -> dict[str, Any]:
    """The pack's key for one of the faults of fixtures.systems.faults."""
    return {"fault": {"kind": kind, **values}}
