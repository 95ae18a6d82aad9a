"""Is anything so wrong with index, answers or measuring that a climb would show nothing? What each sanity check is.

Pure functions of what was recorded before the climb: a snapshot of answers, and facts, which stand in the attestation,
so that the same verdicts can be had again.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gates.checks.check import Check
from gates.documents import Document
from gates.statistics.decimals import decimal
from gates.verdicts import Cell, Kind, Verdict

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]
_SHOWN = 3  # oracles, files or patterns that a note names


class IndexFound(Document):
    """The state of an index, and how many of some documents it finds by their own words."""

    counts: dict[str, int]  # structure -> documents
    damaged: tuple[str, ...]  # files
    sampled: int
    found: int


class OracleAnswer(Document):
    """Where the hero put a known answer; rank 0 is "not found"."""

    id: str
    query: str
    expected: str
    rank: int


class OraclesAsked(Document):
    """The known answers that were asked for, or why none was."""

    why: str = ""
    within: int = 0  # rank
    asked: tuple[OracleAnswer, ...] = ()


class SanityFacts(Document):
    """What the sanity battery knows beside the answers (gates.checks.battery.Snapshot)."""

    asked: int  # queries
    of: int  # and how many should have been
    places: str  # "all" where the collection knows every document, "judged" where those with judgements alone
    fallbacks: tuple[str, ...]  # router decisions that mean "the core did not answer"
    configurations: tuple[str, str]  # hashes of both arms' configurations, without a seeded fault
    oracles: OraclesAsked | None = None  # None where not asked, as index
    index: IndexFound | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One arm's answers, one row a query. What can be counted from the hits is counted from the hits."""

    name: str  # of the system
    ndcg: Floats  # nDCG@10, whenever it came
    recall: Floats  # recall@50 counted from the hits, whenever the answer came
    sla_recall: Floats  # as recorded: 0 where the answer came late
    latency_ms: Floats
    within_sla: Flags
    confidence: Floats
    hits: Counts
    known: Counts  # hits at a place where the collection has a document
    credits: Counts
    file_credits: Counts
    pooled: int  # places of its answers that came in time
    decision: NDArray[np.str_]  # the router's, "" where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Both arms' answers to the same queries, in the same order."""

    hero: Side
    baseline: Side
    intent: NDArray[np.str_]
    pool: int  # places that at least one arm gave in time

    def __len__(self) -> int:
        return len(self.intent)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Hero, then baseline."""
        return self.hero, self.baseline


class Finding(NamedTuple):
    """What a check found: nothing is evidenced from n = 0."""

    observed: float
    limit: float
    n: int
    wrong: str = ""  # value, limit, place, way out
    note: str = ""  # where nothing is wrong


class SanityCheck(Check):
    """One question about what was answered before the climb."""

    kind: ClassVar[Kind] = Kind.SANITY

    def find(self, limits: Any, snapshot: Snapshot, facts: SanityFacts, sla_ms: float) -> Finding:
        """What it finds. `sla_ms`: after which an answer finds nothing in time."""
        raise NotImplementedError

    def judge(
        self, hero: str, limits: Any, snapshot: Snapshot, facts: SanityFacts, sla_ms: float, missing: str
    ) -> Cell:
        """Its cell. `missing`: why its input is not there, "" where it is."""
        if missing:
            found = not_evidenced(missing)
        elif not len(snapshot):
            found = not_evidenced("no calibration query was asked; give some")
        else:
            found = self.find(limits, snapshot, facts, sla_ms)
        verdict = Verdict.INCONCLUSIVE if not found.n else Verdict.RED if found.wrong else Verdict.GREEN
        share = (found.limit - found.observed) / found.limit if found.n and found.limit else np.nan
        return self.before_climb(
            hero, limits.on_red, verdict,
            observed=decimal(found.observed) if found.n else "", limit=decimal(found.limit) if found.n else "",
            unit=self.unit if found.n else "", headroom=decimal(share, 3), n=found.n, note=found.wrong or found.note,
        )  # fmt: skip


def not_evidenced(why: str) -> Finding:
    """Nothing was found, because of this."""
    return Finding(np.nan, np.nan, 0, note=why)


def some(told: list[str]) -> str:
    """The first few of them, and how many there are beside."""
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return ", ".join(told[:_SHOWN]) + more
