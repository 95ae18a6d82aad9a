"""What was asked of a pipeline, which steps of it have ended, and what became of each hero?"""

from typing import Literal

from pydantic import Field

from gates.attestation import Time
from gates.documents import Document


class Step(Document):
    """One command of a phase, and how it ended."""

    phase: int
    name: str
    command: tuple[str, ...]
    started: Time
    ended: Time
    status: int
    evidence: dict[str, str]  # file -> sha256


class HeroResult(Document):
    """What a canary left of one hero."""

    decision: str
    reason: str
    fingerprint: str
    gates: tuple[int, int]  # shown to hold, of so many
    sanity: tuple[int, int]
    locked: bool
    artefacts: int
    promoted: bool


class Record(Document):
    """One pipeline: what was asked, every step that ended, and what became of each hero."""

    schema_: Literal["hero-gate/pipeline/v1"] = Field(default="hero-gate/pipeline/v1", alias="schema")
    commit: str  # whether anything differs from it is left out: a promotion changes baseline.yaml
    heroes: dict[str, str]  # as they were asked for -> their names, "" of what served already when it began
    automatic: bool
    warns: bool  # mode warn: told, and nothing is made of it
    started: str
    ended: str = ""  # "" while it is going on
    steps: tuple[Step, ...] = ()
    judged: dict[str, HeroResult] = Field(default={})
