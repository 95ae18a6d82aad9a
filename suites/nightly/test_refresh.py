"""Does each micro-suite get enough fresh queries to show a loss that matters?"""

import pytest

from gates.names import sentence
from gates.verdicts import Cell, Verdict

pytestmark = [pytest.mark.nightly, pytest.mark.refresh]


def test_refresh(refreshed: Cell) -> None:
    """A loss on this kind of query would go unseen: too few are asked, or the same ones every night."""
    if refreshed.verdict is Verdict.RED:
        pytest.fail(sentence(refreshed), pytrace=False)
    if refreshed.verdict is not Verdict.GREEN:
        pytest.skip(sentence(refreshed))
