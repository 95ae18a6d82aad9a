"""What does the dashboard tell, tile by tile: what stands there, as of when, and from when on it is too old?"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from evidence.files import MOST_LINES, regular, write_whole
from gates.documents import Document

#: What a line asks of people: nothing, to act now, to act by a date, to see why it is not evidenced; "" tells only.
Mark = Literal["+", "x", "!", "?", ""]


class JobLine(Document):
    """One thing that is known of a job."""

    mark: Mark
    words: str


class JobStanding(Document):
    """How a job of the schedule stands. The run that was due at `due` must have ended; the next one must at `ends`."""

    job: str
    marker: str  # which checks it runs, "" where it is another command
    owner: str
    lines: tuple[JobLine, ...]
    due: datetime | None
    ends: datetime | None

    @property
    def fine(self) -> bool:
        """Is there nothing that somebody should see to?"""
        return not {line.mark for line in self.lines} & {"x", "?"}


class Standing(Document):
    """What only the schedule knows, as the last tick left it for the dashboard."""

    at: datetime
    heartbeat: JobLine
    jobs: tuple[JobStanding, ...]
    untold: tuple[str, ...]  # alerts that nobody was told, and why

    @property
    def fine(self) -> bool:
        """Does it tick, and is nothing late, missed or failed?"""
        return self.heartbeat.mark == "+" and all(job.fine for job in self.jobs)

    def of_marker(self, marker: str) -> JobStanding | None:
        """The job that runs these checks."""
        return next((job for job in self.jobs if job.marker == marker), None)

    def write(self, state: Path) -> None:
        """Leave it in the state of configs."""
        write_whole(state / STANDING, self.model_dump_json(indent=1))


STANDING = "standing.json"


def read_standing(state: Path) -> Standing:
    """What the last tick left. Raises OSError, ValueError."""
    return Standing.model_validate_json(regular(state / STANDING, MOST_LINES).read_bytes())


class Line(NamedTuple):
    """One line of a tile."""

    mark: str  # a Mark, or the decision that it tells of
    what: str
    told: str = ""
    at: datetime | None = None
    points: str = ""  # of a sparkline, in a box of 100 x 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One question. `until` is when what stands there is too old to count."""

    key: str
    title: str
    at: datetime
    until: datetime
    lines: tuple[Line, ...]
    trouble: str  # why it is not evidenced, or not all of it
    none: str  # what it means that there are no lines

    def marked(self, *marks: str) -> list[Line]:
        """The lines with one of these marks."""
        return [line for line in self.lines if line.mark in marks]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """The page: what serves in one line, then the tiles."""

    serves: str
    by: str  # what wrote it
    at: datetime
    until: datetime
    configs: str
    artifacts: str  # whose decisions, alerts and findings stand there: the last ones there, of whatever configs
    tiles: tuple[Tile, ...]

    @property
    def acts(self) -> list[Tile]:
        """Tiles that need a person now."""
        return [tile for tile in self.tiles if tile.marked("x")]

    @property
    def opens(self) -> list[Tile]:
        """Tiles with what is to be done by a date, or what nobody knows (any more): neither is well."""
        others = [tile for tile in self.tiles if tile not in self.acts]
        return [tile for tile in others if tile.trouble or tile.marked("!", "?") or self.is_old(tile)]

    def is_old(self, tile: Tile) -> bool:
        """Was it too old when this was written?"""
        return tile.until <= self.at
