"""What is to be done next about a decision, and how much more evidence might it take to decide?"""

import math
from dataclasses import dataclass, replace
from datetime import datetime

from gates.checks.check import number_of
from gates.checks.known_answers import KnownAnswers
from gates.checks.lock import Lock
from gates.checks.machine import NOT_EVIDENCED, SlowedBaseline
from gates.checks.traffic_share import TrafficShare
from gates.names import check_name
from gates.offline import OFFLINE
from gates.place import HERE
from gates.release import Outcome, Release
from gates.verdicts import NOT_ENFORCED, WARN, Cell, Decision, Kind, Verdict
from reports.escaping import typed
from reports.model.checks import reasons_of

#: Where results are looked for, whoever says nothing else.
_ARTIFACTS = "reports/out"
_QUIET = "free this machine of other load: the same queries come in the same order"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextCommand:
    """The command to type next: what must be done before, the line as it is typed, what is to be known of it."""

    line: str
    before: str = ""
    remark: str = ""

    @property
    def words(self) -> str:
        """All of it in one line."""
        before = f"{self.before}, then: " if self.before else ""
        return f"{before}{self.line}{f' ({self.remark})' if self.remark else ''}"


def next_command(release: Release, outcome: Outcome, focus: Cell | None, untrusted: str = "") -> NextCommand:
    """The one command that its owner types next."""
    if release.mode == OFFLINE and (focus is None or focus.kind is not Kind.INSTRUMENT):
        return _after_one_look(release, outcome, focus, untrusted)
    subject, climbed = outcome.subject, outcome.climbed
    policy = subject.policy
    if outcome.decision is Decision.PROMOTE and release.mode == WARN:
        by_evidence = replace(release, mode="evidence"), outcome, "--decision-mode=evidence"
        line = " && ".join(_make(target, *by_evidence) for target in ("lock", "canary"))
        return NextCommand(line=line, remark=HERE.typed(f"{NOT_ENFORCED}: make promote refuses this one"))
    if outcome.decision is Decision.PROMOTE:
        return _promote(release, outcome, untrusted)
    canary, lock = _make("canary", release, outcome), _make("lock", release, outcome)
    locked = (
        canary if Lock.key in policy.left_out else f"{lock} && {canary}"
    )  # a policy that asks for no lock needs none
    change = f"change {typed(outcome.subject.source)}"
    if outcome.decision is Decision.ROLLBACK:
        before = f"this fingerprint stays rolled back: {change}"
        return NextCommand(before=before, line=locked)
    if focus is not None and (NOT_EVIDENCED in focus.note or focus.check == SlowedBaseline.key):
        mend = SlowedBaseline.mend if focus.check == SlowedBaseline.key else _QUIET
        return NextCommand(before=mend, line=canary)
    if climbed.waiting:
        more = f"{climbed.unused_queries:,} fresh ones are left, a window needs {policy.ladder.window:,}"
        return NextCommand(before=f"give more queries: {more}", line=canary)
    if focus is not None and focus.check == Lock.key:
        return NextCommand(before=Lock.mend, line=locked)
    if focus is not None and focus.check == TrafficShare.key and release.exposure != "live":
        return NextCommand(before=TrafficShare.replayed, line=locked)
    if focus is None and not outcome.missing and not policy.promotes and len(outcome.reasons) == 1:
        say = f"say promotes: true in {typed(release.configs / 'policy.yaml')}, or name other CONFIGS"
        return NextCommand(before=f"nothing is left to show, but this policy never promotes: {say}", line=locked)
    mend = _mend(outcome, focus)
    if mend:
        return NextCommand(before=mend, line=canary)
    _, windows = to_decide(outcome, focus)
    if not windows:
        return NextCommand(before=change, line=locked)
    longer = _make("canary", release, outcome, f"--max-windows={windows}")
    remark = f"the same sequence, longer; or {change} and start anew"
    return NextCommand(line=longer, remark=remark)


def _promote(release: Release, outcome: Outcome, untrusted: str) -> NextCommand:
    """What makes it the baseline, and why it would refuse to."""
    subject, at = outcome.subject, datetime.fromisoformat(release.finished_at)
    asked, same = subject.policy.promotion, subject.config_hash == subject.baseline_config_hash
    frozen = next((window for window in asked.freeze if window.begins <= at < window.ends), None)
    lacks = ["refused: nothing to promote, its configuration is the baseline's"] if same else []
    lacks += [f"refused while signed {untrusted}"] if untrusted else []
    lacks += [f"refused without approvals by {asked.approvals}"] if asked.approvals else []
    lacks += [f"refused until {frozen.ends:%Y-%m-%d %H:%M} UTC: freeze, {frozen.why}"] if frozen else []
    return NextCommand(line=_make("promote", release, outcome), remark="; ".join(lacks))


def _after_one_look(release: Release, outcome: Outcome, focus: Cell | None, untrusted: str) -> NextCommand:
    """In mode offline: what is in no pack is asked for again as it was, by its own command."""
    subject, facts = outcome.subject, outcome.climbed.constants
    policy = typed(release.configs / "policy.yaml")
    again = subject.command or f"{_make('lock', release, outcome)} && {_make('canary', release, outcome)}"
    if outcome.decision is Decision.PROMOTE and outcome.final:
        return _promote(release, outcome, untrusted)
    if outcome.decision is Decision.PROMOTE and subject.command:
        return NextCommand(before="it promotes nothing by itself: write configs for both runs", line=subject.packs)
    if outcome.decision is Decision.PROMOTE and outcome.after_looking:
        return NextCommand(before="what is asked was chosen after looking: judge fresh queries", line=again)
    if outcome.decision is Decision.PROMOTE:
        opens = f"it opens the first step of a canary; to promote by it alone, say offline.final: true in {policy}"
        return NextCommand(before=opens, line=again)
    if facts is not None and facts.look is not None and facts.look.hangs:
        listed = typed(release.artifacts / subject.name / "judge-first.csv")
        return NextCommand(before=f"judge the hits of {listed}", line=again)
    if outcome.climbed.unused_queries:
        return NextCommand(before="ask fewer judged queries, or climb a canary", line=again)
    if outcome.decision is Decision.HOLD and focus is not None and "such queries would meet" in focus.note:
        return NextCommand(before=f"judge more queries: {focus.note.partition(';')[0]}", line=again)
    return NextCommand(before=f"change {typed(subject.source)}", line=again)


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


def _make(target: str, release: Release, outcome: Outcome, *options: str) -> str:
    """A command about a hero with everything that is not its default."""
    subject = outcome.subject
    hero = subject.name if subject.name in subject.policy.heroes else typed(subject.source)
    asked = list(options)
    if target != "lock" and typed(release.artifacts) != _ARTIFACTS:
        asked.append(f"--artifacts={typed(release.artifacts)}")
    if target != "promote" and release.mode not in ("evidence", OFFLINE):
        asked.append(f"--decision-mode={release.mode}")
    return HERE.made(target, *asked, hero=str(hero), configs=typed(release.configs))


def to_decide(outcome: Outcome, focus: Cell | None) -> tuple[str, int]:
    """How many more pairs may decide, in words, and which --max-windows asks for them; ("", 0) if unknown.

    It speaks over all checks that were open where the climb ended: the slowest of them decides. A bet's evidence grows
    by about the same factor with every pair; an interval shrinks with the root of the pairs. No windows are named where
    the queries end before, and nothing by the letter: a point does not come closer.
    """
    policy, climbed = outcome.subject.policy, outcome.climbed
    open_ = _open(outcome, focus) if focus is not None and policy.mode != "letter" else []
    if not open_:
        return "", 0
    slowest = max(open_, key=_pairs_missing)
    more, name = _pairs_missing(slowest), check_name(slowest.check, slowest.unit)
    others = f" of {len(open_)} open" if len(open_) > 1 else ""
    if not math.isfinite(more):
        measured = f"{name.show(slowest.observed)} measured, limit {name.show(slowest.limit)}"
        return f"unknown: evidence that {name.label}{others} holds has not grown so far; {measured}", 0
    window, steps = policy.ladder.window, len(policy.ladder.steps)
    windows = max(1, math.ceil(more / window))
    more = max(window, round(more, -2))
    unused, speed = climbed.unused_queries, number_of(climbed.pairs_per_second)
    seconds = f", {more / speed:.0f} s" if speed > 0 else ""
    about = "at most about" if slowest.n > slowest.windows * window else "about"
    which = f" ({name.label}, the slowest{others})" if others else ""
    words = f"{about} {more:,.0f} more pairs{seconds}{which}; {unused:,} unused queries are left"
    if more > unused:
        return f"{words}: too few to decide this hero", 0
    # a step may use as many as it needs, and all steps together so many times their number
    in_this_step = climbed.steps[-1].windows if climbed.steps else 0
    in_all = math.ceil((climbed.windows + windows) / steps)
    return words, max(policy.ladder.max_windows, in_this_step + windows, in_all)


def _open(outcome: Outcome, focus: Cell) -> list[Cell]:
    """What was asked where the climb ended and must be shown to hold, but is not; none where that is not the cause."""
    if focus.verdict is not Verdict.INCONCLUSIVE or not focus.n or focus.kind is Kind.SANITY:
        return []
    top = outcome.subject.policy.ladder.steps[-1]
    last = focus.step in (0, top)  # guards must be shown at the top alone
    cells = [focus if c.key == focus.key else c for c in outcome.cells]
    at = focus.step or top
    asked = [c for c in cells if c.step == at or (last and c.kind in (Kind.GUARD, Kind.INSTRUMENT))]
    return [c for c in asked if c.verdict is Verdict.INCONCLUSIVE and c.required == "green" and c.n and c.e_red_needed]


def _pairs_missing(cell: Cell) -> float:
    """How many more pairs this check may need until it is shown to hold; infinite where it does not get there.

    Recall at the last step must be shown over the step and over the canary. The cell does not say which of the two is
    behind; over the canary's pairs the result is the most that either can need.
    """
    e, needed = number_of(cell.e_green), number_of(cell.e_green_needed)
    if math.isfinite(e) and math.isfinite(needed):
        if e <= 1.05:  # no growth so far: nothing to go by
            return math.inf
        return max(0.0, cell.n * (math.log(needed) / math.log(e) - 1))
    observed, limit, upper = number_of(cell.observed), number_of(cell.limit), number_of(cell.ci_upper)
    if not observed < limit or not math.isfinite(upper):
        return math.inf
    return max(0.0, cell.n * (((upper - observed) / (limit - observed)) ** 2 - 1))
