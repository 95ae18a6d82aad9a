"""How is a comparison of two run files shown on the terminal? The card first, then every number."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fixtures.systems.protocol import Query
from gates.checks.measures import MEASURES
from gates.names import check_name
from gates.offline import OFFLINE
from gates.verdicts import Decision
from reports.escaping import clean, cut
from reports.model.story import Story

WIDTH, MOVED = 118, 3  # queries that are told of the biggest losses, and of the biggest wins


def terminal_lines(
    story: Story, queries: Sequence[Query], names: tuple[str, str], measures: Mapping[str, str]
) -> Iterator[str]:
    """The decision first, then why, then every number, whatever was decided.

    `names` are those of the files, `measures` what was asked for, as it was, and the gain that answers it; the queries
    that are told are those of the first.
    """
    decision, facts = story.outcome.decision, story.outcome.climbed.constants
    look = facts.look if facts else None
    final = " (not final)" if decision is Decision.PROMOTE and story.outcome.after_looking else ""
    yield f"{decision}{final}  {clean(names[1])} against {clean(names[0])}"
    yield from _wrapped("why", why_of(story))
    if look is not None:
        role = f"{names[0]} is what serves (baseline), {names[1]} the candidate (hero); mode offline, one look"
        yield from _wrapped("understood", (role, *look.understood))
        yield from _wrapped("margin", look.margins)
        yield from _wrapped("unjudged", look.on_unjudged)
    yield from _numbers(story, measures)
    yield from _wrapped("next", (story.card.next.words,))
    for head, sign in (("losses", -1), ("wins", 1)):
        yield from _moved(head, story, queries, next(iter(measures.values())), sign)


def why_of(story: Story) -> tuple[str, ...]:
    """The card's reason, and what each loss showed."""
    losses = story.outcome.subject.policy.losses
    cells = [cell for cell in story.outcome.cells if cell.check in losses]
    return (story.card.reason, *(f"{check_name(c.check, c.unit, OFFLINE).named} {c.verdict}: {c.note}" for c in cells))


def _wrapped(head: str, lines: Sequence[str]) -> Iterator[str]:
    """Lines beside their head; what goes on below is set in."""
    for i, line in enumerate(lines):
        first, later = f"  {head if i == 0 else '':11} ", " " * 16
        yield from textwrap.wrap(clean(line), WIDTH, initial_indent=first, subsequent_indent=later)


def _numbers(story: Story, measures: Mapping[str, str]) -> Iterator[str]:
    """Each measure over all queries, then by intent where there are several."""
    yield f"  {'points':11} {'':24} {'n':>6} {'baseline':>9} {'hero':>6} {'change':>7}  95 % interval"
    of_intents = {intent: story.by_intent[intent] for intent in sorted(story.by_intent) if len(story.by_intent) > 1}
    for name, metric in measures.items():
        for intent, gains in {"": story.gains, **of_intents}.items():
            if gain := gains.get(metric):
                change, low, high = (100 * end for end in gain.difference)
                numbers = f"{gain.n:>6,} {_points(gain.baseline):>9} {_points(gain.hero):>6} {change:>+7.1f}"
                yield f"  {'':11} {cut(f'{name} {intent}', 24):24} {numbers}  [{low:+.1f}, {high:+.1f}]"


def _moved(head: str, story: Story, queries: Sequence[Query], metric: str, sign: int) -> Iterator[str]:
    """The queries of which a measure rose most, or fell most where `sign` is -1."""
    measured, column = story.measured, MEASURES[metric].column if metric in MEASURES else metric
    if measured is None:
        return
    before, after = measured.baseline.column(column), measured.hero.column(column)
    order = np.lexsort((measured.query_ord, sign * (before - after)))
    for place, i in enumerate(i for i in order[:MOVED] if sign * (after[i] - before[i]) > 0):
        named, text = queries[measured.query_ord[i]].query_id, queries[measured.query_ord[i]].text
        text = cut(named if text == named else f"{named}  {text}", 60)
        numbers = f"{100 * (after[i] - before[i]):+6.1f}  {_points(before[i]):>5} -> {_points(after[i]):>5}"
        yield f"  {'' if place else head:11} {numbers}  {text}"


def _points(share: float) -> str:
    return f"{100 * share:.1f}"
