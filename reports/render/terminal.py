"""What does the terminal end with? The decision, understood in ten seconds, at most 100 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from gates.release import Release, Subject
from gates.verdicts import Cell, Decision, Kind, Verdict
from reports.attestation.seal import COMMAND, Seal
from reports.escaping import clean, cut, cut_path, typed
from reports.model.advice import NextCommand
from reports.model.card import NO_EVIDENCE
from reports.model.checks import Row
from reports.model.circumstances import machine_words, wrong_words
from reports.model.examples import Example, Place
from reports.model.labels import evidence_words, headroom_words, mark, metric_name, short
from reports.model.story import Story, claim_words, effect_words, ladder_words, slice_words, worst_marks

WIDTH = 100
_LABEL, _LIMIT, _INDENT = 24, 17, 12
_REASONS, _DIFFERENCES, _EXAMPLES, _BAD = 4, 3, 2, 3


def ending(release: Release, stories: tuple[Story, ...], seal: Seal) -> list[str]:
    """The lines of a release: one headline a hero where there are several, then the heroes that need reading."""
    lines: list[str] = []
    shown = stories
    if len(stories) > 1:
        for story in stories:
            lines += [_headline(story, ""), f"{'':10}gates {worst_marks(story)}"]
        lines.append("")
        shown = tuple(s for s in stories if s.outcome.decision is not Decision.PROMOTE)
    for story in shown:
        lines += [*_block(release, story, seal), ""]
    if not shown:
        lines += _where(release, seal)
    return [cut(line, WIDTH).rstrip() for line in lines]


def _block(release: Release, story: Story, seal: Seal) -> list[str]:
    promoted = story.outcome.decision is Decision.PROMOTE
    parts = [
        [_headline(story, f"    {release.seconds:.0f} s")],
        _identity(release, story),
        _told("data", story.notes),
        _table(story),
        _why(story),
        _gains(story) if promoted else [],
        _by_intent(story),
        *([] if promoted else [_differs(story), _lost_most(story), _otherwise(story)]),
        _ending(release, story, seal),
    ]
    return [line for part in parts for line in part]


def _headline(story: Story, seconds: str) -> str:
    hero, decision = story.hero, story.outcome.decision
    if decision is Decision.ROLLBACK and story.reached:
        hero += f" at {story.outcome.climbed.rolled_back_at_step or story.reached[-1]} %"
    start, serving = f"{decision}  {hero}    ", f"    {story.card.serving}"
    room = WIDTH - len(start) - len(serving)
    if len(story.card.words) + len(seconds) <= room:
        serving, room = serving + seconds, room - len(seconds)
    return f"{start}{cut(story.card.words, max(24, room))}{serving}"


def _identity(release: Release, story: Story) -> list[str]:
    subject, climbed = story.outcome.subject, story.outcome.climbed
    width, source = max(len(subject.name), len(subject.baseline_name)), cut_path(typed(subject.source), 40)
    lines = [
        f"  hero      {subject.name:{width}} {subject.config_hash}   {source}   {subject.owner}",
        f"  baseline  {subject.baseline_name:{width}} {subject.baseline_config_hash}   commit {release.commit}"
        f"   mode {release.mode}",
    ]
    before = _before(story)
    if before and len(lines[-1]) + 3 + len(before) <= WIDTH:
        lines[-1] += f"   {before}"
    elif before:
        lines.append(f"            {before}")
    if story.reached:
        counts = [(story.count(kind), f"{kind}s") for kind in (Kind.GATE, Kind.GUARD, Kind.SLICE)]
        told = "   ".join(f"{fine}/{planned} {kinds}" for (fine, planned), kinds in counts if planned)
        lines.append(f"  ladder    {ladder_words(story)}   {told}   {climbed.pairs:,} fresh pairs")
        if climbed.ended and story.outcome.decision is Decision.HOLD:
            lines.append(f"            {climbed.ended}")
        if story.outcome.decision is Decision.ROLLBACK:
            lines.append("            replay: no user was exposed")
        lines += _packed("  machine   ", machine_words(story.outcome))
    return lines


def _before(story: Story) -> str:
    """What was looked at before the climb: "lock ok   sanity 7/7", with the failing ones named."""
    rows = {row.check: row for row in story.rows if row.cells}
    told = []
    if "lock" in rows:
        sign = mark(rows["lock"].cells[0])
        told.append(f"lock {'ok' if sign == '+' else sign}")
    fine, planned = story.count(Kind.SANITY)
    if planned:
        signs = {row.check: mark(row.cells[0]) for row in rows.values() if row.kind is Kind.SANITY}
        bad = [f"{check} {sign}" for check, sign in signs.items() if sign != "+"]
        shown = ", ".join(bad[:_BAD]) + (" ..." if len(bad) > _BAD else "")
        told.append(f"sanity {fine}/{planned}{': ' if bad else ''}{shown}")
    return "   ".join(told)


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
        elif row.kind is Kind.GATE:
            cells = "".join(f"{_cell(cell, row):>{column}}" for cell in row.cells)
            remark = _bound(row) if promoted else _remark(row)
            lines.append(f"{_start(row.name.head, _limit_of(row))}{cells}{remark}")
        elif row.blocks and row.cells[0] is not None and not _told_by_intent(row, story):
            # what has no result is counted below
            place = "before" if row.kind is Kind.SANITY else "in all"
            whole = f"{place:>{column}}{_cell(row.cells[0], row):>{column}}"
            lines.append(f"{_start(row.name.head, _limit_of(row))}{whole}{_remark(row)}")
    return lines


def _told_by_intent(row: Row, story: Story) -> bool:
    """Is this a slice that only says again, of one intent, what the decision rests on?"""
    return row.kind is Kind.SLICE and story.focus is not None and story.focus.kind is not Kind.SLICE


def _limit_of(row: Row) -> str:
    """The limit, and whose word it is that it keeps."""
    return f"{short(row.limit)} {row.name.source}".rstrip()


def _start(heading: str, limit: str) -> str:
    """The first two columns; a long heading takes what the limit does not need."""
    return f"  {f'{cut(heading, 36):{_LABEL - 2}}  {limit}':{_LABEL + _LIMIT}}"


def _cell(cell: Cell | None, row: Row) -> str:
    return f"{short(row.value(cell))} {mark(cell)}".strip()


def _bound(row: Row) -> str:
    cell = row.last
    if cell is None:
        return ""
    headroom = "vacuous" if cell.note.startswith("vacuous") else headroom_words(cell.headroom)
    return f"{short(row.name.bound(cell.ci_lower, cell.ci_upper)):>9}{headroom:>10}"


def _remark(row: Row) -> str:
    return f"  <- {row.blocks}" if row.blocks else ""


def _why(story: Story) -> list[str]:
    """What the decision rests on: a cell's numbers, else the reasons, in as many lines as they need."""
    outcome = story.outcome
    if outcome.decision is Decision.PROMOTE:
        return ["", *_told("why", [story.card.numbers])] if story.card.numbers else []
    if story.focus is not None:
        told = [story.card.numbers, *_evidence(story.focus)]
    else:
        told = [reason.removeprefix(f"{story.card.words}: ") for reason in story.reasons[:_REASONS]]
        if len(story.reasons) > _REASONS:
            told.append(f"and {len(story.reasons) - _REASONS} more reasons")
    if outcome.missing and NO_EVIDENCE not in "".join(story.reasons[:1]):
        told.append(f"no result from {len(outcome.missing)} of {len(outcome.planned)}: {outcome.missing[0]} ...")
    return ["", *_told("why", told)]


def _told(head: str, told: Sequence[str]) -> list[str]:
    """Sentences after a head, each from a line of its own and in as many as it needs."""
    lines = [line for words in told for line in textwrap.wrap(clean(words), WIDTH - _INDENT, break_on_hyphens=False)]
    return [f"  {head if i == 0 else '':9} {line}" for i, line in enumerate(lines)]


def _evidence(cell: Cell) -> list[str]:
    """How strong the evidence is in the cell that the decision rests on, in at most two lines."""
    if not cell.n:
        return []
    found = []
    if cell.e_red:
        reached = cell.verdict is Verdict.RED and "e-process" in cell.note
        found.append(
            f"e-red {evidence_words(cell.e_red)} {'>=' if reached else 'of'} {evidence_words(cell.e_red_needed)} needed"
        )
    if cell.e_green and cell.verdict is not Verdict.RED:
        found.append(f"e-green {evidence_words(cell.e_green)} of {evidence_words(cell.e_green_needed)} needed")
    told = "    ".join([*found, cell.note] if cell.note else found)
    if len(told) > WIDTH - _INDENT and cell.note:
        return [*(["    ".join(found)] if found else []), cell.note]
    return [told] if told else []


def _gains(story: Story) -> list[str]:
    if not story.gains:
        return []
    lines = ["", f"  {'what you get':{_LABEL}}{'baseline':>10}{'hero':>10}   difference (95 %)"]
    for metric, gain in story.gains.items():
        name = metric_name(metric)
        numbers = f"{short(name.show(gain.baseline)):>10}{short(name.show(gain.hero)):>10}"
        difference = f"{short(name.show(gain.difference.value, signed=True)):<7}{short(gain.range)}"
        lines.append(f"  {name.heading:{_LABEL}}{numbers}   {difference:<26}{short(effect_words(story, gain))}")
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
    return _packed("  by intent ", [*told, words] if words else told)


def _differs(story: Story) -> list[str]:
    """In which keys the configuration is not the baseline's."""
    differs = story.outcome.subject.differs
    told = [f"{one.key} {cut(one.baseline, 14)} > {cut(one.hero, 14)}" for one in differs[:_DIFFERENCES]]
    if len(differs) > _DIFFERENCES:
        told.append(f"and {len(differs) - _DIFFERENCES} more")
    return _packed("  differs   ", told)


def _packed(head: str, told: Sequence[str]) -> list[str]:
    """What is told after a head, as much a line as there is room for; nothing without anything to tell."""
    lines: list[str] = []
    for words in told:
        if lines and len(lines[-1]) + 3 + len(words) <= WIDTH:
            lines[-1] += f"   {words}"
        else:
            lines.append(f"{'' if lines else head:{len(head)}}{words}")
    return lines


def _lost_most(story: Story) -> list[str]:
    shown = [_example(example) for example in story.lost_most[:_EXAMPLES]]
    return ["  lost most", *shown] if shown else []


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


def _otherwise(story: Story) -> list[str]:
    """The measures that the decision is not about."""
    told = []
    for metric, gain in story.gains.items():
        if metric != story.measure:
            name = metric_name(metric)
            unit = f" {name.unit}" if name.unit else ""
            told.append(f"{name.short} {short(name.show(gain.difference.value, signed=True))}{unit}")
    return _packed("  otherwise ", told)


def _ending(release: Release, story: Story, seal: Seal) -> list[str]:
    lines = ["", *_rates(story.outcome.subject)]
    promoted = story.outcome.decision is Decision.PROMOTE
    if story.to_decide:
        lines.append(f"  to decide {story.to_decide}")
    lines += _next(story.card.next)
    until = f"   promote until {story.card.deadline[:10]}   soak: not evidenced (replay)" if promoted else ""
    lines.append(f"  owner     {cut(story.card.owner, 40)}{until}")
    return [*lines, *_where(release, seal, "" if promoted else f"#{story.hero}")]


def _next(said: NextCommand) -> list[str]:
    """What to do next; the command has lines of its own, and a shell reads them as one."""
    command = textwrap.wrap(clean(said.line), WIDTH - _INDENT - 2, break_long_words=False, break_on_hyphens=False)
    command = [*(f"{line} \\" for line in command[:-1]), *command[-1:]]
    before = textwrap.wrap(clean(f"{said.before}, then:"), WIDTH - _INDENT) if said.before else []
    remark = textwrap.wrap(clean(f"({said.remark})"), WIDTH - _INDENT) if said.remark else []
    return [f"  {'next' if i == 0 else '':9} {line}" for i, line in enumerate([*before, *command, *remark])]


def _where(release: Release, seal: Seal, anchor: str = "") -> list[str]:
    """Who signed, what to read, and how to check it; on one line where both have room."""
    read = f"  read      {typed(release.artifacts / 'index.html')}{anchor}"
    check = f"check  {COMMAND} {typed(release.artifacts)}"
    signed = f"  signed    {seal.words}"
    if len(read) + 6 + len(check) <= WIDTH:
        return [signed, f"{read}      {check}"]
    return [signed, read, f"  check     {check.removeprefix('check  ')}"]


def _rates(subject: Subject) -> list[str]:
    """How often the rule decides wrongly; by the letter it is said in any case."""
    wrong = short(wrong_words(subject))
    if subject.policy.mode == "letter":
        return [f"  mode letter: point thresholds; {wrong or 'its error rates were not simulated'}"]
    return [f"  how often wrong: {wrong} (simulated)"] if wrong else []
