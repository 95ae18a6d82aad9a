"""Are agg.parquet and hits.parquet of the night whole, and of the queries that were drawn?"""

import pytest

from gates.names import sentence
from gates.verdicts import Cell, Verdict

pytestmark = [pytest.mark.nightly, pytest.mark.regenerate]


def test_regenerate(regenerated: Cell) -> None:
    """Whoever reads the night's evidence would count answers twice, miss some, or read other columns."""
    if regenerated.verdict is Verdict.RED:
        pytest.fail(sentence(regenerated), pytrace=False)
    if regenerated.verdict is not Verdict.GREEN:
        pytest.skip(sentence(regenerated))
