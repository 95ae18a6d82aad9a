"""Has every metric of the night an interval?"""

import pytest

from gates.names import sentence
from gates.verdicts import Cell, Verdict

pytestmark = [pytest.mark.nightly, pytest.mark.whiskers]


def test_whiskers(whiskered: Cell) -> None:
    """A number of the night stands without saying how sure it is, so any wobble of it reads as news."""
    if whiskered.verdict is Verdict.RED:
        pytest.fail(sentence(whiskered), pytrace=False)
    if whiskered.verdict is not Verdict.GREEN:
        pytest.skip(sentence(whiskered))
