"""The fixtures of the nightly jobs that need no report: one cell an item, of what serves and of the night's files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

import pytest

from evidence.history import expire
from fixtures.nightly import Nightly, load_nightly
from fixtures.served import load_served
from fixtures.suites import Suites, load_suites
from gates.errors import ConfigError
from gates.job_cells import not_evidenced
from gates.verdicts import Cell
from rollout.columns import answered
from rollout.jobs.job import METRICS, Job
from rollout.jobs.plugin import Jobs, Probes, hand_over, once, told
from rollout.nightly import performance, refresh, regenerate
from rollout.nightly.draw import remembered, write_drawn
from rollout.nightly.numbers import read_numbers, write_numbers
from rollout.probe import ask_all

FAMILY = "nightly"
UNREADABLE = "unreadable"  # the one item of a job whose configuration cannot be read: its set-up says why


class TheNight(NamedTuple):
    """The run, its limits, and which night it is."""

    job: Job
    nightly: Nightly
    suites: Suites
    date: date


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each metric, suite and check. A canary collects them too: no mistake in their files ends it."""
    configs = metafunc.config.rootpath / str(metafunc.config.getoption("--configs"))
    try:
        if "measured_metric" in metafunc.fixturenames:
            served = load_served(configs)
            asked = performance.asked_metrics(served.policy)
            metafunc.parametrize("metric", asked, ids=[f"{served.name}-{metric}" for metric in asked])
        elif "refreshed" in metafunc.fixturenames:
            metafunc.parametrize("suite", [suite.name for suite in load_suites(configs / "suites.yaml").suites])
    except ConfigError:
        metafunc.parametrize("metric" if "measured_metric" in metafunc.fixturenames else "suite", [UNREADABLE])
    if "regenerated" in metafunc.fixturenames:
        metafunc.parametrize("check", regenerate.CHECKS)


@pytest.fixture(scope="session")
def night(request: pytest.FixtureRequest, jobs: Jobs) -> TheNight:
    """The run of this night, alone in its folder. What the history keeps too long goes first."""
    configs = request.config.rootpath / str(request.config.getoption("--configs"))
    nightly = told(lambda: load_nightly(configs / "nightly.yaml"))
    suites = told(lambda: load_suites(configs / "suites.yaml"))
    job = jobs(FAMILY)
    found = TheNight(job, nightly, suites, told(lambda: job.day(nightly.timezone)))
    told(lambda: expire(job.artifacts / METRICS, keep_days=nightly.keep_days, today=found.date))
    return found


@pytest.fixture(scope="session")
def performances(night: TheNight, probes: Probes) -> Callable[[str], Cell]:
    """metric -> its cell; the incumbent is asked on first use. With --write its numbers become those on record."""

    def ask(_: str) -> dict[str, Cell]:
        probe = probes("")
        path = night.job.configs / night.nightly.numbers
        record = read_numbers(path) if path.exists() and not night.job.write else None
        edges = record.bin_edges if record else ()
        found = performance.ask_incumbent(probe, night.nightly, night.job.run_id, edges)
        night.job.keep("performance", performance.history_rows(probe, found))
        if night.job.write:
            write_numbers(path, performance.numbers_of_night(probe, found, night.job))
            record = read_numbers(path)
        served, limits = probe.served, night.nightly.performance
        missing = f"no numbers on record at {path.name}; take them: python -m pytest -m performance --write"
        return {
            metric: performance.compare(served, metric, found, limits, record)
            if record
            else not_evidenced(served.name, metric, missing)
            for metric in performance.asked_metrics(served.policy)
        }

    cells = once(ask)
    return lambda metric: cells("")[metric]


@pytest.fixture
def measured_metric(metric: str, performances: Callable[[str], Cell], request: pytest.FixtureRequest) -> Cell:
    """The cell of one metric of the incumbent."""
    return hand_over(request, performances(metric))


@pytest.fixture(scope="session")
def refreshes(night: TheNight, probes: Probes) -> Callable[[str], Cell]:
    """suite -> its cell; all suites are drawn and written on first use, and asked of the incumbent."""

    def ask(_: str) -> dict[str, Cell]:
        probe, suites, folder = probes(""), night.suites, night.job.folder
        used = remembered(folder, night.date, suites.remember)
        drawn = refresh.draw_suites(suites, probe.collection, night.date.isoformat(), used)
        cells = {}
        for suite, one in zip(suites.suites, drawn, strict=True):
            found = answered(ask_all(probe, one.queries, night.job.run_id).agg)
            cells[suite.name] = refresh.judge_suite(probe.served.name, suites, suite, one, found)
        write_drawn(folder, night.date, drawn, suites.remember)
        return cells

    cells = once(ask)
    return lambda suite: cells("")[suite]


@pytest.fixture
def refreshed(suite: str, refreshes: Callable[[str], Cell], request: pytest.FixtureRequest) -> Cell:
    """The cell of one micro-suite."""
    return hand_over(request, refreshes(suite))


@pytest.fixture(scope="session")
def regenerations(night: TheNight, probes: Probes) -> Callable[[str], Cell]:
    """check -> its cell; the files of the night are written on first use, and read back."""

    def ask(_: str) -> dict[str, Cell]:
        incumbent = probes("")
        systems = [incumbent, *(probes(name) for name in incumbent.served.policy.heroes)]
        regenerate.regenerate(night.job.folder, night.date, systems, night.job.run_id)
        return regenerate.judge_files(night.job.folder, night.date, incumbent.served.name)

    cells = once(ask)
    return lambda check: cells("")[check]


@pytest.fixture
def regenerated(check: str, regenerations: Callable[[str], Cell], request: pytest.FixtureRequest) -> Cell:
    """The cell of one check of the night's files."""
    return hand_over(request, regenerations(check))
