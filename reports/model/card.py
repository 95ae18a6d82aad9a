"""What is said of a hero everywhere: decision, reason, what serves now, what to do next, whose it is and until when?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gates.checks.check import number_of
from gates.checks.question import NOTHING_FIXED
from gates.names import check_name, check_of, slice_parts
from gates.offline import OFFLINE
from gates.policy import Policy
from gates.release import Outcome, Release
from gates.rule.climbed import HANGS
from gates.verdicts import Cell, Decision, Kind, Verdict
from reports.model.advice import NextCommand, next_command
from reports.model.checks import reasons_of, rows_of, speaks
from reports.model.gains import Gain

#: Between a check's outcome and the error that it ended in, as gates.rule.decide words it.
NO_EVIDENCE = ", no evidence: "
ROOM = 64  # of a headline, beside the hero and what serves


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What everybody must know of one hero. Terminal, page, summary, Allure, alerts and attestation say these words."""

    words: str  # what was shown
    numbers: str  # of the check that the decision rests on, in the unit of its row; "" where nothing was measured
    serves: str  # the name of what answers users now
    next: NextCommand
    owner: str
    deadline: str  # until when a promotion may be made, ISO 8601; "" where none may be

    @property
    def reason(self) -> str:
        """Words and numbers in one sentence."""
        return f"{self.words}: {self.numbers}" if self.numbers else self.words

    @property
    def owned(self) -> str:
        """Whose it is, and until when."""
        return f"{self.owner}{f', until {self.deadline[:10]}' if self.deadline else ''}"

    @property
    def lines(self) -> tuple[str, ...]:
        """The card as lines of text: reason, what serves, what to do, whose it is."""
        return (self.reason, self.serving, f"next: {self.next.words}", f"owner: {self.owned}")

    @property
    def serving(self) -> str:
        """What serves now, and until when where that may change."""
        return f"{self.serves} serves{' until this is promoted' if self.deadline else ''}"


def card_of(
    release: Release,
    outcome: Outcome,
    gains: Mapping[str, Gain] | None = None,
    by_intent: Mapping[str, Mapping[str, Gain]] | None = None,
    untrusted: str = "",
) -> Card:
    """The card of an outcome; the baseline's values are those of the pairs, where they were measured.

    `untrusted` says how the run is signed, where nobody vouches for that.
    """
    subject = outcome.subject
    focus, reasons = focus_of(outcome), reasons_of(outcome)
    told = told_cell(outcome)
    words = headline_of(outcome, focus, reasons)
    until = datetime.fromisoformat(release.finished_at) + timedelta(days=subject.policy.promotion.valid_days)
    if told is not None:
        numbers = _numbers(told, outcome, gains or {}, by_intent or {})
    else:
        numbers = reasons[0].removeprefix(words).removeprefix(": ") if reasons and reasons[0] not in words else ""
    return Card(
        words=words,
        numbers=numbers,
        serves=subject.baseline_name,
        next=next_command(release, outcome, focus, untrusted),
        owner=subject.owner,
        deadline=until.isoformat(timespec="seconds") if outcome.final else "",
    )


def focus_of(outcome: Outcome) -> Cell | None:
    """The cell that the decision rests on: what ended the climb before all others."""
    rows = rows_of(outcome)
    blocking = [c for row in rows if row.blocks for c in row.cells if c is not None and speaks(c, outcome)]
    ended = [c for c in blocking if c.note and c.note in outcome.climbed.ended]
    return next(iter((*ended, *blocking)), None)


def told_cell(outcome: Outcome) -> Cell | None:
    """The cell whose numbers are told first: of a hero that passed, the gate at the top closest to its limit."""
    if outcome.decision is not Decision.PROMOTE:
        return focus_of(outcome)
    policy = outcome.subject.policy
    top, looked = policy.ladder.steps[-1], policy.losses if policy.mode == OFFLINE else ()
    deciding = (c for c in outcome.cells if (c.kind is Kind.GATE and c.step == top) or c.check in looked)
    gates = [c for c in deciding if c.n and c.headroom]
    return min(gates, key=lambda cell: number_of(cell.headroom), default=None)


def _numbers(
    cell: Cell, outcome: Outcome, gains: Mapping[str, Gain], by_intent: Mapping[str, Mapping[str, Gain]]
) -> str:
    """What was measured in a cell, its limit, what the baseline has, and of how many pairs."""
    policy, name = outcome.subject.policy, check_name(cell.check, cell.unit, outcome.subject.policy.mode)
    where = f" at {cell.step} %" if cell.step else ""
    if not cell.n:
        return f"{name.named}{where}: nothing was measured{f'; {cell.note}' if cell.note else ''}"
    unit = f" {name.unit}" if name.unit else ""
    observed = f"{name.named} {name.show(cell.observed)}{unit} {name.range(cell.ci_lower, cell.ci_upper)}".rstrip()
    parts = [f"{observed}{where}", f"{_limit(cell, policy)}{unit}"]
    known, (_, intent) = check_of(cell.check), slice_parts(cell.check)
    of_both = by_intent.get(intent, {}) if intent else gains
    gain = of_both.get(known.measure) if known else None
    if gain is not None and gain.name.unit == name.unit and not name.source:
        parts.append(f"{gain.name.short} of {outcome.subject.baseline_name} {gain.told[0]}{unit}")
    return ", ".join((*parts, f"n {cell.n:,}"))


def _limit(cell: Cell, policy: Policy) -> str:
    """The limit that the verdict is about: some checks have one to hold and another one to be broken."""
    asked = policy.check(cell.check)
    broken, by_letter = asked.check.broken_above(asked.limits), policy.mode == "letter" and cell.kind is Kind.GATE
    if cell.verdict is Verdict.RED and broken is not None and not by_letter and policy.mode != OFFLINE:
        return f"broken above {broken:.4g}"
    return f"limit {check_name(cell.check, cell.unit, policy.mode).show(cell.limit)}"


def headline_of(outcome: Outcome, focus: Cell | None, reasons: tuple[str, ...]) -> str:
    """What was shown. `focus` is the cell that the decision rests on, `reasons` are told when it says nothing."""
    policy = outcome.subject.policy
    if outcome.decision is Decision.PROMOTE and policy.mode == OFFLINE:
        return "no more than the margin is shown to be lost" + (", not final" if outcome.after_looking else "")
    if outcome.decision is Decision.PROMOTE:
        return "every gate within its point threshold" if policy.mode == "letter" else "every gate shown to hold"
    if focus is not None and focus.verdict is Verdict.RED:
        return _broken(focus.check, policy)
    if outcome.decision is Decision.ROLLBACK:
        return outcome.reasons[0] if outcome.reasons else "shown to be broken"
    if not outcome.cells:
        checks, error, said = (reasons or ("",))[0].partition(NO_EVIDENCE)
        cause = re.split("; |, but ", re.sub(r"^/\S*/", "", said))[0]  # what is wrong, in which file
        if len(reasons) == 1 and " " in cause and len(cause) <= ROOM:
            return cause
        return f"{checks}{error}".removesuffix(": ") if error else ": ".join(("no evidence", *reasons[:1]))
    if outcome.missing:
        return f"{len(outcome.missing)} of {len(outcome.planned)} checks gave no result"
    if outcome.climbed.waiting:
        return "traffic is missing, nothing was shown broken"
    if focus is None:
        return outcome.reasons[0] if outcome.reasons else "not enough shown to hold"
    return _open(focus, policy)


def _broken(check: str, policy: Policy) -> str:
    """What a RED of this check shows."""
    _, asked, limits, intent, _ = policy.check(check)
    if policy.mode == "letter" and asked.kind is Kind.GATE:
        point = asked.point(limits, policy.letter, NOTHING_FIXED)
        if point is not None:
            return f"{point.broken} in {policy.letter.red_windows} windows in a row"
    if asked.kind in (Kind.SANITY, Kind.INSTRUMENT):
        return asked.broken(limits)
    return f"{asked.broken(limits)} shown{f' on intent {intent.name}' if intent.name else ''}"


def _open(cell: Cell, policy: Policy) -> str:
    """What a check that is neither shown broken nor shown to hold means."""
    if policy.mode == OFFLINE and cell.n and cell.kind is not Kind.SANITY:
        return "it hangs on hits that nobody judged" if HANGS in cell.note else "too few queries to show it"
    words = policy.check(cell.check).check.open_words
    if words:
        return words
    if cell.kind is Kind.SANITY:
        return f"the sanity battery is not evidenced: {cell.check}"
    if policy.mode == "letter" and cell.kind is Kind.GATE:
        return f"over a point threshold, but not in {policy.letter.red_windows} windows in a row"
    return "nothing shown broken, not enough shown to hold"
