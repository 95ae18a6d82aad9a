"""Which checks gate a release, with which limits, classes and error rates: the model of `policy.yaml`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import rfc8785
from pydantic import AwareDatetime, Field, field_validator, model_validator

from gates.checks.check import Check, Limits
from gates.checks.confidence import CalibrationLimits, ShiftLimits
from gates.checks.errors import ErrorsLimits
from gates.checks.file_credit import FileCreditLimits
from gates.checks.losses import NdcgLimits, RecallLimits, SliceLimits
from gates.checks.question import EVERY, Intent
from gates.checks.rates import CalibratorLimits, SlaLimits, SpendLimits
from gates.checks.registry import BY_INTENT, BY_KEY
from gates.checks.tails import TailLimits
from gates.documents import Document, Share, Small, read_model

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
Count = Annotated[int, Field(gt=0)]

MOST_OFTEN_WRONG = 0.05  # a gate that is wrong more often promises nothing

GATES = ("calibrator_p99", "aece_tau", "confidence_shift", "sla_recall_at_50_delta")
GUARDS = ("ndcg_at_10", "p95_latency", "p99_latency", "within_sla", "errors", "ece", "file_credit", "spend")
SLICES = tuple(BY_INTENT)  # each on every intent: recall_docstring, ndcg_docstring, ...
INSTRUMENTS = ("lock", "known_answers", "preflight", "traffic_share", "aa_shadow", "aa_dispersion", "machine")
SANITY = ("index_integrity", "oracle_queries", "file_only", "sla_off", "pool", "core_search", "stop_rule")


class Ladder(Document):
    """How far a hero climbs and how much evidence a step may use."""

    steps: tuple[Annotated[int, Field(ge=1, le=100)], ...]  # percent of traffic, rising
    window: Count  # fresh distinct pairs
    min_windows: Count  # before a step may advance
    max_windows: Count  # per step
    total_windows: Count  # per hero
    red_every: Count  # pairs between two looks for RED
    aa_every: Count  # every n-th pair also asks the baseline twice
    preflight: Count  # calibration queries answered by the baseline alone
    calibration_looks_every: Count  # windows between planned looks at the calibration error

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if list(self.steps) != sorted(set(self.steps)) or not self.steps:
            raise ValueError(f"steps {list(self.steps)} should rise, each step once")
        if self.steps[-1] != 100:
            raise ValueError(f"steps {list(self.steps)} should end at 100: a promoted hero serves everyone")
        if self.min_windows > self.max_windows:
            raise ValueError(f"min_windows {self.min_windows} should be at most max_windows {self.max_windows}")
        if self.window % self.red_every:
            raise ValueError(f"window {self.window} should be a multiple of red_every {self.red_every}")
        if self.total_windows < self.min_windows * len(self.steps):
            raise ValueError(
                f"total_windows {self.total_windows} should allow min_windows at each step "
                f"({self.min_windows * len(self.steps)})"
            )
        return self


class ErrorRates(Document):
    """Bounds over the whole release: `red` is the false-rollback bound, `green` bounds each pass."""

    red: Share
    green: Share

    @model_validator(mode="after")
    def _a_promise(self) -> Self:
        for name, rate in (("red", self.red), ("green", self.green)):
            if rate > MOST_OFTEN_WRONG + 1e-12:
                raise ValueError(f"{name} is {rate:g}, but should be at most {MOST_OFTEN_WRONG:g}")
        return self


class CalibrationError(Limits):
    """True calibration error: RED above `red_above`; GREEN when an error of `green_below[step]` is excluded."""

    red_above: Small
    green_below: tuple[Share, ...]
    bins: Annotated[int, Field(ge=2, le=50)]


class Gates(Document):
    """The four canary gates."""

    calibrator_p99: CalibratorLimits
    aece_tau: CalibrationError
    confidence_shift: ShiftLimits
    sla_recall_at_50_delta: RecallLimits


class EceGuard(Document):
    """A true calibration error above `limit` over the canary holds: the gate's own limit is the one that rolls back."""

    on_red: Literal["hold"]
    limit: Small


class Guards(Document):
    """Questions over the whole canary."""

    ndcg_at_10: NdcgLimits
    p95_latency: TailLimits
    p99_latency: TailLimits
    within_sla: SlaLimits
    errors: ErrorsLimits
    ece: EceGuard
    file_credit: FileCreditLimits
    spend: SpendLimits


class Slices(Document):
    """Questions about each intent alone: a mean that gains may hide a kind of query that loses."""

    intents: tuple[Name, ...]
    recall: SliceLimits
    ndcg: SliceLimits
    calibration: CalibrationLimits

    @field_validator("intents")
    @classmethod
    def _distinct(cls, intents: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(intents)) != len(intents):
            raise ValueError(f"{list(intents)} should name each intent once")
        return intents

    @model_validator(mode="after")
    def _tolerated_where_asked(self) -> Slices:
        for limits in (self.recall, self.ndcg):
            if self.intents and (unknown := sorted(set(limits.tolerated_loss) - set(self.intents))):
                raise ValueError(f"tolerated_loss: {unknown} should be among the intents, {list(self.intents)}")
        return self


class Instrument(Document):
    """A check of the measuring itself that has no limit of its own."""

    on_red: Literal["hold"]


class AaShadow(Instrument):
    """The baseline differs from itself by less than `margin` recall, whichever answer comes first."""

    margin: Share


class Instruments(Document):
    """Checks of the measuring itself; they can only hold."""

    lock: Instrument  # what runs is what was locked
    known_answers: Instrument  # the judge says what it must of made-up pairs
    preflight: Instrument  # the baseline alone keeps the absolute limits
    traffic_share: Instrument  # the hero is served as often as the step says
    aa_shadow: AaShadow
    aa_dispersion: Instrument  # windows differ among each other no more than pairs do
    machine: Instrument  # the hero does not slow the baseline


class FileOnly(Instrument):
    """Of the credits of answers with several, at most `share` are for the right file alone."""

    share: Share


class PoolComposition(Instrument):
    """Each arm contributes at least `share` of the pool; at most `unknown` of its hits lie where no document is."""

    share: Share
    unknown: Share


class CoreSearch(Instrument):
    """At most `share` of the answers are those of a fallback."""

    share: Share


class IndexIntegrity(Instrument):
    """At least `found` of the sampled documents find themselves; no count or digest differs."""

    found: Share


class StopRule(Instrument):
    """Numbers that no search system gives: too even, perfect, too equal. Any of them ends the run at once."""

    variance: Share  # of nDCG@10, at most this is flat
    range: Share  # of nDCG@10, below this is flat
    perfect: Share  # a mean nDCG@10 from here on is too good
    gain: Share  # in mean nDCG@10 beyond which it is told as unusual; it is judged all the same


class Sanity(Document):
    """The battery before the climb, on queries that no canary sees. It can only hold."""

    queries: Count  # of the calibration part, asked of both arms
    index_integrity: IndexIntegrity
    oracle_queries: Instrument  # each known query finds its known lines
    file_only: FileOnly
    sla_off: Instrument  # without the time limit nothing is worse, and only late answers are masked
    pool: PoolComposition
    core_search: CoreSearch
    stop_rule: StopRule


class Freeze(Document):
    """A time in which nothing is promoted; rolling back is always allowed."""

    begins: AwareDatetime
    ends: AwareDatetime
    why: str

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.begins >= self.ends:
            raise ValueError(f"begins {self.begins.isoformat()} should be before ends {self.ends.isoformat()}")
        return self


class Promotion(Document):
    """What `make promote` asks for beside a PROMOTE. Not part of what a hero is judged by, so not of the digest."""

    valid_days: Count  # a decision may be promoted for so long
    approvals: Annotated[int, Field(ge=0)]  # by different people
    freeze: tuple[Freeze, ...] = ()


class Letter(Document):
    """Mode `letter`: the original contract's point thresholds; the other limits are those of the gates."""

    aece_minus_tau: Annotated[float, Field(ge=0)]
    tau_floor: Share
    c_hat: Annotated[float, Field(gt=0)]  # tau(N, K) = max(tau_floor, c_hat sqrt(K / N))
    recall_lost: Annotated[float, Field(ge=0)]
    red_windows: Annotated[int, Field(ge=1)]  # in a row, that roll back


class Policy(Document):
    """The whole policy. Limits, classes and error rates stand here and nowhere else."""

    schema_: Literal["hero-gate/policy/v1"] = Field(alias="schema")
    mode: Literal["evidence", "letter"]
    latency: Literal["client", "server"] = "client"  # the clock of who asks, or how long a system says that it took
    keep_runs: Annotated[int, Field(ge=0)]  # older runs kept under history/
    promotes: bool  # false: the best decision is HOLD (a smoke corpus proves nothing about production)
    baseline: str  # file name of the incumbent's pack
    heroes: dict[Name, str]  # hero -> file name of its pack; their number enters the RED threshold
    promotion: Promotion
    ladder: Ladder
    error_rates: ErrorRates
    gates: Gates
    guards: Guards
    slices: Slices
    instruments: Instruments
    sanity: Sanity
    letter: Letter
    left_out: dict[Name, str] = Field(default={})  # check -> why it is not asked of this release
    characteristics: str = ""  # file name of its simulated error rates and stored A/A run; "" where there is none

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        checks = (*SANITY, *GATES, *GUARDS, *self.slices_of, *INSTRUMENTS)
        unknown = sorted(set(self.left_out) - set(checks))
        if unknown:
            raise ValueError(f"left_out names {', '.join(unknown)}; checks are {', '.join(checks)}")
        for kind, asked, all_of_kind in (
            ("gate", self.asked_gates, GATES),
            ("guard", self.asked_guards, GUARDS),
            ("instrument", self.asked_instruments, INSTRUMENTS),
        ):
            if not asked:
                raise ValueError(f"left_out leaves no {kind}; keep one of {', '.join(all_of_kind)}")
        if len(self.gates.aece_tau.green_below) != len(self.ladder.steps):
            raise ValueError(
                f"gates.aece_tau.green_below has {len(self.gates.aece_tau.green_below)} limits, "
                f"but the ladder has {len(self.ladder.steps)} steps"
            )
        if not self.heroes:
            raise ValueError("heroes names no hero; their number sets the RED threshold")
        return self

    @property
    def asked_gates(self) -> tuple[str, ...]:
        """The gates this policy asks, in the order of reports."""
        return tuple(check for check in GATES if check not in self.left_out)

    @property
    def asked_guards(self) -> tuple[str, ...]:
        """The guards this policy asks."""
        return tuple(check for check in GUARDS if check not in self.left_out)

    @property
    def slices_of(self) -> dict[str, tuple[str, str]]:
        """Check -> (question, intent), whether asked or left out."""
        return {f"{kind}_{intent}": (kind, intent) for kind in SLICES for intent in self.slices.intents}

    @property
    def asked_slices(self) -> tuple[str, ...]:
        """The questions by intent that this policy asks."""
        return tuple(check for check in self.slices_of if check not in self.left_out)

    @property
    def asked_sanity(self) -> tuple[str, ...]:
        """The checks of the sanity battery this policy asks."""
        return tuple(check for check in SANITY if check not in self.left_out)

    @property
    def asked_instruments(self) -> tuple[str, ...]:
        """The instrument checks this policy asks."""
        return tuple(check for check in INSTRUMENTS if check not in self.left_out)

    def check(self, key: str) -> tuple[Check, Any, Intent] | None:
        """A check of gates.checks with its limits and its intent; None for one that is asked otherwise."""
        if key in self.slices_of:
            question, name = self.slices_of[key]
            at = self.slices.intents.index(name)
            return BY_INTENT[question], getattr(self.slices, question), Intent(name, at)
        group = self.gates if key in GATES else self.guards
        return (BY_KEY[key], getattr(group, key), EVERY) if key in BY_KEY else None

    def on_red(self, check: str) -> str:
        """What a RED of this check does: "rollback" or "hold"."""
        if check in self.slices_of:
            return str(getattr(self.slices, self.slices_of[check][0]).on_red)
        for group in (self.gates, self.guards, self.instruments, self.sanity):
            if hasattr(group, check):
                return str(getattr(group, check).on_red)
        raise KeyError(check)

    def digest(self) -> str:
        """sha256 of the content (JCS), whatever its layout and comments."""
        return hashlib.sha256(rfc8785.dumps(self.content())).hexdigest()

    def content(self) -> dict[str, Any]:
        """What heroes are judged by, as JSON: without what is known beforehand, and when people may promote."""
        return self.model_dump(mode="json", by_alias=True, exclude={"characteristics", "promotion"})


def load_policy(path: Path) -> Policy:
    """Read `policy.yaml`. Raises ConfigError with every mistake of the file."""
    return read_model(path, Policy)
