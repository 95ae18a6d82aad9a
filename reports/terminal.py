"""What does the terminal end with? The decision, understood in ten seconds, at most 100 columns wide."""

from __future__ import annotations

import re

from gates.release import Release
from gates.verdicts import Cell, Decision, Kind, Verdict
from reports.attestation import review_due
from reports.examples import Example, Place
from reports.gains import Gain
from reports.names import COSTS, headroom_words, mark, metric_name, percent_words
from reports.reading import effect_words, interval_words, shown_words, why
from reports.rows import Row
from reports.story import Story, ladder_words, worst_marks
from reports.words import cut, cut_path, typed

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
        if story.outcome.decision is Decision.ROLLBACK and release.exposure == "replay":
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
            lines.append(f"{start}{_short(row.limit):{_LIMIT}}{cells}{_bound(row) if promoted else _remark(row)}")
        elif row.blocks and row.cells[0] is not None:  # what has no result is counted below
            whole = f"{'in all':>{column}}{_cell(row.cells[0], row):>{column}}"
            lines.append(f"{start}{_short(row.limit):{_LIMIT}}{whole}{_remark(row)}")
    return lines


def _cell(cell: Cell | None, row: Row) -> str:
    if cell is None or cell.verdict is Verdict.NOT_REACHED:
        return mark(cell)
    return f"{_short(row.name.show(cell.observed))} {mark(cell)}".strip()


def _bound(row: Row) -> str:
    cell = row.last
    if cell is None:
        return ""
    headroom = "vacuous" if cell.note.startswith("vacuous") else headroom_words(cell.headroom)
    return f"{_short(row.name.show(cell.ci_upper)):>9}{headroom:>10}"


def _remark(row: Row) -> str:
    return f"  <- {row.blocks}" if row.blocks else ""


def _why(story: Story) -> list[str]:
    outcome = story.outcome
    if story.focus is not None:
        told = why(story.focus, outcome.subject.policy)
    else:
        told = list(outcome.reasons[:_REASONS])
        if len(outcome.reasons) > _REASONS:
            told.append(f"and {len(outcome.reasons) - _REASONS} more reasons")
    if outcome.missing:
        told.append(f"no result from {len(outcome.missing)} of {len(outcome.planned)}: {outcome.missing[0]} ...")
    return ["", *(f"  {'why' if i == 0 else '':5} {line}" for i, line in enumerate(told))]


def _gains(story: Story) -> list[str]:
    if not story.gains:
        return []
    lines = ["", f"  {'what you get':{_LABEL}}{'baseline':>10}{'hero':>10}   difference (95 %)"]
    for metric, gain in story.gains.items():
        name = metric_name(metric)
        numbers = f"{_short(name.show(gain.baseline)):>10}{_short(name.show(gain.hero)):>10}"
        difference = f"{_short(name.show(gain.difference.value, signed=True)):<7}{_short(interval_words(gain))}"
        lines.append(f"  {name.heading:{_LABEL}}{numbers}   {difference:<26}{effect_words(story, gain)}")
    claim, subject = story.claim, story.outcome.subject
    if claim is not None and subject.claim:
        on = f"nDCG@10 on {subject.claim_intent}" if subject.claim_intent else "nDCG@10"
        lines.append(f"  claim: {cut(subject.claim, 40)}   {on} {_difference(claim)} pt: {shown_words(claim)}")
    return lines


def _where(story: Story) -> list[str]:
    """The measure in question by intent, worst first, two a line."""
    gains = [found[story.measure] for found in story.by_intent.values() if story.measure in found]
    if len(gains) < 2:
        return []
    gains.sort(key=lambda g: g.difference.value, reverse=story.measure in COSTS)
    told = [f"{cut(gain.intent, 16)} {_difference(gain)}" for gain in gains]
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
            told.append(f"{name.short} {_short(name.show(gain.difference.value, signed=True))}{unit}")
    return [f"  otherwise  {'    '.join(told)}"] if told else []


def _ending(release: Release, story: Story) -> list[str]:
    subject, lines = story.outcome.subject, [""]
    promoted = story.outcome.decision is Decision.PROMOTE
    if promoted and release.exposure == "replay":
        lines.append("  soak: not evidenced (replay)")
    if subject.policy.characteristics:
        rates = (f"{k.replace('_', ' ')} <= {percent_words(v)}" for k, v in subject.policy.characteristics.items())
        lines.append(f"  how often wrong: {', '.join(rates)}")
    if story.to_decide:
        lines.append(f"  to decide  {story.to_decide}")
    lines += [f"  {'next' if i == 0 else '':5} {words}" for i, words in enumerate(story.next)]
    review = f"      review due {review_due(release.finished_at)[:10]}" if promoted else ""
    lines.append(f"  owner {subject.owner}{review}")
    lines.append(f"  read  {typed(release.artifacts / 'index.html')}{'' if promoted else f'#{story.hero}'}")
    return lines


def _difference(gain: Gain) -> str:
    shown = metric_name(gain.metric).show(gain.difference.value, signed=True)
    return _short(f"{shown} {interval_words(gain)}")


def _short(text: str) -> str:
    """Without the zero before a decimal point: columns stay narrow."""
    return re.sub(r"(?<![\d.])0(?=\.\d)", "", text)
