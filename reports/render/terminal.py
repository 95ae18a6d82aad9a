"""What does the terminal end with? The decision, understood in ten seconds, at most 100 columns wide."""

import textwrap
from collections.abc import Sequence

from gates.checks.lock import Lock
from gates.offline import OFFLINE
from gates.release import Release
from gates.verdicts import NOT_ENFORCED, WARN, Cell, Decision, Kind, Verdict
from reports.attestation.statements import COMMAND, Seal
from reports.escaping import clean, cut, cut_path, typed
from reports.model.advice import NextCommand
from reports.model.card import NO_EVIDENCE
from reports.model.checks import Row
from reports.model.circumstances import machine_words, policy_words, wrong_words
from reports.model.examples import Example, Place
from reports.model.labels import evidence_words, headroom_words, mark, metric_name, short
from reports.model.story import (
    Story,
    claim_words,
    effect_words,
    ladder_words,
    ship_words,
    slice_words,
    worst_marks,
)

WIDTH = 100
_LABEL, _LIMIT, _INDENT = 24, 17, 12
_REASONS, _DIFFERENCES, _EXAMPLES, _BAD = 4, 3, 2, 3


def ending(release: Release, stories: tuple[Story, ...], seal: Seal) -> list[str]:
    """The lines of a release: one headline a hero where there are several, then the heroes that need reading."""
    lines = [f"mode {WARN}: {NOT_ENFORCED}"] if release.mode == WARN else []
    shown = stories
    if len(stories) > 1:
        for story in stories:
            lines += [_headline(story, ""), f"{'':10}gates {worst_marks(story)}"]
            lines += _next(story.card.next) if story.outcome.decision is Decision.PROMOTE else []
        lines += [f"{'':10}{ship_words(stories)}", ""]
        shown = tuple(s for s in stories if s.outcome.decision is not Decision.PROMOTE)
    for story in shown:
        lines += [*_block(release, story, seal), ""]
    if not shown:
        lines += _where(release, seal)
    whole = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return [cut(line, WIDTH).rstrip() for line in whole]


def _block(release: Release, story: Story, seal: Seal) -> list[str]:
    promoted = story.outcome.decision is Decision.PROMOTE
    return [
        _headline(story, f"    {release.seconds:.0f} s"),
        *_why(story),
        *_next(story.card.next),
        *_owner(story),
        "",
        *_identity(release, story),
        *_told("data", story.notes),
        *_table(story),
        "",
        *(_gains(story) if promoted else []),
        *_by_intent(story),
        *([] if promoted else _lost(story)),
        *_ending(release, story, seal),
    ]


def _headline(story: Story, seconds: str) -> str:
    hero, decision = story.hero, story.outcome.decision
    if decision is Decision.ROLLBACK and story.reached:
        hero += f" at {story.outcome.climbed.rolled_back_at_step or story.reached[-1]} %"
    start, serving = f"{decision}  {hero}    ", f"    {story.card.serving}"
    room = WIDTH - len(start) - len(serving)
    if len(story.card.words) + len(seconds) <= room:
        serving, room = serving + seconds, room - len(seconds)
    return f"{start}{cut(story.card.words, max(24, room))}{serving}"


def _headed(head: str, lines: Sequence[str]) -> list[str]:
    """Lines after a head."""
    return [f"  {head if i == 0 else '':9} {line}" for i, line in enumerate(lines)]


def _told(head: str, told: Sequence[str]) -> list[str]:
    """Sentences after a head, each from a line of its own and in as many as it needs."""
    wrapped = (textwrap.wrap(clean(words), WIDTH - _INDENT, break_on_hyphens=False) for words in told)
    return _headed(head, [line for lines in wrapped for line in lines])


def _packed(head: str, told: Sequence[str]) -> list[str]:
    """What is told after a head, as much a line as there is room for; nothing without anything to tell."""
    lines: list[str] = []
    for words in told:
        if lines and _INDENT + len(lines[-1]) + 3 + len(words) <= WIDTH:
            lines[-1] += f"   {words}"
        else:
            lines.append(words)
    return _headed(head, lines)


def _identity(release: Release, story: Story) -> list[str]:
    subject, climbed, decision = story.outcome.subject, story.outcome.climbed, story.outcome.decision
    width, source = max(len(subject.name), len(subject.baseline_name)), cut_path(typed(subject.source), 40)
    baseline = f"{subject.baseline_name:{width}} {subject.baseline_config_hash}"
    lines = [
        *_headed("hero", [f"{subject.name:{width}} {subject.config_hash}   {source}   {subject.owner}"]),
        *_packed("baseline", [f"{baseline}   commit {release.commits}", f"mode {release.mode}", *_before(story)]),
    ]
    lines += _told("on top of", subject.baseline_stack)
    if words := policy_words(subject.policy):
        lines += _told("policy", [words])
    if not story.reached:
        return lines
    counts = filter(None, map(story.count, (Kind.GATE, Kind.GUARD, Kind.SLICE)))
    if release.mode == OFFLINE:
        return [*lines, *_packed("looked", [ladder_words(story), *counts])]
    lines += _packed("ladder", [ladder_words(story), *counts, f"{climbed.pairs:,} fresh pairs"])
    if climbed.ended and decision is Decision.HOLD:
        lines += _headed("", [climbed.ended])
    if decision is Decision.ROLLBACK:
        lines += _headed("", ["replay: no user was exposed"])
    return [*lines, *_packed("machine", machine_words(story.outcome))]


def _before(story: Story) -> list[str]:
    """What was looked at before the climb: "lock ok   sanity 7/7", with the failing ones named."""
    marks = {row.check: (row.kind, mark(row.cells[0])) for row in story.rows if row.cells}
    told = []
    if Lock.key in marks:
        sign = marks[Lock.key][1]
        told.append(f"lock {'ok' if sign == '+' else sign}")
    if counted := story.count(Kind.SANITY):
        bad = [f"{check} {sign}" for check, (kind, sign) in marks.items() if kind is Kind.SANITY and sign != "+"]
        shown = ", ".join(bad[:_BAD]) + (" ..." if len(bad) > _BAD else "")
        told.append(f"sanity {counted.partition(' ')[0]}{': ' if bad else ''}{shown}")
    return ["   ".join(told)] if told else []


def _table(story: Story) -> list[str]:
    """Gates at each step; guards, slices and instruments only where they need reading."""
    if not story.outcome.cells:
        return []
    promoted = story.outcome.decision is Decision.PROMOTE
    column = 8 if len(story.steps) <= 4 else 6
    lines = ["", _start("gate", "limit") + "".join(f"{f'{step} %':>{column}}" for step in story.steps)]
    lines[-1] += "    bound  headroom" if promoted else ""
    for row in story.rows:
        if row.left_out:
            lines.append(_start(row.name.head, f"left out: {row.left_out}"))
            continue
        cells = [short(row.told(cell)) for cell in row.cells]
        if row.kind is not Kind.GATE:
            if not row.blocks or row.cells[0] is None:
                continue  # what has no result is counted below
            if row.kind is Kind.SLICE and story.focus is not None and story.focus.kind is not Kind.SLICE:
                continue  # it only says again, of one intent, what the decision rests on
            cells.insert(0, "before" if row.kind is Kind.SANITY else "in all")
        start = _start(row.name.head, f"{short(row.limit)} {row.name.source}".rstrip())
        remark = _bound(row) if promoted else f"  <- {row.blocks}" if row.blocks else ""
        lines.append(f"{start}{''.join(f'{cell:>{column}}' for cell in cells)}{remark}")
    return lines


def _start(heading: str, limit: str) -> str:
    """The first two columns; a long heading takes what the limit does not need."""
    return f"  {f'{cut(heading, 36):{_LABEL - 2}}  {limit}':{_LABEL + _LIMIT}}"


def _bound(row: Row) -> str:
    cell = row.last
    if cell is None:
        return ""
    headroom = "vacuous" if cell.note.startswith("vacuous") else headroom_words(cell.headroom)
    return f"{short(row.name.bound(cell.ci_lower, cell.ci_upper)):>9}{headroom:>10}"


def _why(story: Story) -> list[str]:
    """What the decision rests on: a cell's numbers, else the reasons, in as many lines as they need."""
    outcome = story.outcome
    if outcome.decision is Decision.PROMOTE:
        return _told("why", [story.card.numbers]) if story.card.numbers else []
    if story.focus is not None:
        told = [story.card.numbers, *_evidence(story.focus)]
    else:
        told = [reason.removeprefix(f"{story.card.words}: ") for reason in story.reasons[:_REASONS]]
        if len(story.reasons) > _REASONS:
            told.append(f"and {len(story.reasons) - _REASONS} more reasons")
    if outcome.missing and NO_EVIDENCE not in "".join(story.reasons[:1]):
        told.append(f"no result from {len(outcome.missing)} of {len(outcome.planned)}: {outcome.missing[0]} ...")
    return _told("why", told)


def _evidence(cell: Cell) -> list[str]:
    """How strong the evidence is in the cell that the decision rests on, in at most two lines."""
    if not cell.n:
        return []
    red = cell.verdict is Verdict.RED
    found = []
    for e, needed, sign, of in (
        (cell.e_red, cell.e_red_needed, "e-red", ">=" if red and "e-process" in cell.note else "of"),
        ("" if red else cell.e_green, cell.e_green_needed, "e-green", "of"),
    ):
        if e:
            found.append(f"{sign} {evidence_words(e)} {of} {evidence_words(needed)} needed")
    together = "    ".join([*found, cell.note]).rstrip()
    return [together] if len(together) <= WIDTH - _INDENT else ["    ".join(found), cell.note]


def _gains(story: Story) -> list[str]:
    if not story.gains:
        return []
    lines = [f"  {'what you get':{_LABEL}}{'baseline':>10}{'hero':>10}   difference (95 %)"]
    for gain in story.gains.values():
        baseline, hero, difference = map(short, gain.told)
        difference = f"{difference:<7}{short(gain.range)}"
        numbers = f"{gain.name.heading:{_LABEL}}{baseline:>10}{hero:>10}   {difference:<26}"
        lines.append(f"  {numbers}{short(effect_words(story, gain))}")
    if story.claim is not None:
        lines.append(f"  claim: {cut(story.outcome.subject.claim, 40)}   {claim_words(story)}")
    return lines


def _by_intent(story: Story) -> list[str]:
    """The measure in question by intent, worst first, and whether an intent is shown broken."""
    gains = [found[story.measure] for found in story.by_intent.values() if story.measure in found]
    gains.sort(key=lambda g: g.difference.value, reverse=bool(gains) and gains[0].is_cost)
    told = [f"{cut(gain.intent, 16)} {gain.change}" for gain in gains if len(gains) > 1]
    if told:
        told[0] = f"{metric_name(story.measure).heading}: {told[0]}"
    words = slice_words(story) if story.reached else ""
    return _packed("by intent", [*told, words] if words else told)


def _lost(story: Story) -> list[str]:
    """In which keys the configuration is not the baseline's, what was lost most, and all other measures."""
    differs = story.outcome.subject.differs
    told = [f"{one.key} {cut(one.baseline, 14)} > {cut(one.hero, 14)}" for one in differs[:_DIFFERENCES]]
    if len(differs) > _DIFFERENCES:
        told.append(f"and {len(differs) - _DIFFERENCES} more")
    shown = [_example(example) for example in story.lost_most[:_EXAMPLES]]
    others = [gain for metric, gain in story.gains.items() if metric != story.measure]
    otherwise = [f"{g.name.short} {short(g.told[-1])} {g.name.unit}".rstrip() for g in others]
    lost_most = ["  lost most", *shown] if shown else []
    return [*_packed("differs", told), *lost_most, *_packed("otherwise", otherwise)]


def _example(example: Example) -> str:
    text, baseline, hero = f'"{cut(example.text, 26)}"', example.baseline, example.hero
    if baseline.rank and hero.rank and baseline.where == hero.where and not (baseline.trouble or hero.trouble):
        place = cut_path(hero.where, 33)
        return f"    {text:28}  baseline rank {baseline.rank:<3} hero rank {hero.rank:<3} {place}"
    return f"    {text:28}  baseline {_answer(baseline):25}  hero {_answer(hero)}"


def _answer(place: Place) -> str:
    """What an arm answered, in at most 25 columns: its first right answer, else what it put first."""
    if place.trouble:
        return cut(place.words(), 25)
    if place.rank:
        return f"rank {place.rank} {cut_path(place.where, 19 - len(str(place.rank)))}"
    return f"none, first {cut_path(place.first, 13)}" if place.first else "nothing"


def _ending(release: Release, story: Story, seal: Seal) -> list[str]:
    promoted, wrong = story.outcome.decision is Decision.PROMOTE, short(wrong_words(story.outcome.subject))
    lines = ["", f"  how often wrong: {wrong} (simulated)"] if wrong else [""]
    if story.outcome.subject.policy.mode == "letter":  # of which it is said in any case
        lines = ["", f"  mode letter: point thresholds; {wrong or 'its error rates were not simulated'}"]
    if story.to_decide:
        lines += _headed("to decide", [story.to_decide])
    return [*lines, *_where(release, seal, "" if promoted else f"#{story.hero}")]


def _owner(story: Story) -> list[str]:
    """Whose it is, and until when."""
    until = f"   promote until {story.card.deadline[:10]}   soak: not evidenced (replay)" if story.card.deadline else ""
    return _headed("owner", [f"{cut(story.card.owner, 40)}{until}"])


def _next(said: NextCommand) -> list[str]:
    """What to do next; the command has lines of its own, and a shell reads them as one."""
    command = textwrap.wrap(clean(said.line), WIDTH - _INDENT - 2, break_long_words=False, break_on_hyphens=False)
    command = [*(f"{line} \\" for line in command[:-1]), *command[-1:]]
    before = textwrap.wrap(clean(f"{said.before}, then:"), WIDTH - _INDENT) if said.before else []
    remark = textwrap.wrap(clean(f"({said.remark})"), WIDTH - _INDENT) if said.remark else []
    return _headed("next", [*before, *command, *remark])


def _where(release: Release, seal: Seal, anchor: str = "") -> list[str]:
    """Who signed, what to read, and how to check it; on one line where both have room."""
    read, check = f"{typed(release.artifacts / 'index.html')}{anchor}", f"{COMMAND} {typed(release.artifacts)}"
    together, signed = f"{read}      check  {check}", _headed("signed", [seal.words])
    if _INDENT + len(together) <= WIDTH:
        return [*signed, *_headed("read", [together])]
    return [*signed, *_headed("read", [read]), *_headed("check", [check])]
