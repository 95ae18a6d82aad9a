"""The questions over the whole canary."""

import pytest

from gates.names import sentence
from gates.verdicts import Cell, Verdict

pytestmark = pytest.mark.canary


def test_guard(guard: Cell) -> None:
    """The hero would cost users quality, time or answers that no single step shows."""
    if guard.verdict is Verdict.RED:
        pytest.fail(sentence(guard), pytrace=False)
    if guard.verdict is not Verdict.GREEN:
        pytest.skip(sentence(guard))
