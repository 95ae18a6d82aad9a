"""Of whom is asked, and where do results go? The options of every run, of the emergency tripwire's too."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Whoever needs them loads this plugin; pytest loads it once."""
    group = parser.getgroup("release gate")
    group.addoption("--hero", default="all", help="NAME[,NAME], all, or the path of a pack (default: all)")
    group.addoption("--configs", default="configs", help="folder of policy, baseline and packs (default: configs)")
    group.addoption("--artifacts", default="reports/out", help="where results go (default: reports/out)")
