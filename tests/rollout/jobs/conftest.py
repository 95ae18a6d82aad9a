"""What does a checkout look like whose nights take a second? Recorded runs of enough queries for suites of 800."""

import functools
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from fixtures.packs import load_served
from fixtures.systems.faults import Fault, break_system
from fixtures.systems.protocol import SearchSystem
from rollout.comparison import Contender
from rollout.jobs.job import Jobs
from rollout.jobs.probe import Probe, open_probe
from tests.edits import put
from tests.recorded_release import POLICY, Checkout, pack, run, write_checkout
from tests.rollout.jobs.weeks import jobs_in

QUERIES = 4600  # a fifth of them is the calibration part: some 920

SUITES = dedent(
    """
    schema: hero-gate/suites/v1
    alpha: 0.05
    power: 0.9
    remember: 3
    suites:
      - {name: everything, parts: [calibration], size: 800, finds: {ndcg_at_10: 0.05, sla_recall_at_50: 0.05}}
    """
)
NIGHTLY = dedent(
    """
    schema: hero-gate/nightly/v1
    timezone: America/New_York
    numbers: baseline.numbers.json
    keep_days: 30
    performance:
      queries: {parts: [calibration], size: 800}
      busy: 0.5
      ndcg_at_10: {margin: 0.02, finds: 0.08}
      sla_recall_at_50: {margin: 0.01, finds: 0.08}
      p95_latency_ms: {margin: 5.0, finds: 8.0}
      ece: {margin: 0.005, finds: 0.2}
      file_credit: {margin: 0.01, finds: 0.08}
    whiskers: {resamples: 1000, few: 30}
    """
)


@pytest.fixture(scope="session")
def night_template(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A checkout in miniature, written once: an incumbent, a hero that loses one query in fifty, and the nights."""
    folder = tmp_path_factory.mktemp("night")
    configs = write_checkout(folder, root, QUERIES)
    (configs / "incumbent.run").write_text(run(lost=0, queries=QUERIES))
    (configs / "rival.run").write_text(run(lost=0.02, queries=QUERIES))
    (configs / "baseline.yaml").write_text(pack("incumbent", "incumbent"))
    (configs / "rival.yaml").write_text(pack("rival", "rival"))
    (configs / "policy.yaml").write_text(POLICY.replace("HEROES", "rival: rival.yaml"))
    (configs / "suites.yaml").write_text(SUITES)
    (configs / "nightly.yaml").write_text(NIGHTLY)
    return folder


@pytest.fixture
def configs(tmp_path: Path, night_template: Path) -> Path:
    """The configuration of those nights."""
    return Path(shutil.copytree(night_template / "configs", tmp_path / "configs"))


@pytest.fixture
def job(tmp_path: Path, configs: Path) -> Jobs:
    """A night's run."""
    begun = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
    return replace(jobs_in(tmp_path / "out", "20260301T070000Z-abcdef", begun), configs=configs)


@pytest.fixture(scope="session")
def good(night_template: Path) -> Callable[[str], Probe]:
    """The incumbent (""), or a hero, without fault: opened once, since reading run files takes a second."""
    return functools.cache(lambda hero: open_probe(load_served(night_template / "configs", hero)))


@pytest.fixture
def probe(configs: Path, good: Callable[[str], Probe]) -> Callable[..., Probe]:
    """Opens the incumbent, with a seeded fault, or a hero."""

    def opened(hero: str = "", **fault: Any) -> Probe:
        if not fault:
            return good(hero)
        system = break_system(good(hero).contender.system, Fault.model_validate(fault))
        return with_system(good(hero), system)

    return opened


def with_system(probe: Probe, system: SearchSystem) -> Probe:
    """The probe of another system that answers about the same collection."""
    contender = Contender.of(probe.contender.name, probe.contender.config_hash, system, probe.collection)
    return replace(probe, contender=contender)


@pytest.fixture
def nights(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    night_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., tuple[int, dict[str, dict[str, str]]]]:
    """Runs the jobs of a marker in the checkout -> exit status, and job -> check -> verdict."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    # pytester gives each test a home of its own, and finding fonts is slow
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path_factory.getbasetemp() / "matplotlib"))
    checkout = Checkout(pytester.path, night_template)

    def run(marker: str, *arguments: str, **fault: Any) -> tuple[int, dict[str, dict[str, str]]]:
        put(checkout.folder / "configs" / "baseline.yaml", fault=fault or None)
        ended = int(checkout.pytest("-m", marker, *arguments).ret)
        found = {}
        for findings in sorted((checkout.folder / "reports" / "out" / "nightly").glob("*.json")):
            said = json.loads(findings.read_text())
            if said["schema"] == "hero-gate/findings/v1":
                found[said["job"]] = {cell["check"]: cell["verdict"] for cell in said["cells"]}
        return ended, found

    return run
