"""The battery before the climb: is anything so wrong that a climb would show nothing?"""

import pytest

from gates.names import sentence
from gates.verdicts import Cell, Verdict

pytestmark = [pytest.mark.sanity, pytest.mark.canary]


def test_sanity(sanity: Cell) -> None:
    """Users would be served from a damaged or foreign index, or what was measured would not be what they get."""
    if sanity.verdict is Verdict.RED:
        pytest.fail(sentence(sanity), pytrace=False)
    if sanity.verdict is not Verdict.GREEN:
        pytest.skip(sentence(sanity))
