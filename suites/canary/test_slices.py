"""The questions on one intent: a mean that gains may hide a kind of query that loses."""

import pytest

from gates.names import sentence
from gates.verdicts import Cell, Verdict

pytestmark = pytest.mark.canary


def test_slice(slice_of: Cell) -> None:
    """People who search for this kind of thing would find less, or be told that wrong answers are right."""
    if slice_of.verdict is Verdict.RED:
        pytest.fail(sentence(slice_of), pytrace=False)
    if slice_of.verdict is not Verdict.GREEN:
        pytest.skip(sentence(slice_of))
