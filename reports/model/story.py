"""What happened to each hero? Computed once, so that terminal, summary, page and Allure never disagree."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fixtures.fingerprint import Change, changes
from gates.attestation import ATTESTATION, Attestation, AttestationError
from gates.checks.check import Check
from gates.checks.ece import Ece
from gates.checks.file_credit import FileCredit
from gates.checks.p95_latency import P95Latency
from gates.checks.stop_rule import StopRule
from gates.errors import failures
from gates.names import check_of, slice_parts
from gates.offline import OFFLINE
from gates.release import Outcome, Release
from gates.rule.compared import look_interval
from gates.statistics.pvalues import mean_interval
from gates.verdicts import SEVERITY, Cell, Decision, Kind, Verdict
from reports.model.advice import to_decide
from reports.model.card import Card, card_of, focus_of, told_cell
from reports.model.checks import Row, reasons_of, rows_of
from reports.model.examples import Example, find_examples
from reports.model.gains import Gain, compare, compare_intents, confidence_words
from reports.model.labels import CLAIMED, NOT_SHOWN_BROKEN, is_enough, mark
from reports.model.windows import Windows, windows_of
from rollout.columns import Measured, read_agg, read_measured

COUNTED = {
    Kind.SANITY: "sanity",
    Kind.GATE: "gates",
    Kind.GUARD: "guards",
    Kind.SLICE: "slices",
    Kind.INSTRUMENT: "instruments",
}
EARLIER = 10  # runs that are told
#: The guard that speaks about a measure in its own unit.
_GUARD_OF = {"p95_latency_ms": P95Latency.key, Ece.measure: Ece.key, FileCredit.measure: FileCredit.key}


class Earlier(NamedTuple):
    """What history/ says of one run, and the keys of the configuration that have changed since: then, and now."""

    said: Attestation
    differs: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One hero's outcome with everything that is told about it."""

    outcome: Outcome
    card: Card
    reasons: tuple[str, ...]  # each once, with the count of checks that give it
    reached: tuple[int, ...]
    rows: tuple[Row, ...]
    focus: Cell | None  # the cell that the decision rests on
    gains: dict[str, Gain]
    by_intent: dict[str, dict[str, Gain]]
    measure: str  # what `by_intent` and the examples are told in
    changed: tuple[Example, ...]  # every query that is, the most changed first
    windows: Windows
    directions: dict[str, str]  # intent, "" for all -> is stated confidence too high or too low?
    earlier: tuple[Earlier, ...]  # runs over this hero whose results are still here, the newest first
    to_decide: str  # how much more evidence, "" where none would help
    notes: tuple[str, ...]  # what of the data is unusual or does not meet, though it is judged
    measured: Measured | None
    seed: int
    edges: tuple[float, ...]

    @property
    def hero(self) -> str:
        """The hero's name."""
        return self.outcome.subject.name

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps of the policy's ladder, in percent of traffic."""
        return self.outcome.subject.policy.ladder.steps

    @property
    def example_metric(self) -> str:
        """The measure that the examples' differences are of."""
        return self.measure if self.measure == "sla_recall_at_50" else "ndcg_at_10"

    @property
    def deciding_measure(self) -> str:
        """The measure of the check that the decision rests on, else that of the examples."""
        known = check_of(self.deciding[0].check) if self.deciding else None
        return known.measure if known is not None and known.measure in self.gains else self.measure

    @property
    def intent(self) -> str:
        """The intent that the decision rests on; "" where it rests on all queries."""
        return slice_parts(self.focus.check)[1] if self.focus is not None else ""

    @property
    def lost_most(self) -> tuple[Example, ...]:
        """The queries that lost most, of the intent that the decision rests on."""
        return tuple(e for e in self.changed if e.difference < 0 and self.intent in ("", e.intent))

    @property
    def claim(self) -> Gain | None:
        """The measure that the hero's claim is about, on its intent; None where nothing is claimed or measured."""
        subject = self.outcome.subject
        gains = self.by_intent.get(subject.claim_intent, {}) if subject.claim_intent else self.gains
        return gains.get(CLAIMED.get(subject.claim_metric, subject.claim_metric)) if subject.claim else None

    def count(self, kind: Kind) -> str:
        """How many of a kind are shown to hold, of how many, and how many are not shown broken: "6/8 guards 2 ~"."""
        marks = [mark(c) for row in self.rows if row.kind is kind and not row.left_out for c in row.cells]
        fine, neutral = marks.count("+"), marks.count(NOT_SHOWN_BROKEN)
        return (
            f"{fine}/{len(marks)} {COUNTED[kind]}{f' {neutral} {NOT_SHOWN_BROKEN}' if neutral else ''}" if marks else ""
        )

    @property
    def deciding(self) -> tuple[Row, ...]:
        """The checks that the decision rests on; of a promotion the one that came closest to its limit."""
        told = told_cell(self.outcome)
        return tuple(row for row in self.rows if row.blocks or (told and row.check == told.check))


def tell(release: Release, untrusted: str = "") -> tuple[Story, ...]:
    """The stories of a release, worst first; `untrusted` says how it is signed, where nobody vouches for that."""
    return tuple(_tell(release, outcome, untrusted) for outcome in worst_first(release))


def title_words(stories: Sequence[Story]) -> str:
    """A release in one line: each hero's decision, and of a single one why."""
    told = [f"{story.outcome.told} {story.hero}" for story in stories]
    return f"{told[0]}: {stories[0].card.words}" if len(told) == 1 else ", ".join(told)


def ship_words(stories: Sequence[Story]) -> str:
    """Which heroes of a release may ship, and which may not; "" of a single one, whose decision says it."""
    may = ", ".join(story.hero for story in stories if story.card.deadline)
    may_not = ", ".join(story.hero for story in stories if not story.card.deadline)
    if len(stories) == 1:
        return ""
    if not may or not may_not:
        return "all may ship" if may else "none may ship"
    return f"{may} may ship; {may_not} may not"


def worst_first(release: Release) -> list[Outcome]:
    """The outcomes of a release in the order in which they are told."""
    return sorted(release.outcomes, key=lambda outcome: -SEVERITY.index(outcome.decision))


def _tell(release: Release, outcome: Outcome, untrusted: str) -> Story:
    subject, climbed = outcome.subject, outcome.climbed
    facts = climbed.constants
    edges, seed = (tuple(map(float, facts.bin_edges)), int(facts.seed)) if facts else ((), 0)
    folder = release.artifacts / subject.name
    agg = read_agg(folder) if climbed.fingerprint and (folder / "agg.parquet").exists() else None
    pairs = read_measured(agg, subject.name, subject.baseline_name) if agg is not None else None
    measured = pairs or None  # of none nothing is told
    focus = focus_of(outcome)
    measure = (check_of(focus.check) or Check).measure if focus is not None else "ndcg_at_10"
    gains: dict[str, Gain] = {}
    by_intent: dict[str, dict[str, Gain]] = {}
    changed: tuple[Example, ...] = ()
    windows: Windows = {}
    directions: dict[str, str] = {}
    if measured is not None and agg is not None:
        of_means = look_interval if subject.policy.mode == OFFLINE else mean_interval
        gains = compare(measured, edges=np.array(edges), seed=seed, of_means=of_means)
        by_intent = compare_intents(measured, edges=np.array(edges), seed=seed, of_means=of_means)
        if subject.policy.mode == OFFLINE:  # rankings are no places in files
            for found in (gains, *by_intent.values()):
                found.pop(FileCredit.measure, None)
        measure = measure if measure in gains else "ndcg_at_10"
        changed = find_examples(measured, subject, folder, release.run_folder / subject.name, measure)
        windows = windows_of(outcome, measured, agg, told_cell(outcome))
        directions = confidence_words(measured)
    return Story(
        outcome=outcome,
        card=card_of(release, outcome, gains, by_intent, untrusted),
        reasons=reasons_of(outcome),
        reached=tuple(step.percent for step in climbed.steps),
        rows=rows_of(outcome),
        focus=focus,
        gains=gains,
        by_intent=by_intent,
        measure=measure if gains else "ndcg_at_10",
        changed=changed,
        windows=windows,
        directions=directions,
        earlier=earlier_runs(release, outcome),
        to_decide=to_decide(outcome, focus)[0] if outcome.decision is Decision.HOLD else "",
        notes=tuple(_notes(outcome, measured)),
        measured=measured,
        seed=seed,
        edges=edges,
    )


def earlier_runs(release: Release, outcome: Outcome) -> tuple[Earlier, ...]:
    """Runs over this hero whose results were put away, the newest first; what cannot be read tells nothing."""
    found, now = [], outcome.climbed.lock_material.get("config", {})
    paths = sorted(release.artifacts.glob(f"history/*/{outcome.subject.name}/{ATTESTATION}"), reverse=True)
    for path in paths[:EARLIER]:
        with suppress(OSError, AttestationError):
            said = Attestation.read_file(path)
            then = said.lock_material.get("config", {})
            found.append(Earlier(said, tuple(changes(then, now)) if then and now else ()))
    return tuple(found)


def _notes(outcome: Outcome, measured: Measured | None) -> Iterator[str]:
    """What the facts say, what the stop rule lets pass but not in silence, and how the answers of each arm failed."""
    subject, facts = outcome.subject, outcome.climbed.constants
    yield from facts.notes if facts else ()
    if facts and facts.look:
        yield from (*facts.look.understood, *facts.look.margins, *facts.look.on_unjudged)
    yield from (c.note for c in outcome.cells if c.check == StopRule.key and c.verdict is Verdict.GREEN and c.note)
    if measured is not None:
        for name, codes in ((subject.name, measured.hero_error), (subject.baseline_name, measured.baseline_error)):
            if said := failures(codes.tolist()):
                yield f"{name}: {said}"


def effect_words(story: Story, gain: Gain) -> str:
    """What a difference amounts to: the guard's verdict where there is one, else what its interval shows."""
    row = next((r for r in story.rows if r.check == _GUARD_OF.get(gain.metric)), None)
    cell = row.last if row else None
    if row is None or cell is None:
        return gain.shown
    more = "+" if gain.metric == "p95_latency_ms" else ""  # its limit is beyond the baseline's
    limit = f"{more}{row.limit} {gain.name.unit}".rstrip()
    if is_enough(cell):
        return f"~ not shown above {limit}"
    return f"x shown above {limit}" if cell.verdict is Verdict.RED else f"{mark(cell)} limit {limit}"


def slice_words(story: Story) -> str:
    """What the questions on each intent amount to, what is broken first; "" where none is asked."""
    asked = [row for row in story.rows if row.kind is Kind.SLICE and not row.left_out]
    broken: dict[str, list[str]] = {}
    for question, intent in (slice_parts(row.check) for row in asked if row.last and row.last.verdict is Verdict.RED):
        broken.setdefault(question, []).append(intent)
    if broken:
        told = (f"{question} on {', '.join(intents)}" for question, intents in broken.items())
        return f"x shown broken: {'; '.join(told)}"
    unknown = [row for row in asked if row.last is None or not is_enough(row.last)]
    if unknown:
        return f"? {len(unknown)} of {len(asked)} questions by intent without an answer"
    return "~ no intent is shown broken" if asked else ""


def claim_words(story: Story) -> str:
    """What was measured of the claim: "nDCG@10 on error +8.1 [+6.9, +9.3] pt: gain shown"; "" where nothing was."""
    gain = story.claim
    if gain is None:
        return ""
    on, unit = f" on {gain.intent}" if gain.intent else "", f" {gain.name.unit}" if gain.name.unit else ""
    return f"{gain.name.short}{on} {gain.change}{unit}: {gain.better}"


def ladder_words(story: Story) -> str:
    """The climb in one line: what was reached, where it stopped, what was not tried."""
    if story.outcome.subject.policy.mode == OFFLINE:
        return f"one look at {story.outcome.climbed.pairs:,} judged queries"
    ended = story.outcome.climbed.ended
    stop = story.reached[-1] if story.reached and ended else None
    text, rolled_back = "", ended.startswith("rolled back")
    for i, step in enumerate(story.steps):
        if step not in story.reached:
            if rolled_back:
                break
            text += f" . {step}" if i else str(step)
            continue
        text += (" > " if i else "") + (f"[{step}]" if step == stop else str(step))
    return f"{text} %" + (" x" if rolled_back else "")


def worst_marks(story: Story) -> str:
    """One character a gate and step, for a list of heroes."""
    return " ".join("".join(mark(c) for c in row.cells) for row in story.rows if row.kind is Kind.GATE and row.cells)
