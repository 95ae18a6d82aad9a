"""Loads the gate's plugins, and refuses to run without one of them."""

import pytest

pytest_plugins = ("gates.options", "fixtures.plugin", "gates.plugin", "rollout.plugin", "reports.plugin")


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Before any of them is loaded: each takes the others for granted."""
    for name in pytest_plugins:
        if pluginmanager.is_blocked(name):
            raise pytest.UsageError(f"-p no:{name}: nothing would be measured, decided or recorded; run without")
