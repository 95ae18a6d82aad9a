"""Which checks gate a release, with which limits, classes and error rates: the model of `policy.yaml`."""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self, TypeAlias

import rfc8785
from pydantic import AwareDatetime, Field, field_validator, model_validator

from gates.checks.aece_tau import AeceTau
from gates.checks.check import Check
from gates.checks.forms import Form, Loss
from gates.checks.own import OwnCheck, own_check
from gates.checks.question import EVERY, NOTHING_FIXED, Intent
from gates.checks.registry import BY_INTENT, BY_KEY, KINDS, block_of, keys_of
from gates.checks.sla_recall import SlaRecall
from gates.documents import Document, Reason, Share, Small, Text, Tolerated, Weaker, checked, read_yaml
from gates.errors import ConfigError
from gates.names import OWN
from gates.offline import OFFLINE, Offline, completed, require_one_look
from gates.pairs import COLUMNS
from gates.verdicts import WARN, Kind

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]  # a part of names of files, which have 255
Count = Annotated[int, Field(gt=0, le=1_000_000)]
Fewer = Annotated[int, Field(gt=0, le=100_000), Weaker.BELOW]
Windows = Annotated[int, Field(gt=0, le=1_000)]
Seldom = Annotated[int, Field(gt=0, le=100), Weaker.ABOVE]

MOST_OFTEN_WRONG = 0.05  # a gate that is wrong more often promises nothing


class LadderBlock(Document):
    """How far a hero climbs and how much evidence a step may use."""

    steps: tuple[Annotated[int, Field(ge=1, le=100)], ...]  # percent of traffic, rising
    window: Fewer  # fresh distinct pairs
    min_windows: Annotated[Windows, Weaker.BELOW]  # before a step may advance
    max_windows: Windows  # per step
    total_windows: Windows  # per hero
    red_every: Annotated[Count, Weaker.ABOVE]  # pairs between two looks for RED
    aa_every: Seldom  # every n-th pair also asks the baseline twice
    preflight: Annotated[Fewer, Field(ge=50)]  # calibration queries answered by the baseline alone
    calibration_looks_every: Seldom  # windows between planned looks at the calibration error

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

    red: Annotated[Share, Field(ge=1e-6)]
    green: Annotated[Share, Weaker.ABOVE]

    @model_validator(mode="after")
    def _a_promise(self) -> Self:
        for name, rate in (("red", self.red), ("green", self.green)):
            if rate > MOST_OFTEN_WRONG + 1e-12:
                raise ValueError(f"{name} is {rate:g}, but should be at most {MOST_OFTEN_WRONG:g}")
        return self


class Intents(Document):
    """Questions about each intent alone: a mean that gains may hide a kind of query that loses."""

    intents: tuple[Name, ...]

    @field_validator("intents")
    @classmethod
    def _distinct(cls, intents: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(intents)) != len(intents):
            raise ValueError(f"{list(intents)} should name each intent once")
        return intents

    @model_validator(mode="after")
    def _tolerated_where_asked(self) -> Self:
        for key in BY_INTENT:
            tolerated = getattr(getattr(self, key), "tolerated_loss", {})
            if self.intents and (unknown := sorted(set(tolerated) - set(self.intents))):
                raise ValueError(f"tolerated_loss: {unknown} should be among the intents, {list(self.intents)}")
        return self


class BatteryBlock(Document):
    """The battery before the climb, on queries that no canary sees. It can only hold."""

    queries: Annotated[Fewer, Field(ge=50)]  # of the calibration part, asked of both arms


class Freeze(Document):
    """A time in which nothing is promoted; rolling back is always allowed."""

    begins: AwareDatetime
    ends: AwareDatetime
    why: Text

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.begins >= self.ends:
            raise ValueError(f"begins {self.begins.isoformat()} should be before ends {self.ends.isoformat()}")
        return self


class Promotion(Document):
    """What `make promote` asks for beside a PROMOTE. Not part of what a hero is judged by, so not of the digest."""

    valid_days: Annotated[int, Field(gt=0, le=366), Weaker.ABOVE]  # a decision may be promoted for so long
    approvals: Annotated[int, Field(ge=0, le=100), Weaker.BELOW]  # by different people
    freeze: tuple[Freeze, ...] = ()
    automatic: Annotated[bool, Weaker.ABOVE] = False  # may the pipeline promote what earned it, or does a person?


class Publish(Document):
    """Where the team reads the documents of a release. Nothing that a hero is judged by, so not of the digest."""

    folder: Text | None = None  # a folder for each run in it; as seen from the checkout
    outside: bool = False  # may that folder lie outside of the checkout?
    branch: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) is (self.branch is None):
            raise ValueError("should name a folder or a branch, one of them")
        if self.branch and self.outside:
            raise ValueError("outside is of a folder, and a branch is none")
        return self


class Letter(Document):
    """Mode `letter`: the original contract's point thresholds; the other limits are those of the gates."""

    aece_minus_tau: Tolerated
    tau_floor: Small
    c_hat: Annotated[float, Field(gt=0, le=10), Weaker.ABOVE]  # tau(N, K) = max(tau_floor, c_hat sqrt(K / N))
    recall_lost: Tolerated
    red_windows: Annotated[int, Field(ge=1, le=10), Weaker.ABOVE]  # in a row, that roll back


_KEPT = ("known", "_by_key")  # by a policy of itself, made anew where it is asked

if TYPE_CHECKING:
    Gates: TypeAlias = Any
    Guards: TypeAlias = Any
    Slices: TypeAlias = Any
    Instruments: TypeAlias = Any
    Sanity: TypeAlias = Any
else:
    Gates = block_of(Kind.GATE, "Gates", __name__)
    Guards = block_of(Kind.GUARD, "Guards", __name__)
    Slices = block_of(Kind.SLICE, "Slices", __name__, Intents)
    Instruments = block_of(Kind.INSTRUMENT, "Instruments", __name__)
    Sanity = block_of(Kind.SANITY, "Sanity", __name__, BatteryBlock)


class AskedCheck(NamedTuple):
    """A check as a policy knows it: under its key, with its limits, about one intent or every one."""

    key: str
    check: Check
    limits: Any
    intent: Intent
    place: str  # of its limits in the policy

    @property
    def form(self) -> Form | None:
        """How a gate or a guard asks, before a preflight has fixed anything."""
        return self.check.form(self.limits, NOTHING_FIXED, self.intent)


class Policy(Document):
    """The whole policy. Limits, classes and error rates stand here and nowhere else."""

    schema_: Literal["hero-gate/policy/v1"] = Field(alias="schema")
    based_on: Literal["canary", "offline", ""] = ""  # the template of gates/templates that it is compared with
    mode: Literal["evidence", "letter", "warn", "offline"]
    offline: Offline | None = None  # of that mode
    latency: Literal["client", "server"] = "client"  # the clock of who asks, or how long a system says that it took
    keep_runs: Annotated[int, Field(ge=0, le=10_000)]  # older runs kept under history/
    promotes: bool  # false: the best decision is HOLD (a smoke corpus proves nothing about production)
    baseline: str  # file name of the incumbent's pack
    heroes: dict[Name, str]  # hero -> file name of its pack; their number enters the RED threshold
    promotion: Promotion
    publish: Publish | None = None  # None: the documents stay where the run lies
    ladder: LadderBlock
    error_rates: ErrorRates
    gates: Gates
    guards: Guards
    slices: Slices
    instruments: Instruments
    sanity: Sanity
    checks: dict[Name, OwnCheck] = Field(default={})  # a user's own
    letter: Letter
    left_out: dict[Name, Reason] = Field(default={})  # check -> why it is not asked of this release
    characteristics: str = ""  # file name of its simulated error rates and stored A/A run; "" where there is none

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known = {asked.key for asked in self.known}
        if clash := sorted(key for key in self.checks if key in (*BY_KEY, *BY_INTENT, *self._of_intents)):
            raise ValueError(f"checks names {', '.join(clash)}, which is one of ours; call it otherwise")
        own = [(a.check.decides, isinstance(a.form, Loss)) for a in self.known if a.key in self.checks]
        losses, others = ({column for column, is_loss in own if is_loss is which} for which in (True, False))
        if both := sorted((losses & others) - {*COLUMNS}):
            raise ValueError(f"checks ask {', '.join(both)} for a loss and otherwise; ask a column in one direction")
        OWN.update({key: self._by_key[key].check for key in self.checks})
        if unknown := sorted(set(self.left_out) - known):
            raise ValueError(f"left_out names {', '.join(unknown)}; checks are {', '.join(a.key for a in self.known)}")
        if self.promotes and (kept := [key for key in self.left_out if (check := BY_KEY.get(key)) and check.stays]):
            raise ValueError(f"left_out names {', '.join(kept)}, which stay asked of whatever may be promoted")
        asks = {key: self.check(key).limits for key in self.asked(Kind.GATE, Kind.GUARD, Kind.SLICE)}
        ladder = self.ladder.model_dump(mode="json")
        require_one_look(self.mode, self.offline, ladder, asks, self.losses, self.slices.intents)
        for kind in () if self.mode == OFFLINE else (Kind.GATE, Kind.GUARD, Kind.INSTRUMENT):
            if not self.asked(kind):
                raise ValueError(f"left_out leaves no {kind}; keep one of {', '.join(keys_of(kind))}")
        for asked in self.known:
            by_step = getattr(asked.limits, "green_below", None)
            if by_step is not None and len(by_step) != len(self.ladder.steps):
                raise ValueError(
                    f"{asked.place}.green_below has {len(by_step)} limits, "
                    f"but the ladder has {len(self.ladder.steps)} steps"
                )
        if not self.heroes:
            raise ValueError("heroes names no hero; their number sets the RED threshold")
        return self

    @property
    def losses(self) -> dict[str, Loss]:
        """Its asked gates and guards that are mean losses with a margin."""
        asked = ((key, self.check(key).form) for key in self.asked(Kind.GATE, Kind.GUARD))
        return {key: form for key, form in asked if isinstance(form, Loss) and form.margin is not None}

    @cached_property
    def known(self) -> tuple[AskedCheck, ...]:
        """Every check of this policy with its limits, whether asked or left out, in the order of reports; in mode
        offline the checks that it names."""
        named = None if self.offline is None else {*self.offline.asks, *self.checks}
        return tuple(asked for key, asked in self._by_key.items() if named is None or key in named)

    @cached_property
    def _by_key(self) -> dict[str, AskedCheck]:
        found = [
            AskedCheck(f"{key}_{name}", check, getattr(self.slices, key), Intent(name, at), f"slices.{key}")
            for key, check in BY_INTENT.items()
            for at, name in enumerate(self.slices.intents)
        ]
        for key, check in BY_KEY.items():
            block = check.kind.value if check.kind is Kind.SANITY else f"{check.kind}s"
            found.append(AskedCheck(key, check, getattr(getattr(self, block), key), EVERY, f"{block}.{key}"))
        for key, said in sorted(self.checks.items()):
            found.append(AskedCheck(key, *own_check(key, said), EVERY, f"checks.{key}"))
        found.sort(key=lambda asked: KINDS.index(asked.check.kind))  # stable: own checks come last
        return {asked.key: asked for asked in found}

    def asked(self, *kinds: Kind) -> tuple[str, ...]:
        """The keys of the checks of these kinds that this policy asks, kind by kind in the order of reports."""
        return tuple(a.key for kind in kinds for a in self.known if a.check.kind is kind and a.key not in self.left_out)

    def check(self, key: str) -> AskedCheck:
        """One of its checks. Raises KeyError for a key that it does not know."""
        return self._by_key[key]

    @property
    def _of_intents(self) -> tuple[str, ...]:
        return tuple(f"{key}_{intent}" for key in BY_INTENT for intent in self.slices.intents)

    @property
    def more(self) -> tuple[str, ...]:
        """Columns beyond those of every arm, which its own checks read."""
        read = (asked.check.decides for asked in self.known if asked.key not in self.left_out)
        return tuple(dict.fromkeys(column for column in read if column and column not in COLUMNS))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy that knows its own checks."""
        copied = super().model_copy(update=update, deep=deep)
        for name in _KEPT:
            copied.__dict__.pop(name, None)
        return copied

    def __getstate__(self) -> dict[Any, Any]:
        """Without the classes of its own checks, which stand in no module."""
        state = super().__getstate__()
        return {**state, "__dict__": {k: v for k, v in state["__dict__"].items() if k not in _KEPT}}

    def limits(self, check: type[Check]) -> Any:
        """The limits of a built-in check."""
        return self._by_key[check.key].limits

    @property
    def rule(self) -> str:
        """By which the gates are decided: "evidence" or "letter"."""
        return "evidence" if self.mode == WARN else self.mode

    def on_red(self, key: str) -> str:
        """What a RED of this check does: "rollback" or "hold"."""
        return str(self.check(key).limits.on_red)

    @property
    def sla_ms(self) -> float:
        """After so long an answer finds nothing in time."""
        return float(self.limits(SlaRecall).sla_ms)

    @property
    def bins(self) -> int:
        """Of equal mass, in which confidence is compared with right answers."""
        return int(self.limits(AeceTau).bins)

    def digest(self) -> str:
        """sha256 of the content (JCS), whatever its layout and comments."""
        return hashlib.sha256(rfc8785.dumps(self.content())).hexdigest()

    def content(self) -> dict[str, Any]:
        """What heroes are judged by, as JSON: without what is known beforehand, and when people may promote."""
        beside = {"characteristics", "promotion", "publish", "based_on"} | (set() if self.offline else {"offline"})
        return self.model_dump(mode="json", by_alias=True, exclude=beside)


def load_policy(path: Path) -> Policy:
    """Read `policy.yaml`. Raises ConfigError with every mistake of the file, one where it is of before."""
    document = read_policy(path)
    rates = document.get("error_rates")
    if isinstance(rates, dict) and "two_windows" in rates:
        what = "of the rule before version 3; docs/migration.md says what to write instead"
        raise ConfigError([f"{path}: error_rates.two_windows: {what}"])
    return checked(document, Policy, str(path))


def read_policy(path: Path) -> dict[str, Any]:
    """The document of a policy file, complete. Raises ConfigError."""
    return completed(read_yaml(path), path)
