"""The continuous fixtures: one cell for each check of hero health and of the gate monitor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.continuous import Continuous, load_continuous, newest
from gates import health, monitor
from gates.errors import GateError
from gates.job_cells import not_evidenced
from gates.verdicts import Cell
from rollout.continuous.health import run_health
from rollout.continuous.monitor import run_monitor
from rollout.jobs.plugin import Jobs, Probes, hand_over, once, told
from rollout.weekly.accepted import FILE, Accepted, read_answers
from rollout.weekly.plugin import configs_of, listed, named, served_of

FAMILY = "continuous"
Cells = Callable[[str], dict[str, Cell]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each check."""
    wanted = {"healthy", "monitored"} & set(metafunc.fixturenames)
    if not wanted:
        return
    served = listed(metafunc.config)
    checks: tuple[str, ...] = health.CHECKS
    if wanted == {"monitored"}:
        checks = tuple(c for c in monitor.CHECKS if c not in monitor.GATES or c in served.policy.asked_gates)
    metafunc.parametrize(("system", "check"), [(served.name, check) for check in checks],
                         ids=[f"{served.name}-{check}" for check in checks])  # fmt: skip


@pytest.fixture(scope="session")
def continuous(request: pytest.FixtureRequest) -> Continuous:
    """The limits of continuous.yaml."""
    return told(lambda: load_continuous(configs_of(request.config)))


@pytest.fixture(scope="session")
def result_folders(request: pytest.FixtureRequest, continuous: Continuous) -> list[Path]:
    """Where results are looked for: the folders that continuous.yaml names, and this run's artifacts."""
    root = request.config.rootpath
    named_here = [root / folder for folder in continuous.results]
    return list(dict.fromkeys([*named_here, root / str(request.config.getoption("--artifacts"))]))


@pytest.fixture(scope="session")
def accepted_answers(result_folders: list[Path]) -> Accepted | str:
    """The accepted answers, or why there are none."""
    try:
        return read_answers(newest(result_folders, f"weekly/{FILE}"))
    except GateError as error:
        return str(error)


@pytest.fixture(scope="session")
def health_cells(
    request: pytest.FixtureRequest, jobs: Jobs, probes: Probes, continuous: Continuous,
    accepted_answers: Accepted | str,
) -> Cells:  # fmt: skip
    """How what serves is asked for -> the cells of hero health."""

    def ask(name: str) -> dict[str, Cell]:
        if isinstance(accepted_answers, str):
            system = served_of(request.config).name
            return {check: not_evidenced(system, check, accepted_answers) for check in health.CHECKS}
        return run_health(jobs(FAMILY), probes(name), continuous, accepted_answers)

    return once(ask)


@pytest.fixture(scope="session")
def monitor_cells(
    request: pytest.FixtureRequest, jobs: Jobs, continuous: Continuous, result_folders: list[Path],
    accepted_answers: Accepted | str,
) -> Cells:  # fmt: skip
    """The cells of the gate monitor."""
    served = served_of(request.config)
    return once(lambda _: run_monitor(jobs(FAMILY), served, continuous, result_folders, accepted_answers))


@pytest.fixture
def healthy(system: str, check: str, health_cells: Cells, request: pytest.FixtureRequest) -> Cell:
    """The cell of one check of hero health."""
    return hand_over(request, health_cells(told(lambda: named(request.config)))[check])


@pytest.fixture
def monitored(system: str, check: str, monitor_cells: Cells, request: pytest.FixtureRequest) -> Cell:
    """The cell of one check of the gate monitor."""
    return hand_over(request, monitor_cells("")[check])
