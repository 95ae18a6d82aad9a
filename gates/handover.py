"""How does an item hand its cell to the controller, and make pytest say what the cell says?"""

import pytest

from gates.names import meaning, sentence
from gates.verdicts import Cell, Verdict

EVIDENCE, TOLD = "evidence", "told"  # user properties: a cell, and a text that is to be printed


def hand_over(item: pytest.Item, cell: Cell) -> Cell:
    """Record the cell with the item that it is about."""
    # a str, since execnet takes built-ins only; not record_property, which errors under --junitxml
    item.user_properties.append((EVIDENCE, cell.to_json()))
    return cell


def handed_over(report: pytest.TestReport | pytest.Item) -> list[Cell]:
    """The cells that came with an item."""
    return [Cell.from_json(str(value)) for name, value in report.user_properties if name == EVIDENCE]


def told_error(report: pytest.TestReport) -> str:
    """What we said of a user's mistake; of any other exception its type alone, since its text may hold anything."""
    crash = getattr(report.longrepr, "reprcrash", None)
    kind, _, said = str(crash.message if crash else report.longreprtext).partition(": ")
    return said.partition("\n")[0] if kind == "Failed" else kind.partition("\n")[0]


def settle(cell: Cell) -> None:
    """Pass an item where its cell is GREEN, fail it where it is RED, skip it where nothing is shown."""
    __tracebackhide__ = True  # the suite's line is told
    if cell.verdict is Verdict.RED:
        pytest.fail("\n".join(filter(None, (sentence(cell), meaning(cell.check)))), pytrace=False)
    if cell.verdict is not Verdict.GREEN:
        pytest.skip(sentence(cell))
