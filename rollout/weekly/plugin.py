"""The weekly fixtures: one cell for each check of the drift pack, the pool audit and the tripwires."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.served import Served, load_served
from fixtures.weekly import Weekly, asked_of_suites, load_weekly
from gates import drift, pool, tripwires
from gates.errors import ConfigError
from gates.verdicts import Cell
from rollout.columns import answered
from rollout.jobs.plugin import Jobs, Probes, hand_over, once, told
from rollout.probe import Probed, ask_all
from rollout.weekly.drift import Pack, run_drift
from rollout.weekly.pool import run_pool

FAMILY = "weekly"
Ask = Callable[[str], Probed]

_SERVED = pytest.StashKey[Served]()


def named(config: pytest.Config) -> str:
    """The hero that --hero names, to be asked in the incumbent's place; "" for the incumbent. Raises ConfigError."""
    hero = str(config.getoption("--hero"))
    if "," in hero:
        raise ConfigError([f"--hero={hero}: jobs ask one system; name one hero, or none for what serves"])
    by_path = hero.endswith((".yaml", ".yml"))
    return "" if hero == "all" else str(config.invocation_params.dir / hero) if by_path else hero


def configs_of(config: pytest.Config) -> Path:
    """The folder of --configs."""
    return config.rootpath / str(config.getoption("--configs"))


def served_of(config: pytest.Config) -> Served:
    """What is asked, read once."""
    if _SERVED not in config.stash:
        config.stash[_SERVED] = load_served(configs_of(config), named(config))
    return config.stash[_SERVED]


def listed(config: pytest.Config) -> Served:
    """Whose checks are listed: canaries collect them too, and may ask for several heroes; the items then say no."""
    try:
        return served_of(config)
    except ConfigError:
        return load_served(configs_of(config))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each check that is not left out. Mistakes of weekly.yaml are told by the items, not by canaries."""
    wanted = {"drifted", "pooled", "tripped"} & set(metafunc.fixturenames)
    if not wanted:
        return
    (kind,) = wanted
    name = listed(metafunc.config).name
    try:
        weekly = load_weekly(configs_of(metafunc.config) / "weekly.yaml")
        out = {"drifted": weekly.drift.left_out, "tripped": weekly.tripwires.left_out}
    except ConfigError:
        out = {}
    if kind == "pooled":
        keys = [(pool.WHOLE, pool.CHURN)]
        for system in _pooled(metafunc.config):
            keys += [(system, check) for check in (pool.CONTRIBUTION, pool.CHURN, pool.IN_SLA)]
    else:
        checks = drift.CHECKS if kind == "drifted" else tripwires.CHECKS
        keys = [(name, check) for check in checks if check not in out.get(kind, ())]
    metafunc.parametrize(("system", "check"), keys, ids=[f"{system}-{check}" for system, check in keys])


def _pooled(config: pytest.Config) -> dict[str, str]:
    """What is pooled: the name of each system -> how it is asked for ("" or --hero's word: what serves)."""
    served = listed(config)
    word = named(config) if served is config.stash.get(_SERVED, None) else ""
    return {served.name: word, **{hero: hero for hero in served.policy.heroes if hero != served.name}}


@pytest.fixture(scope="session")
def weekly(request: pytest.FixtureRequest) -> Weekly:
    """The limits of weekly.yaml."""
    return told(lambda: load_weekly(configs_of(request.config) / "weekly.yaml"))


@pytest.fixture(scope="session")
def asked_weekly(jobs: Jobs, probes: Probes, weekly: Weekly) -> Ask:
    """How a system is asked for -> its answers to the week's suites, asked once."""

    def ask(name: str) -> Probed:
        probe = probes(name)
        return ask_all(probe, asked_of_suites(weekly.suites, probe.collection), jobs(FAMILY).run_id)

    return once(ask)


@pytest.fixture(scope="session")
def drift_pack(request: pytest.FixtureRequest, jobs: Jobs, probes: Probes, weekly: Weekly) -> Callable[[str], Pack]:
    """How what serves is asked for -> what its drift pack found."""
    incumbent = not told(lambda: named(request.config))
    return once(lambda name: run_drift(jobs(FAMILY), probes(name), weekly, incumbent=incumbent))


@pytest.fixture(scope="session")
def pool_audit(
    request: pytest.FixtureRequest, jobs: Jobs, weekly: Weekly, asked_weekly: Ask
) -> Callable[[str], dict[tuple[str, str], Cell]]:
    """How what serves is asked for -> the cells of the pool audit."""
    config = request.config
    names = _pooled(config)

    def audit(_: str) -> dict[tuple[str, str], Cell]:
        hashes = {name: load_served(configs_of(config), word).config_hash for name, word in names.items()}
        return run_pool(jobs(FAMILY), weekly, hashes, lambda name: asked_weekly(names[name]))

    return once(audit)


@pytest.fixture
def drifted(system: str, check: str, drift_pack: Callable[[str], Pack], request: pytest.FixtureRequest) -> Cell:
    """The cell of one check of the drift pack."""
    return hand_over(request, drift_pack(told(lambda: named(request.config))).cells[check])


@pytest.fixture
def pooled(
    system: str, check: str, pool_audit: Callable[[str], dict[tuple[str, str], Cell]], request: pytest.FixtureRequest
) -> Cell:
    """The cell of one check of the pool audit."""
    return hand_over(request, pool_audit(told(lambda: named(request.config)))[system, check])


@pytest.fixture
def tripped(system: str, check: str, weekly: Weekly, asked_weekly: Ask, request: pytest.FixtureRequest) -> Cell:
    """The cell of one tripwire."""
    agg = asked_weekly(told(lambda: named(request.config))).agg
    return hand_over(request, tripwires.judge_tripwires(system, weekly.tripwires, answered(agg))[check])
