"""The fixture of the night's last job: intervals of every metric, written to the table, the plots and the history."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fixtures.served import load_served
from gates.errors import ConfigError
from gates.verdicts import Cell
from rollout.jobs.plugin import Probes, hand_over, once
from rollout.nightly.intervals import history_rows, judge_system, measure_night
from rollout.nightly.plugin import UNREADABLE, TheNight
from rollout.nightly.regenerate import read_files, unchanged


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for the incumbent and for each hero of the policy."""
    if "whiskered" not in metafunc.fixturenames:
        return
    configs = metafunc.config.rootpath / str(metafunc.config.getoption("--configs"))
    try:
        served = load_served(configs)
        metafunc.parametrize("system", [served.name, *served.policy.heroes])
    except ConfigError:
        metafunc.parametrize("system", [UNREADABLE])


@pytest.fixture(scope="session")
def whiskers(night: TheNight, probes: Probes) -> Callable[[str], Cell]:
    """system -> its cell; the night's intervals are made and written on first use."""

    def ask(_: str) -> dict[str, Cell]:
        from reports.nightly.table import PLOTS, SPANS, WHISKERS, write_plots, write_tables  # brings matplotlib

        probe, folder, job = probes(""), night.job.folder, night.job
        said = unchanged(folder, night.date)
        _, agg = read_files(folder)
        limits, bins = night.nightly.whiskers, probe.served.policy.bins
        rows = measure_night(agg, said["systems"], said["suites"], limits, bins, probe.fingerprint)
        write_tables(rows, folder)
        write_plots(rows, folder, f"night of {night.date} · run {said['run_id']} · {SPANS}, {WHISKERS} beside {PLOTS}/")
        job.keep("whiskers", history_rows(rows, probe.fingerprint))
        suites = night.suites
        names = (probe.served.name, *probe.served.policy.heroes)
        return {name: judge_system(name, rows, suites.alpha, suites.power) for name in names}

    cells = once(ask)
    return lambda system: cells("")[system]


@pytest.fixture
def whiskered(system: str, whiskers: Callable[[str], Cell], request: pytest.FixtureRequest) -> Cell:
    """The cell of one system."""
    return hand_over(request, whiskers(system))
