"""What do the documents tell of a run? What was signed, each value with its place, in the words of the page."""

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gates.attestation import ATTESTATION, Attestation, AttestedGain
from gates.checks.check import Name, number_of
from gates.checks.sla_recall import SlaRecall
from gates.names import check_name, check_of, meaning
from gates.statistics.pvalues import Interval
from gates.verdicts import Cell, Decision, Kind, Verdict
from reports.documents.sourced import Sourced
from reports.model.gains import Gain
from reports.model.labels import headroom_words, is_enough, is_reached, mark_words, metric_name

SIDES = ("baseline_config", "config")  # of what is locked
PROMOTED, EARNED = "promoted", "earned a promotion, not made yet"
_STANDING = {Decision.HOLD: "held", Decision.ROLLBACK: "rolled back"}
_PERCENT = Name(label="", scale=100, digits=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedCheck:
    """A check and its answer: `value`, `range` and `limit` in the unit of `label`."""

    at: Sourced  # its cell
    key: str
    kind: str
    step: int
    label: Sourced
    means: str  # what would be wrong in production where it is broken
    value: Sourced
    range: Sourced
    limit: Sourced
    headroom: Sourced
    verdict: Sourced
    reached: bool
    met: str  # is it as the policy requires?


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedGain:
    """A measure in both arms, and hero minus baseline with its interval and as a share of the baseline's value."""

    at: Sourced
    metric: str
    intent: str  # "" for all queries
    label: Sourced
    baseline: Sourced
    hero: Sourced
    change: Sourced
    relative: Sourced
    is_cost: bool
    better: str  # "gain shown", "loss shown", "no difference shown"
    shown: str  # the same in words: of a cost "less shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedHero:
    """One hero: its attestation, the tables of its folder, and what became of its promotion."""

    said: Sourced
    checks: tuple[SourcedCheck, ...]
    last: tuple[SourcedCheck, ...]  # each check once: a gate as far as it was climbed
    gains: tuple[SourcedGain, ...]
    spans: Sourced | None  # of the suites; None where no table was signed
    pooled: Sourced | None
    pictures: Sourced | None  # what its plots show; None where none were signed
    changes: tuple[Sourced, ...]  # of what serves, for this decision
    standing: str
    stands: bool  # did it earn a promotion that nobody took back?

    @property
    def configured(self) -> Iterator[tuple[Sourced, Sourced, Sourced, str]]:
        """Each key of the configuration, in the baseline and in the hero, and whether they differ."""
        material = self.said["lock_material"]
        sides = [{key.text: (key, value) for key, value in material[side].leaves()} for side in SIDES if material]
        for name in sorted(set().union(*sides)):
            key = next(side[name][0] for side in sides if name in side)
            its, mine = (side[name][1] if name in side else key.told("none") for side in sides)
            yield key, its, mine, "" if its.words == mine.words else "differs"

    def deciding(self, *columns: str) -> list[SourcedCheck]:
        """Its checks over all queries that read one of these columns of the answers."""
        of = {check.key for check in self.checks if (known := check_of(check.key)) and known.decides in columns}
        return [check for check in self.checks if check.key in of and check.kind != Kind.SLICE]

    @property
    def battery(self) -> list[SourcedCheck]:
        """What was asked before the climb."""
        return [check for check in self.checks if check.kind == Kind.SANITY]

    @property
    def sla_ms(self) -> Sourced:
        """After so long an answer counts as none."""
        return self.said["policy"]["gates"][SlaRecall.key]["sla_ms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedRun:
    """All of it."""

    release: Sourced
    heroes: tuple[SourcedHero, ...]
    chain: Sourced  # the statements about this run
    audit: Sourced | None  # the last pool audit; None where none is on record
    audited: tuple[SourcedCheck, ...]
    counts: Sourced | None  # its table
    undrawn: str = ""  # why no picture is drawn


def told_hero(
    attested: Attestation, tables: Mapping[str, Sourced], changes: Sequence[Sourced], pictures: Sourced | None = None
) -> SourcedHero:
    """What is told of a hero. `tables` are those of its folder by name, `changes` those of what serves."""
    said = Sourced(attested.model_dump(mode="json", by_alias=True), f"{attested.hero}/{ATTESTATION}")
    standing = _STANDING.get(attested.decision, EARNED)
    if attested.decision is Decision.PROMOTE and not attested.promotes:
        standing = "judged PROMOTE in a mode that promotes nothing"
    if changes:
        standing = PROMOTED if changes[-1].value["kind"] == "promotion" else "promoted, then rolled back"
    checks = tuple(told_check(one, attested.mode) for one in said["cells"])
    last: dict[str, SourcedCheck] = {}
    for check in checks:
        if check.reached or check.key not in last:
            last[check.key] = check
    return SourcedHero(
        said=said,
        checks=checks,
        last=tuple(last.values()),
        gains=tuple(_told_gain(at, one) for at, one in zip(said["gains"], attested.gains, strict=True)),
        spans=tables.get("hero_span_v22.csv"),
        pooled=tables.get("pool_counts_by_system.csv"),
        pictures=pictures,
        changes=tuple(changes),
        standing=standing,
        stands=standing in (PROMOTED, EARNED),
    )


def told_check(at: Sourced, mode: str = "evidence") -> SourcedCheck:
    """A cell. Raises ValueError, TypeError or LookupError for what is none."""
    cell = Cell.from_json(json.dumps({"hero": "", **at.value}))
    name, reached = check_name(cell.check, cell.unit, mode), is_reached(cell)

    def shown(field: str) -> Sourced:
        """In the unit that people read, or as it is where the check has no name."""
        return at[field].told(name.show(at.value[field])) if check_of(cell.check) else at[field]

    return SourcedCheck(
        at=at,
        key=cell.check,
        kind=cell.kind,
        step=cell.step,
        label=at["check"].told(name.heading),
        means=meaning(cell.check),
        value=shown("observed") if reached else at["observed"].told(""),
        range=at.told(name.range(cell.ci_lower, cell.ci_upper) if reached else ""),
        limit=shown("limit"),
        headroom=at["headroom"].told(headroom_words(cell.headroom)),
        verdict=at["verdict"].told(mark_words(cell)),
        reached=reached,
        met="met" if cell.verdict is Verdict.GREEN else "not shown broken" if is_enough(cell) else "NOT met",
    )


def _told_gain(at: Sourced, said: AttestedGain) -> SourcedGain:
    difference = Interval(*map(number_of, (said.difference, said.ci_lower, said.ci_upper)))
    before, after = number_of(said.baseline), number_of(said.hero)
    gain = Gain(metric=said.metric, intent=said.intent, n=said.n, baseline=before, hero=after, difference=difference)
    share = difference.value / before if before else math.nan
    its, mine, change = gain.told
    return SourcedGain(
        at=at,
        metric=said.metric,
        intent=said.intent,
        label=at["metric"].told(gain.name.heading),
        baseline=at["baseline"].told(its),
        hero=at["hero"].told(mine),
        change=at.told(f"{change} {gain.range}"),
        relative=at.told(f"{_PERCENT.show(share, signed=True)} %" if math.isfinite(share) else ""),
        is_cost=gain.is_cost,
        better=gain.better,
        shown=gain.shown,
    )


def spanned(row: Sourced, metric: str) -> Sourced:
    """A measure of a suite with its interval."""
    name, said = metric_name(metric), row.value
    interval = name.range(said[f"{metric}_ci_lower"], said[f"{metric}_ci_upper"])
    return row.told(f"{name.show(said[metric])} {interval}".strip())


def table_in(text: str, artefact: str) -> Sourced:
    """A CSV file: its rows below the head, each by column."""
    return Sourced([*csv.DictReader(text.splitlines())], artefact)
