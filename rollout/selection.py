"""Which system of a pack's grid is the best one, and how does it get into its pack?

Answered on the selection queries only, which no canary ever sees. In the pack values are exchanged; comments, quotes
and spellings stay as they are.

Rules: a candidate is eligible when, against the baseline, its interval excludes a loss of `MARGIN` in nDCG@10 and in
recall@50, over all queries and on no intent a loss is shown. The intervals that must exclude it are those of all
candidates at once: the best of many is chosen, and it is often the luckiest. (On an intent the plain interval shows a
loss, since a wider one would excuse it.) Of the eligible ones those are as good that are not shown worse by the pack's
metric than the best of them, on the same queries; of those as good the one wins that the grid lists first among all
that are not shown to take more CPU time than the cheapest. CPU time is counted, so that waiting for a processor costs
nothing; each interval is that of all candidates at once.
"""

import copy
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from ruamel.yaml import YAML

from evidence.files import write_whole
from fixtures.pack_file import changes_of
from fixtures.packs import Candidate, Hero
from fixtures.systems import kinds
from fixtures.systems.protocol import Query
from gates.errors import ConfigError, EvidenceError
from gates.statistics import Array
from gates.statistics.calibration import calibration_error, equal_mass_edges, fill_bins
from gates.statistics.pvalues import Interval, mean_interval, z_among
from rollout.replay import Answers, Locator, Timed, ask_in_turn, judge_collection, measure_answers

MARGIN = 0.01
BINS = 10
QUALITY = {"nDCG@10": "ndcg_at_10", "recall@50": "recall_at_50"}
BLOCK = 1000  # queries between two lines of progress
_DIGITS = {"ndcg_at_10": 4, "recall_at_50": 4, "cpu_ms": 3}


class GridGain(NamedTuple):
    """A mean difference hero - baseline with its 95 % interval, and that of all candidates at once (Bonferroni)."""

    value: float
    lower: float
    upper: float
    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """One candidate's numbers beside the baseline's, on the selection queries."""

    candidate: Candidate
    differences: dict[str, Array]  # hero minus baseline of each query, in each metric that a pack may choose by
    among: int  # candidates that are chosen from
    p95_ms: float
    calibration_error: float  # AECE, 10 equal-mass bins of this system's own confidences
    by_intent: dict[str, tuple[Interval, Interval]] = field(default_factory=dict)  # nDCG, recall

    @property
    def gains(self) -> dict[str, GridGain]:
        """The mean of each difference."""
        return {metric: gain_of(values, self.among) for metric, values in self.differences.items()}

    @property
    def ruled_out_by(self) -> list[str]:
        """Where a loss of `MARGIN` is not excluded, and the intents on which a loss is shown."""
        whole = [name for name, metric in QUALITY.items() if not self.gains[metric].least > -MARGIN]
        return [*whole, *(i for i, (n, r) in self.by_intent.items() if n.upper < 0 or r.upper < 0)]

    def score(self, metric: str) -> float:
        """What the pack maximises: a gain, or CPU time saved."""
        return -self.gains[metric].value if metric == "cpu_ms" else self.gains[metric].value

    def shown_better(self, metric: str) -> bool:
        """Is it better than the baseline although it is the best of many?"""
        return _is_better(self.gains[metric], metric)

    def shown_better_than(self, other: "GridRow", metric: str) -> bool:
        """Is it better than another candidate, on the same queries?"""
        return _is_better(gain_of(self.differences[metric] - other.differences[metric], self.among), metric)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A grid compared: the winner, and whether the pack was just made to select it."""

    best: GridRow | None
    written: bool


def compare_grid(hero: Hero, tell: Callable[[str], None]) -> list[GridRow]:
    """Answer each selection query with the baseline and every candidate of the grid, one right after the other.

    Raises EvidenceError where there is no grid, or the collection has no selection part.
    """
    if not hero.grid:
        raise EvidenceError(f"{hero.subject.source}: has no grid, so there is nothing to choose from; add one")
    collection = hero.baseline_kind.open_collection(tell)
    if not len(collection.part.get("selection", ())):
        raise EvidenceError(
            f"{hero.subject.source}: its queries have no selection part, which choosing from a grid needs"
        )
    judged = judge_collection(collection)
    queries = [collection.queries[i] for i in collection.part["selection"]]
    described = [hero.baseline_kind.block, *(candidate.system for candidate in hero.grid)]
    systems = [kinds.kind_of(system, hero.system_kind.folder).open_system(collection) for system in described]
    locator = Locator(systems[0].documents, collection.documents)
    timed: list[list[Timed]] = [[] for _ in systems]
    for begun in range(0, len(queries), BLOCK):
        tell(f"{begun:,} of {len(queries):,} selection queries, {len(systems)} systems each")
        for its, more in zip(timed, ask_in_turn(systems, queries[begun : begun + BLOCK], begun), strict=True):
            its.extend(more)
    reference, *answers = (measure_answers(t, queries, locator, judged, np.inf) for t in timed)
    return [_row(c, found, reference, queries, len(answers)) for c, found in zip(hero.grid, answers, strict=True)]


def winner(rows: Sequence[GridRow], metric: str) -> GridRow | None:
    """The cheapest of the eligible candidates that are as good by the metric as the best; None where none is."""
    eligible = [row for row in rows if not row.ruled_out_by]
    if not eligible:
        return None
    best = max(eligible, key=lambda row: row.score(metric))
    as_good = [row for row in eligible if not best.shown_better_than(row, metric)]
    cheapest = max(as_good, key=lambda row: row.score("cpu_ms"))
    return next(row for row in as_good if not cheapest.shown_better_than(row, "cpu_ms"))


def table(hero: Hero, rows: Sequence[GridRow]) -> str:
    """The comparison as Markdown."""
    best, metric = winner(rows, hero.subject.claim_metric), hero.subject.claim_metric
    lines = [
        f"### {hero.subject.name}: {hero.subject.claim}",
        "",
        f"The cheapest of those as good by {metric} as the best that loses nothing shown: "
        f"**{best.candidate.label if best else 'none'}**.",
    ]
    if best:
        gain, digits = best.gains[metric], _DIGITS[metric]
        lines += [
            f"Its difference to the baseline is {_shown(gain, digits)}; as one of {len(rows)} candidates "
            f"[{gain.least:+.{digits}f}, {gain.most:+.{digits}f}]: "
            f"{'shown to be better' if best.shown_better(metric) else 'not shown to be better'}."
        ]
    lines += [
        "",
        "| candidate | nDCG@10 | recall@50 | CPU ms a query | p95 ms | AECE | ruled out by | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        is_ = {"chosen": row is best, "selected": row.candidate.selected, "as published": row.candidate.published}
        cells = [
            row.candidate.label,
            *(_shown(row.gains[name], digits) for name, digits in _DIGITS.items()),
            f"{row.p95_ms:.2f}",
            f"{row.calibration_error:.4f}",
            ", ".join(row.ruled_out_by) or "-",
            ", ".join(mark for mark, yes in is_.items() if yes),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _is_better(gain: GridGain, metric: str) -> bool:
    """Is a gain shown for all candidates at once? Of CPU time, less is better."""
    return gain.most < 0 if metric == "cpu_ms" else gain.least > 0


def gain_of(differences: Array, among: int) -> GridGain:
    """The mean of differences per query, of one of so many candidates."""
    plain, of_all = mean_interval(differences), mean_interval(differences, z_among(among))
    return GridGain(*plain, of_all.lower, of_all.upper)


def _row(candidate: Candidate, found: Answers, reference: Answers, queries: Sequence[Query], among: int) -> GridRow:
    ndcg, recall = found.arm.ndcg - reference.arm.ndcg, found.arm.recall - reference.arm.recall
    intents = np.array([query.intent for query in queries])
    edges = equal_mass_edges(found.arm.confidence, BINS)
    return GridRow(
        candidate=candidate,
        differences={name: found.columns[name] - reference.columns[name] for name in _DIGITS},
        among=among,
        p95_ms=float(np.quantile(found.arm.latency_ms, 0.95)),
        calibration_error=calibration_error(fill_bins(found.arm.confidence, found.arm.correct, edges)),
        by_intent={
            str(i): (mean_interval(ndcg[intents == i]), mean_interval(recall[intents == i])) for i in np.unique(intents)
        },
    )


def _shown(gain: GridGain, digits: int) -> str:
    return f"{gain.value:+.{digits}f} [{gain.lower:+.{digits}f}, {gain.upper:+.{digits}f}]"


def write_selected(hero: Hero, row: int, compared: bytes) -> bool:
    """Let the hero's pack select row `row` of its grid. False where it does so already.

    `compared` is the file as it was when its grid was compared. Raises ConfigError where it is another one now, or
    where it does not say itself what it selects.
    """
    path = Path(hero.subject.source)
    if path.read_bytes() != compared:
        raise ConfigError([f"{path}: changed while its grid was compared; nothing is written, compare it again"])
    text = compared.decode("utf-8")
    before, chosen = yaml.safe_load(text), hero.grid[row].changes
    if before["changes"] == chosen:
        return False
    new = selecting(text, row, str(path))
    if yaml.safe_load(new) != {**before, "changes": chosen}:
        raise ConfigError([f"{path}: its `changes` cannot be rewritten; nothing is written, change it by hand"])
    write_whole(path.resolve(), new.encode("utf-8"))
    return True


def selecting(text: str, row: int, source: str) -> str:
    """A pack's text with the values of a row of its grid in its `changes`, spelled as they are in that row."""
    round_trip = YAML()
    round_trip.preserve_quotes, round_trip.width = True, 4096
    round_trip.indent(mapping=2, sequence=4, offset=2)
    document, out = round_trip.load(text.replace("\r\n", "\n")), io.StringIO()
    _exchange(document["changes"], changes_of(document["grid"][row]), source, "changes.")
    round_trip.dump(document, out)
    return out.getvalue().replace("\n", "\r\n") if "\r\n" in text else out.getvalue()


def _exchange(changes: Any, chosen: Any, source: str, prefix: str) -> None:
    for key, value in chosen.items():
        if key not in changes:
            raise ConfigError([f"{source}: {prefix}{key}: not there, but the grid varies it; add it by hand"])
        if isinstance(changes[key], dict) and isinstance(value, dict):
            _exchange(changes[key], value, source, f"{prefix}{key}.")
        elif changes[key] != value:
            changes[key] = copy.deepcopy(value)  # one node in two places would be written as an anchor
