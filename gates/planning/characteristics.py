"""What is known of this policy beforehand: simulated error rates, and how an equal hero's pairs are distributed.

Both stand in one committed file that `make characteristics` writes (proof.characteristics): the rates count only for
the policy and the deciding sources they were simulated with; the distributions serve any policy.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gates.checks.against import Tail
from gates.checks.forms import Form, Loss, Rate
from gates.documents import require_regular
from gates.errors import ConfigError
from gates.policy import Policy
from gates.statistics import Array

SCHEMA = "hero-gate/characteristics/v2"
#: Modules and folders that turn pairs into a decision: a change in one of them makes simulated rates stale.
DECIDING = (
    "checks", "rule/budget", "rule/decide", "rule/dispersion", "rule/evaluator", "rule/questions", "rule/trackers",
    "rule/witness", "statistics/calibration", "statistics/eprocess", "statistics/pvalues",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Atoms:
    """A discrete distribution: values and their weights, which sum to 1."""

    value: Array
    weight: Array

    def mean(self, of: Array | None = None) -> float:
        """Mean of the values, or of what they are turned into."""
        return float(self.weight @ (self.value if of is None else of))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """One calibration bin of an equal hero."""

    weight: float  # share of the pairs
    gap: float  # mean of confidence - correct
    variance: float  # of confidence - correct


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """An equal hero's pairs, question by question (the shape is told in proof/simulate/streams.py)."""

    source: str
    atoms: Mapping[str, Atoms]
    shift: Mapping[float, tuple[Atoms, Atoms]]  # limit -> flags above and below
    tails: Mapping[tuple[str, float], Atoms]  # column, quantile -> what a tail bets on: -1, 0, 1
    calibration: tuple[Bin, ...]
    credits: float  # mean of an answer
    intents: Mapping[str, float]  # share of the queries
    ms_per_pair: float  # to replay one

    def lost(self, column: str) -> Atoms:
        """What an equal hero loses of a column: nothing at best, where nobody measured it."""
        return self.atoms.get(f"{column}_lost", _NOTHING)

    def share_above(self, column: str, limit: float) -> float:
        """How often a value of its lies beyond a limit: never at best."""
        values = self.atoms.get(column, _NEVER)
        return float(values.weight[values.value > limit].sum())

    def tail(self, column: str, quantile: float) -> Atoms:
        """What a tail bets on: only the baseline is beyond its own quantile, at best."""
        at_best = Atoms(value=np.array([-1.0, 0.0]), weight=np.array([1 - quantile, quantile]))
        return self.tails.get((column, quantile), at_best)

    def knows(self, form: Form) -> bool:
        """Was an equal hero measured in what this form reads? Of what it was not, the best case is assumed."""
        match form:
            case Loss(column=column):
                return f"{column}_lost" in self.atoms
            case Rate(column=column):
                return column in self.atoms
            case Tail(column=column, quantile=quantile):
                return (column, quantile) in self.tails
        return True


_NOTHING = Atoms(value=np.zeros(1), weight=np.ones(1))
_NEVER = Atoms(value=np.array([-np.inf]), weight=np.ones(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Characteristics:
    """The file's content."""

    policy_digest: str
    sources_digest: str
    rates: Mapping[str, str]  # decimal strings
    streams: Streams


def read_characteristics(path: Path) -> Characteristics:
    """Read the committed file. Raises ConfigError with one line where it cannot be read."""
    way_out = "restore it from version control, or make it anew: make characteristics"
    try:
        require_regular(path)
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}, but should be {SCHEMA}")
        return Characteristics(
            policy_digest=str(document["policy_digest"]),
            sources_digest=str(document["sources_digest"]),
            rates={str(key): str(value) for key, value in document["rates"].items()},
            streams=_streams(document["streams"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError([f"{path}: no characteristics ({error!r}); {way_out}"]) from None


def rates_of(policy: Policy, known: Characteristics) -> dict[str, str]:
    """The simulated rates if they are of this policy (in either mode) and these sources, else {}."""
    asked = policy.model_copy(update={"mode": "evidence"}).digest()
    fits = (asked, deciding_digest()) == (known.policy_digest, known.sources_digest)
    return dict(known.rates) if fits else {}


def deciding_digest() -> str:
    """sha256 over the deciding modules, in order of their names."""
    total = hashlib.sha256()
    for path in deciding_files():
        name = path.relative_to(HERE).with_suffix("").as_posix()
        total.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def deciding_files() -> list[Path]:
    """The deciding modules."""
    return [path for name in DECIDING for path in (sorted((HERE / name).glob("*.py")) or [HERE / f"{name}.py"])]


HERE = Path(__file__).parents[1]
LATENCY = "latency_ms"  # the column whose tails are stored


def _streams(document: Mapping[str, Any]) -> Streams:
    named = ("recall_lost", "ndcg_lost", "gap_moved", "file_excess", "calibrator_ms", "latency_ms")
    return Streams(
        source=str(document["source"]),
        atoms={name: _atoms(document[name]) for name in named},
        shift={float(s["limit"]): (_atoms(s["above"]), _atoms(s["below"])) for s in document["shift"]},
        tails={(LATENCY, float(t["quantile"])): _atoms(t["flags"]) for t in document["tails"]},
        credits=float(document["credits"]),
        calibration=tuple(
            Bin(weight=float(b["weight"]), gap=float(b["gap"]), variance=float(b["variance"]))
            for b in document["calibration"]
        ),
        intents={str(name): float(share) for name, share in document["intents"].items()},
        ms_per_pair=float(document["ms_per_pair"]),
    )


def _atoms(rows: list[list[float]]) -> Atoms:
    table = np.array(rows, dtype=np.float64).reshape(-1, 2)
    if not len(table) or not np.isfinite(table).all() or not 0.999 < table[:, 1].sum() < 1.001:
        raise ValueError(f"{rows!r:.60}: should be pairs of value and weight, weights summing to 1")
    return Atoms(value=table[:, 0], weight=table[:, 1] / table[:, 1].sum())
