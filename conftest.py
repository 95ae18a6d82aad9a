"""Loads the gate's plugins, nothing else."""

pytest_plugins = ("fixtures.plugin", "gates.plugin", "rollout.plugin", "reports.plugin")
