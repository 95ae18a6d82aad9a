"""Is the released system the one that selection chose?"""

import pytest

from rollout.selection import Row

pytestmark = pytest.mark.select


def test_selected(compared: tuple[list[Row], Row | None]) -> None:
    """The pack releases a system that the selection queries do not favour: chosen by hand, or the corpus has moved."""
    _, best = compared
    assert best is not None, "no candidate of the grid is without a shown loss"
    assert best.candidate.selected, f"{best.candidate.label} is the best candidate, but the pack selects another one"
