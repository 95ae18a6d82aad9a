"""Is the released system the one that selection chose?"""

import pytest

from rollout.selection import Comparison

pytestmark = pytest.mark.select


def test_selected(compared: Comparison) -> None:
    """The pack releases a system that the selection queries do not favour: chosen by hand, or the corpus has moved."""
    best = compared.best
    if best is None:
        pytest.fail("no candidate of the grid is without a shown loss; nothing is selected", pytrace=False)
    if not best.candidate.selected and not compared.written:
        pytest.fail(f"{best.candidate.label} is the best candidate, but the pack selects another one", pytrace=False)
