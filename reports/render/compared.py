"""How is a comparison of two run files shown on the terminal? The card first, then every number."""

import textwrap
from collections.abc import Iterator, Sequence

from fixtures.judged import JudgedPair
from gates.names import check_name
from gates.offline import OFFLINE
from gates.verdicts import Decision
from reports.escaping import clean, cut
from reports.model.compared import MovedQuery, moved_most, rows_of_pair
from reports.model.story import Story

WIDTH = 118


def terminal_lines(story: Story, pair: JudgedPair, names: tuple[str, str]) -> Iterator[str]:
    """The decision first, then why, then every number, whatever was decided. `names` are those of the files."""
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
    yield f"  {'points':11} {'':24} {'n':>6} {'baseline':>9} {'hero':>6} {'change':>7}  95 % interval"
    for row in rows_of_pair(pair):
        what = cut(f"{row.measure} {row.intent}" if row.intent else row.measure, 24)
        numbers = f"{row.n:>6,} {row.baseline:>9} {row.hero:>6} {row.difference:>+7.1f}"
        yield f"  {'':11} {what:24} {numbers}  [{row.low:+.1f}, {row.high:+.1f}]"
    yield from _wrapped("next", (story.card.next.words,))
    for head, moved in zip(("losses", "wins"), moved_most(pair), strict=True):
        yield from (f"  {head if i == 0 else '':11} {_moved_line(one)}" for i, one in enumerate(moved))


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


def _moved_line(moved: MovedQuery) -> str:
    named, text = moved.query.query_id, moved.query.text
    text = cut(named if text == named else f"{named}  {text}", 60)
    return f"{moved.difference:+6.1f}  {moved.baseline:>5} -> {moved.hero:>5}  {text}"
