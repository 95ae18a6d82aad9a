"""How is a comparison of two recorded runs shown? Lines for the terminal, and a page that needs no network."""

import csv
import io
import textwrap
from collections.abc import Iterator, Sequence

from reports.escaping import clean, csv_cell, cut
from reports.model.compared import ComparedStory, MovedQuery
from reports.render.site import environment

WIDTH = 118
SHOWN = 3  # wins and losses on the terminal; the page has all with both top tens
TEMPLATE = "compare.html.j2"


def terminal_lines(story: ComparedStory, names: tuple[str, str]) -> Iterator[str]:
    """The decision first, then why, then every number, whatever was decided."""
    final = " (not final)" if str(story.decision) == "PROMOTE" and not story.final else ""
    yield f"{story.decision}{final}  {clean(names[1])} against {clean(names[0])}"
    for head, lines in (
        ("why", story.reasons),
        ("understood", story.understood),
        ("margin", story.margins),
        ("unjudged", story.unjudged),
    ):
        yield from _wrapped(head, lines)
    yield f"  {'points':11} {'':24} {'n':>6} {'baseline':>9} {'hero':>6} {'change':>7}  95 % interval"
    for row in story.rows:
        what = cut(f"{row.measure} {row.intent}" if row.intent else row.measure, 24)
        numbers = f"{row.n:>6,} {row.baseline:>9} {row.hero:>6} {float(row.difference):>+7.1f}"
        yield f"  {'':11} {what:24} {numbers}  [{float(row.low):+.1f}, {float(row.high):+.1f}]"
    for head, moved in (("losses", story.losses), ("wins", story.wins)):
        yield from (f"  {head if i == 0 else '':11} {_moved_line(one)}" for i, one in enumerate(moved[:SHOWN]))


def page(story: ComparedStory, names: tuple[str, str], run_id: str, commit: str) -> str:
    """`index.html`; every text of the files is escaped."""
    return environment().get_template(TEMPLATE).render(story=story, names=names, run_id=run_id, commit=commit)


def table(lines: Sequence[Sequence[str]]) -> str:
    """Rows as CSV, of which no spreadsheet takes a cell for a formula."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([csv_cell(cell) for cell in line] for line in lines)
    return out.getvalue()


def _wrapped(head: str, lines: Sequence[str]) -> Iterator[str]:
    """Lines beside their head; what goes on below is set in."""
    for i, line in enumerate(lines):
        first, later = f"  {head if i == 0 else '':11} ", " " * 16
        yield from textwrap.wrap(clean(line), WIDTH, initial_indent=first, subsequent_indent=later)


def _moved_line(moved: MovedQuery) -> str:
    named, text = moved.query.query_id, moved.query.text
    text = cut(named if text == named else f"{named}  {text}", 60)
    return f"{float(moved.difference):+6.1f}  {moved.baseline:>5} -> {moved.hero:>5}  {text}"
