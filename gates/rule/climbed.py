"""What did a climb leave beside its evidence? The record that the ladder writes and that gate and reports read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from gates.checks.battery import SanityFacts
from gates.checks.lock import LockState
from gates.documents import Document, mistakes
from gates.errors import EvidenceError
from gates.verdicts import Decision

FILE = "ladder.json"
HANGS = "it hangs on hits that nobody judged"


class ClimbedStep(Document):
    """One step that was begun."""

    percent: int
    windows: int


class LookFacts(Document):
    """What is known of the one look of mode `offline` beside the pairs."""

    k: Annotated[int, Field(ge=0, le=1_000_000)]  # the how-manieth hero on these queries, from 1; 0: nobody counts
    again: bool = False  # looked at before, asked otherwise: what is asked now was chosen after looking
    judged: Decision  # with every hit that nobody judged as not relevant
    worst: Decision  # with the worst grades for those hits
    best: Decision
    unjudged: int  # hits that count and that nobody judged
    judged_at_10: tuple[str, str]  # of baseline and hero: the judged share of their first ten hits
    understood: tuple[str, ...] = ()  # what was read, and what is left out and why, a line each
    margins: tuple[str, ...] = ()  # what these queries can carry, and what was charged
    on_unjudged: tuple[str, ...] = ()  # how far hits that nobody judged could move it

    @property
    def hangs(self) -> str:
        """On which grades the decision hangs; "" where it does not."""
        if {self.worst, self.best} == {self.judged}:
            return ""
        grades = f"{self.worst} with the worst grades for them, {self.best} with the best"
        return f"{HANGS}: {grades}"


class Facts(Document):
    """What was fixed before the first pair and seen beside the evidence files: with them the verdicts follow.

    Numbers are decimal strings, as gates.checks.question.Constants records them.
    """

    q: str
    q95_ms: str
    bin_edges: tuple[str, ...]
    signs: tuple[str, ...]
    slice_edges: tuple[tuple[str, ...], ...]
    seed: str
    moved: dict[str, list[list[str]]]  # what the questions that move were fixed at
    queries: int  # that could be asked
    missing: dict[str, str]  # check -> why its input is not there
    notes: tuple[str, ...]  # what does not fit, but does not end the run
    sanity: SanityFacts
    lock: LockState | None = None  # None where it is not asked
    look: LookFacts | None = None  # of mode offline
    power: dict[str, Any] | None = None  # gates.planning.power's; None before the first window and by the letter


class Load(Document):
    """How busy the machine was in one stretch, as decimal strings; "" where it does not say.

    `hero` and `baseline` are shares of the arm's clock that were waiting, `steal` and `throttled` shares of the clock;
    `own_threads` and `others` are processors: seconds of processor time a second.
    """

    seconds: str = ""
    hero: str = ""
    baseline: str = ""
    own_threads: str = ""
    others: str = ""
    steal: str = ""
    throttled: str = ""


class WindowLoad(Load):
    """Of one window; number 0 is the preflight."""

    window: int
    percent: int


class RunLoad(Load):
    """Of the whole climb."""

    waiting: str  # how it is measured
    processors: int
    windows: tuple[WindowLoad, ...]


class Climbed(Document):
    """One hero's climb as it stands."""

    fingerprint: str  # "" where it never began
    lock_material: dict[str, Any]
    constants: Facts | None
    steps: tuple[ClimbedStep, ...]
    pairs: int
    judged: dict[str, dict[str, str]]  # system -> sums, which the merged evidence must give again (evidence.parts)
    unused_queries: int
    pairs_per_second: str
    machine: RunLoad | None
    ended: str
    waiting: bool  # held for too little traffic, not for what was measured
    rolled_back_at_step: int | None
    to_percent: int

    @property
    def windows(self) -> int:
        """Windows begun in all."""
        return sum(step.windows for step in self.steps)

    def to_json(self) -> str:
        """The file's content."""
        return self.model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str | bytes, place: str = FILE) -> Climbed:
        """Read `to_json` back. Raises EvidenceError where a key is missing, unknown, or of another type."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise EvidenceError(f"{mistakes(place, error, cls)[0]}; run the canary again") from None


#: Of a hero whose climb never began.
NEVER = Climbed(
    fingerprint="", lock_material={}, constants=None, steps=(), pairs=0, judged={}, unused_queries=0,
    pairs_per_second="", machine=None, ended="", waiting=False, rolled_back_at_step=None, to_percent=0,
)  # fmt: skip


def read_climbed(folder: Path) -> Climbed:
    """What the ladder left in a hero's folder of the run; NEVER where it left nothing."""
    path = folder / FILE
    return Climbed.from_json(path.read_bytes(), str(path)) if path.exists() else NEVER
