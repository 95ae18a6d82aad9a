"""Which checks were asked of a hero, with which answers, on which does the decision rest, and for which reasons?"""

from dataclasses import dataclass, replace

from gates.checks.check import Name, number_of
from gates.names import check_name
from gates.offline import OFFLINE
from gates.release import Outcome
from gates.verdicts import Because, Cell, Decision, Kind, Verdict
from reports.model.labels import is_enough, is_reached, limit_words, mark

ORDER = (Kind.GATE, Kind.GUARD, Kind.SLICE, Kind.SANITY, Kind.INSTRUMENT)  # what decides comes first


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One check: its cells (one a step for a gate, else one), and whether the decision rests on it."""

    check: str
    kind: Kind
    name: Name
    limit: str = ""
    cells: tuple[Cell | None, ...] = ()
    blocks: str = ""  # "rolled back here", "holds the release", "still open", "" where the decision does not rest on it
    left_out: str = ""  # why the policy does not ask it

    def value(self, cell: Cell | None) -> str:
        """The number of a cell as people read it; "" where nothing was reached."""
        return self.name.show(cell.observed) if cell and is_reached(cell) else ""

    def range(self, cell: Cell | None) -> str:
        """Its 95 % interval in brackets; "" where nothing was reached."""
        return self.name.range(cell.ci_lower, cell.ci_upper) if cell and is_reached(cell) else ""

    def told(self, cell: Cell | None, quote: str = "") -> str:
        """The number of a cell, and its mark between quotes."""
        return f"{self.value(cell)} {quote}{mark(cell)}{quote}".strip()

    def over(self, cell: Cell | None) -> bool:
        """Does the estimate of a cell lie past its limit, whether or not that is shown?"""
        return cell is not None and number_of(cell.headroom) < 0

    @property
    def last(self) -> Cell | None:
        """The last cell that was reached."""
        return next(filter(is_reached, reversed(self.cells)), None)

    @property
    def red(self) -> bool:
        """Is the check shown broken?"""
        return any(cell is not None and cell.verdict is Verdict.RED for cell in self.cells)


def rows_of(outcome: Outcome) -> tuple[Row, ...]:
    """Every check that the policy asks, or leaves out with its reason, gates first."""
    asked = sorted(outcome.subject.policy.known, key=lambda a: ORDER.index(a.check.kind))
    rows = [_row(one.key, one.check.kind, outcome) for one in asked]
    blocking = _blocking(rows, outcome)
    held = "still open" if outcome.climbed.waiting else "holds the release"
    words = "rolled back here" if outcome.decision is Decision.ROLLBACK else held
    return tuple(replace(row, blocks=words) if row in blocking else row for row in rows)


def _row(check: str, kind: Kind, outcome: Outcome) -> Row:
    policy = outcome.subject.policy
    if check in policy.left_out:
        return Row(check=check, kind=kind, name=check_name(check), left_out=policy.left_out[check])
    by_step = {cell.step: cell for cell in outcome.cells if cell.check == check}
    cells = tuple(by_step.get(step) for step in (policy.ladder.steps if kind is Kind.GATE else (0,)))
    if policy.mode == OFFLINE and check in policy.losses:
        kind = Kind.GATE  # looked at once, at the one step that there is
    name = check_name(check, next((c.unit for c in cells if c is not None), ""), policy.mode)
    return Row(check=check, kind=kind, name=name, limit=limit_words(check, policy, cells), cells=cells)


def _blocking(rows: list[Row], outcome: Outcome) -> list[Row]:
    """The checks that the decision rests on: red ones; else those without a result; else those not shown.

    Guards stay open when a gate ends the ladder, so they are named only where no gate is.
    """
    if outcome.decision is Decision.PROMOTE:
        return []
    speaking = [row for row in rows if any(c is not None and speaks(c, outcome) for c in row.cells)]
    if outcome.decision is Decision.ROLLBACK:
        return speaking
    red, missing = [row for row in rows if row.red], [row for row in rows if None in row.cells]
    return red or missing or [row for row in speaking if row.kind is Kind.GATE] or speaking


def speaks(cell: Cell, outcome: Outcome) -> bool:
    """Does this cell speak for the decision?"""
    if outcome.decision is Decision.ROLLBACK:
        return cell.verdict is Verdict.RED and cell.on_red == "rollback"
    if cell.verdict is Verdict.RED:
        return True
    return cell.verdict is Verdict.INCONCLUSIVE and not is_enough(cell)


def reasons_of(outcome: Outcome) -> tuple[str, ...]:
    """The reasons in their order; what several checks say word for word is told once, with their count."""
    said: dict[str, list[str]] = {}
    for reason in outcome.reasons:
        found = Because.read(reason)
        said.setdefault(found.words, []).append(found.place)
    planned = len(outcome.planned)
    return tuple(
        f"{checks[0] if len(checks) == 1 else f'{len(checks)} of {planned} checks'}: {words}" if words else checks[0]
        for words, checks in said.items()
    )
