"""The fixture of the emergency tripwire. Light: `pytest -c suites/continuous/emergency.ini` loads nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evidence.files import write_whole
from gates.status import BROKEN, NOT_EVIDENCED
from gates.verdicts import Cell, Verdict

if TYPE_CHECKING:
    from rollout.emergency.probe import Target

#: Its options, where the gate's plugin is not loaded.
pytest_plugins = ("gates.options",)

FAMILY, JOB = "continuous", "emergency"
CHECKS = ("calibrator_p99", "errors", "latency", "zero_results")  # gates.emergency's, without its imports


def pytest_configure(config: pytest.Config) -> None:
    """Where no plugin of the jobs does it, keep what was found and set the exit status."""
    if not config.pluginmanager.hasplugin("rollout.jobs.plugin"):
        config.pluginmanager.register(Findings(config), "emergency-findings")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each check."""
    if "alarmed" in metafunc.fixturenames:
        metafunc.parametrize("check", CHECKS)


def _checkout(config: pytest.Config) -> Path:
    """The folder that paths start from; emergency.ini, with which the gate's plugins are not loaded, lies two below."""
    return config.rootpath if config.pluginmanager.hasplugin("gates.plugin") else config.rootpath.parents[1]


@pytest.fixture(scope="session")
def sentinels(request: pytest.FixtureRequest) -> Callable[[str], Cell]:
    """check -> its cell. Whom to ask must be known; where that one cannot be asked, nobody answers."""
    from fixtures.continuous import load_continuous, newest
    from gates.emergency import judge_emergency, nobody_answers
    from gates.errors import GateError
    from rollout.emergency.probe import ask_sentinels, target
    from rollout.weekly.accepted import FILE, read_facts

    root = _checkout(request.config)
    configs = root / str(request.config.getoption("--configs"))
    hero = str(request.config.getoption("--hero"))
    try:
        continuous = load_continuous(configs)
        whom: Target = target(configs, "" if hero == "all" else hero)
    except GateError as error:
        pytest.fail(str(error), pytrace=False)
    try:
        found = ask_sentinels(whom, configs, continuous.emergency)
    except GateError as error:
        return nobody_answers(whom.name, str(error)).__getitem__
    try:
        path = newest([root / folder for folder in continuous.results], f"weekly/{FILE}")
        p95 = float(read_facts(path)["latency_ms"]["p95"])
    except GateError:
        p95 = math.nan
    cells = judge_emergency(whom.name, continuous.emergency, found, p95)
    return cells.__getitem__


@pytest.fixture
def alarmed(check: str, sentinels: Callable[[str], Cell], request: pytest.FixtureRequest) -> Cell:
    """The cell of one check."""
    cell = sentinels(check)
    request.node.user_properties.append(("evidence", cell.to_json()))
    return cell


class Findings:
    """Keeps `<artifacts>/continuous/emergency.json` as rollout.jobs.plugin does for the other jobs."""

    def __init__(self, config: pytest.Config) -> None:
        self._config, self._begun = config, datetime.now(UTC)
        self._cells: list[dict[str, Any]] = []
        self._broken: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what an item says."""
        said = [value for key, value in report.user_properties if key == "evidence"]
        if said and report.when == "call":
            self._cells.append(json.loads(str(said[0])))
        elif report.failed:
            name = report.nodeid.rpartition("::")[2]
            self._broken.append(f"{name}: {str(report.longreprtext).partition(chr(10))[0]}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the findings; the status tells what is shown broken, and what came back without a verdict."""
        document = {
            "schema": "hero-gate/findings/v1",
            "run_id": f"{self._begun:%Y%m%dT%H%M%SZ}-{JOB}",
            "at": self._begun.isoformat(timespec="seconds"),
            "family": FAMILY,
            "job": JOB,
            "cells": self._cells,
            "broken": self._broken,
        }
        artifacts = _checkout(self._config) / str(self._config.getoption("--artifacts"))
        write_whole(artifacts / FAMILY / f"{JOB}.json", json.dumps(document, indent=1, sort_keys=True) + "\n")
        verdicts = {cell["verdict"] for cell in self._cells}
        if Verdict.RED in verdicts and session.exitstatus == pytest.ExitCode.TESTS_FAILED:
            session.exitstatus = BROKEN
        if Verdict.INCONCLUSIVE in verdicts and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = NOT_EVIDENCED
