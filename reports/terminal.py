"""What does the terminal end with? The decision, understood in ten seconds, at most 100 columns wide."""

from __future__ import annotations

import textwrap

from gates.policy import Policy
from gates.release import Release
from gates.verdicts import Cell, Decision, Kind, Verdict
from reports.attestation import review_due
from reports.checks import Row
from reports.escaping import clean, cut, cut_path, typed
from reports.examples import Example, Place
from reports.labels import (
    COSTS,
    check_name,
    evidence_words,
    headroom_words,
    mark,
    metric_name,
    percent_words,
    plain,
    short,
)
from reports.story import NO_EVIDENCE, Story, claim_words, effect_words, ladder_words, worst_marks

WIDTH = 100
_LABEL, _LIMIT = 24, 17
_REASONS, _DIFFERENCES = 4, 3


def ending(release: Release, stories: tuple[Story, ...]) -> list[str]:
    """The lines of a release: one headline a hero where there are several, then the heroes that need reading."""
    lines: list[str] = []
    shown = stories
    if len(stories) > 1:
        for story in stories:
            lines += [_headline(story, ""), f"{'':10}gates {worst_marks(story)}"]
        lines.append("")
        shown = tuple(s for s in stories if s.outcome.decision is not Decision.PROMOTE)
    for story in shown:
        lines += [*_block(release, story), ""]
    if not shown:
        lines.append(f"  read  {typed(release.artifacts / 'index.html')}")
    return [cut(line, WIDTH).rstrip() for line in lines]


def _block(release: Release, story: Story) -> list[str]:
    promoted = story.outcome.decision is Decision.PROMOTE
    parts = [
        [_headline(story, f"    {release.seconds:.0f} s")],
        _identity(release, story),
        _table(story),
        _gains(story) if promoted else _why(story),
        _where(story),
        [] if promoted else _differs(story),
        _examples(story),
        [] if promoted else _otherwise(story),
        _ending(release, story),
    ]
    return [line for part in parts for line in part]


def _headline(story: Story, seconds: str) -> str:
    hero, decision = story.hero, story.outcome.decision
    if decision is Decision.ROLLBACK and story.reached:
        hero += f" at {story.outcome.ladder.get('rolled_back_at_step') or story.reached[-1]} %"
    ending = f"    {story.serving}{seconds}"
    room = WIDTH - len(f"{decision}  {hero}    ") - len(ending)
    return f"{decision}  {hero}    {cut(story.headline, max(24, room))}{ending}"


def _identity(release: Release, story: Story) -> list[str]:
    subject, ladder = story.outcome.subject, story.outcome.ladder
    width, source = max(len(subject.name), len(subject.baseline_name)), cut_path(typed(subject.source), 40)
    lines = [
        f"  hero      {subject.name:{width}} {subject.config_hash}   {source}   {subject.owner}",
        f"  baseline  {subject.baseline_name:{width}} {subject.baseline_config_hash}   commit {release.commit}",
    ]
    if story.reached:
        gates, guards = story.count(Kind.GATE), story.count(Kind.GUARD)
        counts = f"{gates[0]}/{gates[1]} gates   {guards[0]}/{guards[1]} guards"
        lines.append(f"  ladder    {ladder_words(story)}   {counts}   {int(ladder.get('pairs', 0)):,} fresh pairs")
        ended = str(ladder.get("ended", ""))
        if ended and story.outcome.decision is Decision.HOLD:
            lines.append(f"            {ended}")
        if story.outcome.decision is Decision.ROLLBACK:
            lines.append("            replay: no user was exposed")
    return lines


def _table(story: Story) -> list[str]:
    """Gates at each step; guards and instruments only where they need reading."""
    if not story.outcome.cells:
        return []
    promoted = story.outcome.decision is Decision.PROMOTE
    column = 8 if len(story.steps) <= 4 else 6
    head = f"  {'gate':{_LABEL}}{'limit':{_LIMIT}}" + "".join(f"{f'{step} %':>{column}}" for step in story.steps)
    lines = ["", head + ("    bound  headroom" if promoted else "")]
    for row in story.rows:
        start = f"  {row.name.heading:{_LABEL}}"
        if row.left_out:
            lines.append(f"{start}left out: {row.left_out}")
        elif row.kind is Kind.GATE:
            cells = "".join(f"{_cell(cell, row):>{column}}" for cell in row.cells)
            lines.append(f"{start}{short(row.limit):{_LIMIT}}{cells}{_bound(row) if promoted else _remark(row)}")
        elif row.blocks and row.cells[0] is not None:  # what has no result is counted below
            whole = f"{'in all':>{column}}{_cell(row.cells[0], row):>{column}}"
            lines.append(f"{start}{short(row.limit):{_LIMIT}}{whole}{_remark(row)}")
    return lines


def _cell(cell: Cell | None, row: Row) -> str:
    if cell is None or cell.verdict is Verdict.NOT_REACHED:
        return mark(cell)
    return f"{short(row.name.show(cell.observed))} {mark(cell)}".strip()


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
    if story.focus is not None:
        told = _measured(story.focus, outcome.subject.policy)
    else:
        told = [reason.removeprefix(f"{story.headline}: ") for reason in story.reasons[:_REASONS]]
        if len(story.reasons) > _REASONS:
            told.append(f"and {len(story.reasons) - _REASONS} more reasons")
    if outcome.missing and NO_EVIDENCE not in "".join(story.reasons[:1]):
        told.append(f"no result from {len(outcome.missing)} of {len(outcome.planned)}: {outcome.missing[0]} ...")
    lines = [line for words in told for line in textwrap.wrap(clean(words), WIDTH - 8)]
    return ["", *(f"  {'why' if i == 0 else '':5} {line}" for i, line in enumerate(lines))]


def _measured(cell: Cell, policy: Policy) -> list[str]:
    """What was measured in the cell that the decision rests on, in at most three lines."""
    name = check_name(cell.check, cell.unit)
    where = f"at {cell.step} %: " if cell.step else ""
    if not cell.n:
        return [f"{where}{name.label}: nothing was measured", *([cell.note] if cell.note else [])]
    unit = f" {name.unit}" if name.unit else ""
    observed = f"{name.show(cell.observed)}{unit} {name.range(cell.ci_lower, cell.ci_upper)}".rstrip()
    limit = name.show(cell.limit)
    if cell.check == "aece_tau" and cell.verdict is Verdict.RED:  # it has one limit to hold and one to be broken
        limit = plain(policy.gates.aece_tau.red_above)
    lines = [f"{where}{name.label} {observed}, limit {limit}, n {cell.n:,}"]
    found = []
    if cell.e_red:
        reached = cell.verdict is Verdict.RED and "e-process" in cell.note
        found.append(
            f"e-red {evidence_words(cell.e_red)} {'>=' if reached else 'of'} {evidence_words(cell.e_red_needed)} needed"
        )
    if cell.e_green and cell.verdict is not Verdict.RED:
        found.append(f"e-green {evidence_words(cell.e_green)} of {evidence_words(cell.e_green_needed)} needed")
    told = "    ".join([*found, cell.note] if cell.note else found)
    if len(told) > WIDTH - 8 and cell.note:
        return [*lines, *(["    ".join(found)] if found else []), cell.note]
    return [*lines, told] if told else lines


def _gains(story: Story) -> list[str]:
    if not story.gains:
        return []
    lines = ["", f"  {'what you get':{_LABEL}}{'baseline':>10}{'hero':>10}   difference (95 %)"]
    for metric, gain in story.gains.items():
        name = metric_name(metric)
        numbers = f"{short(name.show(gain.baseline)):>10}{short(name.show(gain.hero)):>10}"
        difference = f"{short(name.show(gain.difference.value, signed=True)):<7}{short(gain.range)}"
        lines.append(f"  {name.heading:{_LABEL}}{numbers}   {difference:<26}{effect_words(story, gain)}")
    if story.claim is not None:
        lines.append(f"  claim: {cut(story.outcome.subject.claim, 40)}   {claim_words(story)}")
    return lines


def _where(story: Story) -> list[str]:
    """The measure in question by intent, worst first, two a line."""
    gains = [found[story.measure] for found in story.by_intent.values() if story.measure in found]
    if len(gains) < 2:
        return []
    gains.sort(key=lambda g: g.difference.value, reverse=story.measure in COSTS)
    told = [f"{cut(gain.intent, 16)} {gain.change}" for gain in gains]
    start = f"  where {metric_name(story.measure).heading}: "
    if len(start) + len("   ".join(told)) <= WIDTH:
        return [start + "   ".join(told)]
    return [start.rstrip(), *(f"        {'   '.join(told[i : i + 2])}" for i in range(0, len(told), 2))]


def _differs(story: Story) -> list[str]:
    """In which keys the configuration is not the baseline's."""
    differs = story.outcome.subject.differs
    told = [f"{one.key} {cut(one.baseline, 14)} > {cut(one.hero, 14)}" for one in differs[:_DIFFERENCES]]
    if len(differs) > _DIFFERENCES:
        told.append(f"and {len(differs) - _DIFFERENCES} more")
    lines: list[str] = []
    for words in told:
        if lines and len(lines[-1]) + len(words) + 3 <= WIDTH:
            lines[-1] += f"   {words}"
        else:
            lines.append(f"  {'differs' if not lines else '':8}{words}")
    return lines


def _examples(story: Story) -> list[str]:
    promoted = story.outcome.decision is Decision.PROMOTE
    kinds = (("lost most", story.lost_most, 1 if promoted else 2), ("gained most", story.gained_most, 1))
    lines = []
    for title, examples, most in kinds:
        if examples:
            lines += [f"  {title}", *(_example(example) for example in examples[:most])]
    return lines


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
    return [f"  otherwise  {'    '.join(told)}"] if told else []


def _ending(release: Release, story: Story) -> list[str]:
    subject, lines = story.outcome.subject, [""]
    promoted = story.outcome.decision is Decision.PROMOTE
    if subject.policy.characteristics:
        rates = (f"{k.replace('_', ' ')} <= {percent_words(v)}" for k, v in subject.policy.characteristics.items())
        lines.append(f"  how often wrong: {', '.join(rates)}")
    if story.to_decide:
        lines.append(f"  to decide  {story.to_decide}")
    lines += [f"  {'next' if i == 0 else '':5} {words}" for i, words in enumerate(story.next)]
    review = f"   review due {review_due(release.finished_at)[:10]}   soak: not evidenced (replay)" if promoted else ""
    lines.append(f"  owner {cut(subject.owner, 40)}{review}")
    lines.append(f"  read  {typed(release.artifacts / 'index.html')}{'' if promoted else f'#{story.hero}'}")
    return lines
