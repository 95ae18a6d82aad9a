"""What numbers was the incumbent promoted on? Those of its configuration in state/, else `baseline.numbers.json`.

They come from the run that promoted it (`numbers_of_run`), or, where it was never promoted, from a probe
(`python -m pytest -m performance --write`), which stands committed beside baseline.yaml.
"""

import csv
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from gates.archive import state_of
from gates.attestation import ATTESTATION, Attestation, AttestationError
from gates.documents import Document
from gates.errors import EvidenceError
from gates.statistics.pvalues import Interval
from rollout.jobs.job import machine

ALL = "all"  # the name of the row over all suites
SPANS = "hero_span_v22.csv"
METRICS = ("ndcg_at_10", "sla_recall_at_50", "p95_latency_ms", "ece", "file_credit")
ENDS = ("", "_ci_lower", "_ci_upper")  # of the columns of a metric: its value and its interval


class Number(Document):
    """A metric with its 95 % interval."""

    value: float
    lower: float
    upper: float

    @property
    def interval(self) -> Interval:
        """As the gate calculates with it."""
        return Interval(self.value, self.lower, self.upper)


class OfSuite(Document):
    """The metrics that the system gives, on one suite."""

    queries: int
    metrics: dict[str, Number]


class Numbers(Document):
    """The whole file."""

    schema_: Literal["hero-gate/numbers/v1"] = Field(alias="schema")
    system: str  # the pack's name at the time
    config_hash: str  # of what serves; other numbers are another system's
    source: Literal["promotion", "probe"]
    run_id: str
    measured_at: str
    release_fingerprint: str
    machine: str  # where the latency was measured; another kind of machine has another
    waited: float | None  # share of the time in which answers waited for a processor; null where nobody said
    bin_edges: tuple[float, ...]  # inner edges of the bins in which `ece` was measured
    suites: dict[str, OfSuite]  # by name of the collection's suite, "all" for all of them


def numbers_text(numbers: Numbers) -> str:
    """What stands in the file."""
    return json.dumps(numbers.model_dump(mode="json", by_alias=True), indent=1, sort_keys=True) + "\n"


def promoted_numbers(configs: Path, config_hash: str) -> Path:
    """Where a promotion leaves the numbers of what it lets serve. Each has its own, so that a rollback changes none."""
    return state_of(configs) / "numbers" / f"{config_hash}.json"


def numbers_file(configs: Path, committed: str, config_hash: str) -> Path:
    """The numbers of what serves: of its promotion, or where there was none those that are committed."""
    promoted = promoted_numbers(configs, config_hash)
    return promoted if promoted.exists() else configs / committed


def numbers_of_run(folder: Path) -> Numbers:
    """The numbers of a hero from its folder of a finished canary: its attestation, and the table that it names.

    Its latency is taken for this machine's: promote where the canary ran.
    Raises EvidenceError where the table is not the one that was attested, or does not hold the hero.
    """
    try:
        attestation = Attestation.read((folder / ATTESTATION).read_bytes(), ATTESTATION)
        content = (folder / SPANS).read_bytes()
    except (OSError, AttestationError) as error:
        raise EvidenceError(
            f"{folder}: not the folder of a hero that a canary finished with ({type(error).__name__}: {error})"
        ) from None
    attested = {one.name: one.sha256 for one in attestation.artefacts}
    if attested.get(SPANS) != hashlib.sha256(content).hexdigest():
        raise EvidenceError(f"{folder / SPANS}: not the table that the attestation names; run the canary again")
    rows = list(csv.DictReader(content.decode("utf-8").splitlines()))
    ours = (attestation.hero, attestation.config_hash)
    suites = {row["suite"]: of_suite(row) for row in rows if (row["system"], row["config_hash"]) == ours}
    if ALL not in suites:
        raise EvidenceError(f"{folder / SPANS}: no row of {attestation.hero} over all suites; run the canary again")
    return numbers_of(
        suites, system=attestation.hero, config_hash=attestation.config_hash, source="promotion", waited=None,
        measured_at=attestation.finished_at, run_id=attestation.run_id,
        release_fingerprint=attestation.release_fingerprint,
        bin_edges=[float(edge) for edge in attestation.constants.bin_edges] if attestation.constants else [],
    )  # fmt: skip


def numbers_of(suites: Mapping[str, tuple[int, Mapping[str, Interval]]], **known: Any) -> Numbers:
    """`suites`: name -> queries, and each metric; what is not a number is left out. Measured on this machine."""
    return Numbers.model_validate(
        {
            "schema": "hero-gate/numbers/v1",
            "machine": machine(),
            "suites": {name: {"queries": n, "metrics": _finite(metrics)} for name, (n, metrics) in suites.items()},
            **known,
        }
    )


def _finite(metrics: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    return {m: metrics[m]._asdict() for m in METRICS if m in metrics and all(map(math.isfinite, metrics[m]))}


def of_suite(row: Mapping[str, str]) -> tuple[int, dict[str, Interval]]:
    """The queries of a row of the table, and its metrics."""
    return int(row["queries"]), {m: Interval(*(float(row[f"{m}{end}"] or "nan") for end in ENDS)) for m in METRICS}
