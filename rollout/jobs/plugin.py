"""What every scheduled job needs: a folder of its own, what serves ready to be asked, and its findings told and kept.

A job's item hands over one Cell of kind "job" (gates.job_cells). GREEN passes, RED fails, anything else is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from evidence.files import write_whole
from evidence.history import HistoryError
from evidence.schemas import SchemaDrift
from fixtures.served import load_served
from gates.errors import GateError
from gates.names import sentence
from gates.run import artifacts, configs, is_worker, run_id
from gates.verdicts import Cell, Verdict
from rollout.jobs.job import Job, now, own
from rollout.probe import Probe, open_probe

FAMILIES = ("nightly", "weekly", "continuous")  # folders of suites/ and of the artifacts
SAYS = {Verdict.GREEN: "ok", Verdict.RED: "BROKEN", Verdict.INCONCLUSIVE: "not evidenced"}
COLOUR = {Verdict.GREEN: {"green": True}, Verdict.RED: {"red": True}}
TOLD = (GateError, HistoryError, SchemaDrift)  # one line for a person, no traceback

K = TypeVar("K")
T = TypeVar("T")
Jobs = Callable[[str], Job]
Probes = Callable[[str], Probe]

_BEGUN = pytest.StashKey[datetime]()


def pytest_configure(config: pytest.Config) -> None:
    """All jobs of a session are of one moment; the controller tells what they found."""
    config.stash[_BEGUN] = now()
    if not is_worker(config):
        config.pluginmanager.register(Findings(config), "job-findings")


@pytest.fixture(scope="session")
def jobs(request: pytest.FixtureRequest) -> Iterator[Jobs]:
    """family -> its run: the folder is taken on first use and given back at the end."""
    config = request.config
    begun: dict[str, Job] = {}
    with ExitStack() as taken:

        def get(family: str) -> Job:
            if family not in begun:
                job = job_of(config, family)
                lock = told(lambda: own(job))
                taken.callback(lock.release)
                begun[family] = job
            return begun[family]

        yield get


def job_of(config: pytest.Config, family: str) -> Job:
    """The run of a family in this session."""
    return Job(
        family=family,
        folder=artifacts(config) / family,
        artifacts=artifacts(config),
        configs=configs(config),
        run_id=run_id(config),
        at=config.stash[_BEGUN],
        write=bool(config.getoption("--write")),
    )


@pytest.fixture(scope="session")
def probes(request: pytest.FixtureRequest) -> Probes:
    """A hero's name, or "" for the incumbent -> that system, opened on first use."""
    return once(lambda name: open_probe(load_served(configs(request.config), name)))


def once(begin: Callable[[K], T]) -> Callable[[K], T]:
    """What `begin` gives for a key, kept for the session; what failed stays failed, and is told in a line."""
    begun: dict[K, T | Exception] = {}

    def get(key: K) -> T:
        if key not in begun:
            try:
                begun[key] = begin(key)
            except Exception as error:
                begun[key] = error
        found = begun[key]
        if isinstance(found, TOLD):
            pytest.fail(str(found), pytrace=False)
        if isinstance(found, Exception):
            raise found
        return found

    return get


def told(ask: Callable[[], T]) -> T:
    """What `ask` gives; what a user can mend fails in a line."""
    try:
        return ask()
    except TOLD as error:
        pytest.fail(str(error), pytrace=False)


def hand_over(request: pytest.FixtureRequest, cell: Cell) -> Cell:
    """Record the cell with the item that judges it."""
    # a str, since execnet takes built-ins only; not record_property, which errors under --junitxml
    request.node.user_properties.append(("evidence", cell.to_json()))
    return cell


class Findings:
    """Collects the cells of jobs; says each in a line and keeps `<artifacts>/<family>/<job>.json`."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._found: dict[tuple[str, str], list[Cell]] = {}
        self._broken: dict[tuple[str, str], list[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what an item of a family says; suites/nightly/test_refresh.py::test_refresh[...] is nightly, refresh."""
        place, _, name = report.nodeid.partition("::")
        family, job = Path(place).parent.name, name.partition("[")[0].removeprefix("test_")
        if family not in FAMILIES or not (report.when == "call" or report.outcome == "failed"):
            return
        said = [value for key, value in report.user_properties if key == "evidence"]
        if said and report.when == "call":
            self._found.setdefault((family, job), []).append(Cell.from_json(str(said[0])))
        elif report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            words = str(crash.message if crash else report.longreprtext).removeprefix("Failed: ").partition("\n")[0]
            self._broken.setdefault((family, job), []).append(f"{name}: {words}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Leave the findings beside what was measured."""
        for family, job in self._keys():
            folder = artifacts(self._config) / family
            cells = self._found.get((family, job), [])
            document: dict[str, Any] = {
                "schema": "hero-gate/findings/v1",
                "run_id": run_id(self._config),
                "at": self._config.stash[_BEGUN].isoformat(timespec="seconds"),
                "family": family,
                "job": job,
                "cells": [json.loads(cell.to_json()) for cell in cells],
                "broken": self._broken.get((family, job), []),
            }
            write_whole(folder / f"{job}.json", json.dumps(document, indent=1, sort_keys=True) + "\n")

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One line for each check, the broken ones last."""
        keys = self._keys()
        if not keys:
            return
        terminalreporter.section("jobs")
        for family, job in keys:
            for cell in self._found.get((family, job), []):
                line = f"{SAYS[cell.verdict]:13}  {job} {cell.hero} {cell.check}: {sentence(cell)}"
                terminalreporter.write_line(line, **COLOUR.get(cell.verdict, {"yellow": True}))
        for key in keys:
            for line in self._broken.get(key, []):
                terminalreporter.write_line(f"{'BROKEN':13}  {key[1]} {line}", red=True)

    def _keys(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys([*self._found, *self._broken]))
