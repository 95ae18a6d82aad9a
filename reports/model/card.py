"""What is said of a hero everywhere: decision, reason, what serves now, what to do next, whose it is and until when?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from gates.checks.check import number_of, plain
from gates.checks.known_answers import KnownAnswers
from gates.checks.lock import Lock
from gates.checks.machine import NOT_EVIDENCED, SlowedBaseline
from gates.names import check_name, check_of, slice_parts
from gates.policy import Policy
from gates.release import Outcome, Release
from gates.verdicts import Cell, Decision, Kind, Verdict
from reports.escaping import typed
from reports.model.advice import to_decide
from reports.model.checks import reasons_of, rows_of, speaks
from reports.model.gains import Gain
from reports.model.headlines import headline_of
from reports.model.labels import metric_name

#: Where results and configs are looked for, whoever says nothing else.
_ARTIFACTS, _CONFIGS = "reports/out", "configs"
_PLAIN = re.compile(r"[\w@%+=:,./-]+")
_QUIET = "free this machine of other load: the same queries come in the same order"


class Command(StrEnum):
    """What can be done about a decision; each is a line for the checkout's folder."""

    PROMOTE = "promote"
    LONGER = "canary, longer"
    QUIET = "canary on a quiet machine"
    QUERIES = "canary with more queries"
    MEND = "canary of what was mended"
    LOCK = "lock and canary"
    CHANGE = "lock and canary of a changed configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextCommand:
    """The command to type next: what must be done before, the line as it is typed, what is to be known of it."""

    command: Command
    line: str
    before: str = ""
    remark: str = ""

    @property
    def words(self) -> str:
        """All of it in one line."""
        before = f"{self.before}, then: " if self.before else ""
        return f"{before}{self.line}{f' ({self.remark})' if self.remark else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What everybody must know of one hero. Terminal, page, summary, Allure, alerts and attestation say these words."""

    hero: str
    decision: Decision
    words: str  # what was shown
    numbers: str  # of the check that the decision rests on, in the unit of its row; "" where nothing was measured
    serves: str  # the name of what answers users now
    next: NextCommand
    owner: str
    deadline: str  # until when a promotion may be made, ISO 8601; "" for every other decision

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
        return f"{self.serves} serves{' until this is promoted' if self.decision is Decision.PROMOTE else ''}"


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
    subject, promoted = outcome.subject, outcome.decision is Decision.PROMOTE
    focus, reasons = focus_of(outcome), reasons_of(outcome)
    told = _closest(outcome) if promoted else focus
    words = headline_of(outcome, focus, reasons)
    until = datetime.fromisoformat(release.finished_at) + timedelta(days=subject.policy.promotion.valid_days)
    if told is not None:
        numbers = _numbers(told, outcome, gains or {}, by_intent or {})
    else:
        numbers = reasons[0].removeprefix(words).removeprefix(": ") if reasons and reasons[0] not in words else ""
    return Card(
        hero=subject.name,
        decision=outcome.decision,
        words=words,
        numbers=numbers,
        serves=subject.baseline_name,
        next=next_command(release, outcome, focus, untrusted),
        owner=subject.owner,
        deadline=until.isoformat(timespec="seconds") if promoted else "",
    )


def focus_of(outcome: Outcome) -> Cell | None:
    """The cell that the decision rests on: what ended the climb before all others."""
    rows = rows_of(outcome)
    blocking = [c for row in rows if row.blocks for c in row.cells if c is not None and speaks(c, outcome)]
    ended = [c for c in blocking if c.note and c.note in outcome.climbed.ended]
    return next(iter((*ended, *blocking)), None)


def _closest(outcome: Outcome) -> Cell | None:
    """Of a hero that passed, the gate at the top that came closest to its limit."""
    top = outcome.subject.policy.ladder.steps[-1]
    gates = [c for c in outcome.cells if c.kind is Kind.GATE and c.step == top and c.n and c.headroom]
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
    if gain is not None and metric_name(gain.metric).unit == name.unit and not name.source:
        measure = metric_name(gain.metric)
        parts.append(f"{measure.short} of {outcome.subject.baseline_name} {measure.show(gain.baseline)}{unit}")
    return ", ".join((*parts, f"n {cell.n:,}"))


def _limit(cell: Cell, policy: Policy) -> str:
    """The limit that the verdict is about: some checks have one to hold and another one to be broken."""
    asked = policy.check(cell.check)
    broken, by_letter = asked.check.broken_above(asked.limits), policy.mode == "letter" and cell.kind is Kind.GATE
    if cell.verdict is Verdict.RED and broken is not None and not by_letter:
        return f"broken above {plain(broken)}"
    return f"limit {check_name(cell.check, cell.unit, policy.mode).show(cell.limit)}"


def next_command(release: Release, outcome: Outcome, focus: Cell | None, untrusted: str = "") -> NextCommand:
    """The one command that its owner types next."""
    if outcome.decision is Decision.PROMOTE:
        approvals = outcome.subject.policy.promotion.approvals
        lacks = [f"refused while signed {untrusted}"] if untrusted else []
        lacks += [f"refused without approvals by {approvals}"] if approvals else []
        return NextCommand(
            command=Command.PROMOTE, line=_make("promote", release, outcome, artifacts=True), remark="; ".join(lacks)
        )
    climbed, canary = outcome.climbed, _make("canary", release, outcome, artifacts=True)
    if outcome.decision is Decision.ROLLBACK:
        return _change(release, outcome, "this fingerprint stays rolled back")
    if focus is not None and (NOT_EVIDENCED in focus.note or focus.check == SlowedBaseline.key):
        mend = outcome.subject.policy.check(focus.check).check.mend if focus.check == SlowedBaseline.key else _QUIET
        return NextCommand(command=Command.QUIET, before=mend, line=canary)
    if climbed.waiting:
        window = outcome.subject.policy.ladder.window
        more = f"give more queries: {climbed.unused_queries:,} fresh ones are left, a window needs {window:,}"
        return NextCommand(command=Command.QUERIES, before=more, line=canary)
    if focus is not None and focus.check == Lock.key:
        mend = outcome.subject.policy.check(focus.check).check.mend
        return NextCommand(command=Command.LOCK, before=mend, line=_locked(release, outcome))
    mend = _mend(outcome, focus)
    if mend:
        return NextCommand(command=Command.MEND, before=mend, line=canary)
    _, windows = to_decide(outcome, focus)
    change = _change(release, outcome)
    if not windows:
        return change
    longer = _make("canary", release, outcome, f"--max-windows={windows}", artifacts=True)
    remark = f"the same sequence, longer; or {change.before} and start anew"
    return NextCommand(command=Command.LONGER, line=longer, remark=remark)


def _mend(outcome: Outcome, focus: Cell | None) -> str:
    """What has to be mended before this hero can be judged; "" where the hero itself is what holds it."""
    if focus is None:
        if outcome.missing:
            reasons = reasons_of(outcome)
            mend = "mend what the errors above say: the same queries come in the same order"
            return (_way_out(reasons[0]) if len(reasons) == 1 else "") or mend
        return "mend what the reasons say"
    if focus.check == KnownAnswers.key and focus.verdict is not Verdict.RED:
        return _way_out(focus.note)
    if focus.kind is Kind.INSTRUMENT or (focus.kind is Kind.SANITY and focus.n):
        return outcome.subject.policy.check(focus.check).check.mend
    if not focus.n:
        leave_out = f"name {focus.check} with a reason under left_out of the pack's policy"
        return _way_out(focus.note) or f"give what is missing, or {leave_out}"
    return ""


def _way_out(message: str) -> str:
    """The end of a message of ours, after value, expectation and place; "" where it names none."""
    return message.rpartition("; ")[2] if "; " in message else ""


def _change(release: Release, outcome: Outcome, why: str = "") -> NextCommand:
    change = f"change {typed(outcome.subject.source)}"
    before = f"{why}: {change}" if why else change
    return NextCommand(command=Command.CHANGE, before=before, line=_locked(release, outcome))


def _locked(release: Release, outcome: Outcome) -> str:
    """Lock the hero as it is, then judge it; a policy that asks for no lock needs none."""
    canary = _make("canary", release, outcome, artifacts=True)
    if Lock.key in outcome.subject.policy.left_out:
        return canary
    return f"{_make('lock', release, outcome)} && {canary}"


def _make(target: str, release: Release, outcome: Outcome, *options: str, artifacts: bool = False) -> str:
    """A command of the Makefile with everything that is not its default."""
    subject = outcome.subject
    hero = subject.name if subject.name in subject.policy.heroes else typed(subject.source)
    words, asked = [f"make {target}", f"HERO={_quoted(hero)}"], list(options)
    if typed(release.configs) != _CONFIGS:
        words.append(f"CONFIGS={_quoted(typed(release.configs))}")
    if artifacts and typed(release.artifacts) != _ARTIFACTS:
        asked.append(f"--artifacts={typed(release.artifacts)}")
    if target == "canary" and release.mode == "letter":
        asked.append("--decision-mode=letter")
    if asked:
        words.append(f"ARGS={_quoted(*asked)}")
    return " ".join(words)


def _quoted(*texts: str | Path) -> str:
    """Texts as the value of one of make's variables, which a shell reads once when typed and once in the recipe."""
    value = " ".join(str(t) if _PLAIN.fullmatch(str(t)) else shlex.quote(str(t)) for t in texts).replace("$", "$$")
    return value if _PLAIN.fullmatch(value) else shlex.quote(value)
