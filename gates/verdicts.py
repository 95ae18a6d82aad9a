"""The values a canary speaks in: verdict, decision, and the cell of one question at one step."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """What the evidence says about one question."""

    GREEN = "GREEN"  # shown to hold
    RED = "RED"  # shown to be broken; wins where both are shown
    INCONCLUSIVE = "INCONCLUSIVE"  # neither is shown yet
    NOT_REACHED = "NOT_REACHED"  # the ladder ended before this step


class Decision(StrEnum):
    """What happens to the hero. ROLLBACK beats HOLD beats PROMOTE."""

    PROMOTE = "PROMOTE"
    HOLD = "HOLD"
    ROLLBACK = "ROLLBACK"


SEVERITY = (Decision.PROMOTE, Decision.HOLD, Decision.ROLLBACK)
#: The mode in which it is decided as in `evidence` and told, and nothing is made of it.
WARN = "warn"
NOT_ENFORCED = "warn only, not enforced"


def decision_words(decision: str, mode: str) -> str:
    """A decision as every report names it."""
    return f"{decision} ({NOT_ENFORCED})" if mode == WARN else str(decision)


#: The pytest outcome that agrees with each verdict; anything else is a hold.
OUTCOME = {
    Verdict.GREEN: "passed",
    Verdict.RED: "failed",
    Verdict.INCONCLUSIVE: "skipped",
    Verdict.NOT_REACHED: "skipped",
}


class Kind(StrEnum):
    """How a check is asked: before the climb, at every step, over the canary, on one intent, or of the instrument."""

    SANITY = "sanity"
    GATE = "gate"
    GUARD = "guard"
    SLICE = "slice"
    INSTRUMENT = "instrument"
    JOB = "job"  # a scheduled check of what serves; no decision rests on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One question about one hero at one step, with its answer. Numbers that decide are decimal strings.

    step is 0 for a question over the whole canary. `observed`, `limit`, `ci_lower` and `ci_upper` share the
    check's unit (see gates.rule.questions). `headroom` is the share of the limit that is left, "" where undefined.
    """

    hero: str
    step: int
    check: str
    kind: Kind
    verdict: Verdict
    required: str  # "green": must be shown to hold; "not_red": must not be shown broken
    on_red: str  # "rollback" or "hold"
    observed: str = ""
    limit: str = ""
    unit: str = ""
    headroom: str = ""
    n: int = 0
    windows: int = 0
    ci_lower: str = ""
    ci_upper: str = ""
    e_red: str = ""
    e_red_needed: str = ""
    e_green: str = ""
    e_green_needed: str = ""
    note: str = ""  # "vacuous: ...", "would have found ...", "trigger: e-process"
    ended: str = ""  # how the ladder ended: "", "rolled back at 25 % by aece_tau", "held at 50 %: ..."

    @property
    def key(self) -> tuple[str, int, str]:
        """(hero, step, check): what the plan and the report call this cell."""
        return self.hero, self.step, self.check

    def to_json(self) -> str:
        """One line of JSON: only built-in types cross a process."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Cell:
        """Read `to_json` back; raises ValueError on a verdict or kind that does not exist."""
        raw = json.loads(text)
        raw["verdict"], raw["kind"] = Verdict(raw["verdict"]), Kind(raw["kind"])
        return cls(**raw)


def place_of(check: str, step: int) -> str:
    """What reasons call a cell: "aece_tau at 25 %", or its check where that is asked once."""
    return f"{check} at {step} %" if step else check


class Because(NamedTuple):
    """One reason of a decision, of which every record keeps the text alone."""

    check: str  # or "plan", "ladder", "policy"
    step: int
    words: str

    @classmethod
    def read(cls, text: str) -> Because:
        """What `gates.rule.decide` worded."""
        found = re.fullmatch(r"(.*?)(?: at (\d+) %)?(?:: (.*))?", text, re.DOTALL)
        check, step, words = found.groups("") if found else (text, "", "")
        return cls(check, int(step or 0), words)

    @property
    def place(self) -> str:
        """The place of the cell that it is about."""
        return place_of(self.check, self.step)
