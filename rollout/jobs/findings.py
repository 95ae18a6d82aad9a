"""What did a job find? `<artifacts>/<family>/<job>.json`: its run writes it, monitor, alerts and dashboard read it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from evidence.files import MOST_LINES, regular, write_whole
from gates.documents import Document
from gates.errors import EvidenceError
from gates.verdicts import Cell


class JobFindings(Document):
    """The cells of one run of one job, and what could not be asked."""

    schema_: Literal["hero-gate/findings/v1"] = Field(default="hero-gate/findings/v1", alias="schema")
    run_id: str
    at: AwareDatetime
    family: str
    job: str
    cells: tuple[Cell, ...]
    broken: tuple[str, ...]  # items that could not be asked, each with why

    def to_json(self) -> str:
        """The file's content."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=1, sort_keys=True) + "\n"


def write_all(path: Path, found: Iterable[JobFindings]) -> None:
    """Leave what all jobs of one run found where whoever started it looks."""
    write_whole(path, f"[{','.join(one.to_json() for one in found)}]")


def read_all(path: Path) -> tuple[JobFindings, ...]:
    """The same read back. Raises OSError, ValueError."""
    return TypeAdapter(tuple[JobFindings, ...]).validate_json(regular(path, MOST_LINES).read_bytes())


def read_findings(path: Path) -> JobFindings:
    """The findings in a file. Raises EvidenceError, a line, where there are none, or others."""
    try:
        return JobFindings.model_validate_json(regular(path, MOST_LINES).read_bytes())
    except FileNotFoundError:
        raise EvidenceError(f"{path.parent.name}/{path.name}: not there; its job never ran here") from None
    except (OSError, ValidationError, RecursionError) as error:
        reason = type(error).__name__
        raise EvidenceError(f"{path.parent.name}/{path.name}: cannot be read ({reason}); run its job again") from None
