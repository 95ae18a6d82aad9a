"""Which files hold the limits of the jobs? `nightly.yaml`, `weekly.yaml` and `continuous.yaml`, a block for each job.

A job reads the whole file by a model of its own, which says strictly what its blocks are; those of other jobs may only
be there. A mistake in one block stops the job that it is of, and no other.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from gates.documents import Document, Zone, read_model
from gates.policy import Count

Positive = Annotated[float, Field(gt=0, le=10_000)]
#: Times what was accepted: a hundred times as slow is slow by anybody's limit.
Factor = Annotated[float, Field(ge=1, le=100)]


class NightlyFile(Document):
    """What every job of a night reads."""

    schema_: Literal["hero-gate/nightly/v1"] = Field(alias="schema")
    timezone: Zone  # whose calendar says which night it is
    numbers: str  # file name of the numbers on record
    keep_days: Count  # of metrics in the history
    performance: Any
    whiskers: Any


class WeeklyFile(Document):
    """What every job of a week reads."""

    schema_: Literal["hero-gate/weekly/v1"] = Field(alias="schema")
    parity: Any
    drift: Any
    suites: Any
    pool: Any
    tripwires: Any


class ContinuousFile(Document):
    """What every job that runs all day reads."""

    schema_: Literal["hero-gate/continuous/v1"] = Field(alias="schema")
    #: Folders of results, from the checkout: accepted answers, findings and attestations are looked for there, in
    #: themselves and in the folders of scheduled jobs.
    results: Annotated[tuple[str, ...], Field(min_length=1)]
    health: Any
    gate_monitor: Any
    emergency: Any


FILES: dict[str, type[Document]] = {"nightly": NightlyFile, "weekly": WeeklyFile, "continuous": ContinuousFile}


def read_family(configs: Path, family: str, **blocks: type[Document]) -> Any:
    """The file of a family, with the blocks that a job reads by models of their own. Raises ConfigError."""
    fields: dict[str, Any] = {name: (model, ...) for name, model in blocks.items()}
    return read_model(configs / f"{family}.yaml", create_model(family, __base__=FILES[family], **fields))
