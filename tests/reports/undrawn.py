"""How is a run judged without drawing its plots, a quarter of what a short one takes? `-p tests.reports.undrawn`."""

import pytest

from reports.render import pages


def pytest_configure(config: pytest.Config) -> None:
    """Until the run ends: a worker of a forked gate begins anew."""
    patch = pytest.MonkeyPatch()
    patch.setattr(pages, "draw_plots", lambda *_: {})
    config.add_cleanup(patch.undo)
