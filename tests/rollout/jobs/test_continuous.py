"""Is what serves probed in the short time there is, and is a broken one told from a sound one?"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.oracles import oracles_of
from fixtures.packs import Served, load_served
from fixtures.systems.faults import Fault
from gates.errors import EvidenceError
from gates.verdicts import Decision, Verdict
from lens.cache import cache_folder
from reports.attestation.document import attest_heroes, write_attestations
from rollout.columns import answered
from rollout.jobs.accepted import FILE, Accepted, read_answers, write_answers
from rollout.jobs.draw import asked_queries
from rollout.jobs.drift import DriftLimits
from rollout.jobs.findings import JobFindings
from rollout.jobs.gate_monitor import MonitorLimits, newest_decisions, run_monitor
from rollout.jobs.health import HealthLimits, run_health
from rollout.jobs.job import Jobs
from rollout.jobs.probe import Probe, ask_all, open_probe
from rollout.jobs.settings import read_family
from tests import forked
from tests.reports import handmade
from tests.rollout.jobs.weeks import CONFIGS, jobs_in, red

pytestmark = pytest.mark.smoke

BEGUN = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
SMOKE = CONFIGS / "smoke"
LIMITS: Any = read_family(SMOKE, "continuous", health=HealthLimits, gate_monitor=MonitorLimits)


def job(folder: Path, probes: int = 0) -> Jobs:
    return jobs_in(folder, f"probe-{probes}", BEGUN + timedelta(minutes=5 * probes))


@pytest.fixture(scope="module")
def served() -> Served:
    return load_served(SMOKE)


@pytest.fixture(scope="module")
def probe(served: Served) -> Probe:
    return open_probe(served)


@pytest.fixture(scope="module")
def accepted(probe: Probe, tmp_path_factory: pytest.TempPathFactory) -> Accepted:
    """Accepted answers, as they are read back."""
    path = tmp_path_factory.mktemp("state") / FILE
    queries = asked_queries(read_family(SMOKE, "weekly", drift=DriftLimits).drift.queries, probe.collection)[:900]
    now = answered(ask_all(probe, queries, "run").agg)
    write_answers(path, now, {"config_hash": probe.served.config_hash})
    return read_answers(path)


def test_health_asks_the_next_hundred_and_the_monitor_sees_them_all(
    probe: Probe, served: Served, accepted: Accepted, tmp_path: Path
) -> None:
    for turn in range(9):
        cells = run_health(job(tmp_path, turn), probe, LIMITS.health, accepted)
        assert red(cells) == set()
    files = sorted((tmp_path / "continuous" / "health").glob("*.parquet"))
    asked = [set(read_answers(path).answers.query_id.tolist()) for path in files]
    assert len(asked) == 9
    assert len(set().union(*asked)) == 900
    found = run_monitor(job(tmp_path, 9).at, served, LIMITS.gate_monitor, [tmp_path], accepted)
    assert red(found) == set()
    assert found["aece_tau"].verdict is Verdict.GREEN
    assert found["aece_tau"].n == 900
    assert found["nightly_overdue"].verdict is Verdict.INCONCLUSIVE


def test_a_broken_system_is_not_healthy(served: Served, accepted: Accepted, tmp_path: Path) -> None:
    broken = open_probe(replace(served, fault=Fault(kind="empty")))
    assert red(run_health(job(tmp_path), broken, LIMITS.health, accepted)) == {"ndcg_at_10"}
    failing = open_probe(replace(served, fault=Fault(kind="failing", share=0.2)))
    assert "errors" in red(run_health(job(tmp_path, 1), failing, LIMITS.health, accepted))


def test_health_refuses_answers_of_another_configuration(probe: Probe, accepted: Accepted, tmp_path: Path) -> None:
    other = replace(accepted, facts={**accepted.facts, "config_hash": "another"})
    with pytest.raises(EvidenceError, match="run python -m pytest -m drift"):
        run_health(job(tmp_path), probe, LIMITS.health, other)


def test_old_probes_are_forgotten(probe: Probe, accepted: Accepted, tmp_path: Path) -> None:
    run_health(job(tmp_path, 0), probe, LIMITS.health, accepted)
    week_later = 12 * 24 * (LIMITS.health.keep_days + 1)
    run_health(job(tmp_path, week_later), probe, LIMITS.health, accepted)
    assert len(list((tmp_path / "continuous" / "health").glob("*.parquet"))) == 1


def held_against(served: Served, config_hash: str, folder: Path) -> None:
    """Leave the attestation of a hero that was held against a baseline of this configuration."""
    whole, story = handmade.release(served.policy, Decision.HOLD)
    outcome = replace(story.outcome, subject=replace(story.outcome.subject, baseline_config_hash=config_hash))
    release = replace(whole, artifacts=folder, outcomes=(outcome,))
    write_attestations(release, attest_heroes(release))


def test_the_monitor_reads_what_runs_left_behind(served: Served, tmp_path: Path) -> None:
    at = BEGUN - timedelta(hours=30)
    findings = JobFindings(run_id="a", at=at, family="nightly", job="refresh", cells=(), broken=())
    (tmp_path / "jobs" / "one" / "nightly").mkdir(parents=True)
    (tmp_path / "jobs" / "one" / "nightly" / "refresh.json").write_text(findings.to_json())
    (tmp_path / "jobs" / "one" / "nightly" / "torn.json").write_text("{")
    held_against(served, "other", tmp_path)
    found = run_monitor(BEGUN, served, LIMITS.gate_monitor, [tmp_path], "nothing is accepted")
    assert red(found) == {"nightly_overdue", "promoted"}
    assert found["aece_tau"].note == "not evidenced: nothing is accepted"
    held_against(served, served.config_hash, tmp_path)
    assert red(run_monitor(BEGUN, served, LIMITS.gate_monitor, [tmp_path], "")) == {"nightly_overdue"}
    (tmp_path / "router" / "attestation.json").write_text("{")
    with pytest.raises(EvidenceError, match="run the canary again"):
        newest_decisions([tmp_path])


def test_the_light_system_answers_as_the_whole_one_does(probe: Probe, served: Served) -> None:
    built = served.system_kind.open_built()
    assert built.corpus == probe.collection.digests["corpus"]
    oracles = oracles_of("", SMOKE, built.corpus).oracles
    assert len(oracles) == 30
    for oracle in oracles:  # some of docstring intent need the vectors that are read late
        light, whole = (system.answer(oracle.asked()) for system in (built.system, probe.contender.system))
        assert light.doc_ord.tolist() == whole.doc_ord.tolist()
        assert light.confidence == whole.confidence


EMERGENCY = ("pytest", "-c", "suites/continuous/emergency.ini", "suites/continuous/test_emergency.py")


def emergency(root: Path, folder: Path, *more: str, afresh: bool = False, **environ: str) -> tuple[int, str, Any]:
    """The emergency tripwire: exit status, what it printed, and what it found."""
    command = [*EMERGENCY, "--configs=configs/smoke", f"--artifacts={folder / 'out'}", *more]
    if afresh:
        done = subprocess.run([sys.executable, "-m", *command], cwd=root, capture_output=True, text=True, timeout=60)
    else:
        done = forked.run(command, root, {**os.environ, **environ})
    return done.returncode, done.stdout, json.loads((folder / "out" / "continuous" / "emergency.json").read_text())


def test_a_sound_system_is_no_emergency(root: Path, tmp_path: Path) -> None:
    status, out, found = emergency(root, tmp_path, afresh=True)  # as every minute runs it
    assert status == 0, out
    assert [(cell["check"], cell["verdict"], cell["hero"]) for cell in found["cells"]] == [
        (check, "GREEN", "lens") for check in ("calibrator_p99", "errors", "latency", "zero_results")
    ]
    assert found["schema"] == "hero-gate/findings/v1"


@pytest.mark.parametrize(
    ("fault", "checks"),
    [
        ("{kind: empty, share: 0.2}", {"zero_results"}),
        ("{kind: slow, milliseconds: 20}", {"latency"}),
        ("{kind: failing, share: 0.3}", {"errors", "zero_results"}),  # what always fails finds nothing, either
    ],
    ids=["empty", "slow", "failing"],
)
def test_an_emergency_fails_by_its_own_check(root: Path, tmp_path: Path, fault: str, checks: set[str]) -> None:
    (tmp_path / "broken.yaml").write_text(f"name: broken\nselected: baseline\nfault: {fault}\n")
    status, out, found = emergency(root, tmp_path, f"--hero={tmp_path / 'broken.yaml'}")
    assert status == 20
    assert {cell["check"] for cell in found["cells"] if cell["verdict"] == "RED"} == checks
    assert "RED: observed" in out


def test_where_nothing_is_built_that_is_told_and_nobody_is_woken(root: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o700)
    status, out, found = emergency(root, tmp_path, HERO_GATE_CACHE=str(tmp_path / "cache"))
    assert status == 1
    assert "no index here, and a probe builds none; python -m pytest -m health builds it" in out
    assert found["cells"] == []
    assert len(found["broken"]) == 4


def test_where_the_index_is_damaged_nobody_answers(root: Path, tmp_path: Path, served: Served) -> None:
    served.system_kind.open_built()
    for index in cache_folder().glob("index-*"):
        (tmp_path / "cache" / index.name).mkdir(parents=True)
    (tmp_path / "cache").chmod(0o700)
    status, out, found = emergency(root, tmp_path, HERO_GATE_CACHE=str(tmp_path / "cache"))
    assert status == 20
    assert "no whole index" in out
    verdicts = {cell["check"]: cell["verdict"] for cell in found["cells"]}
    assert verdicts.pop("errors") == "RED"
    assert set(verdicts.values()) == {"INCONCLUSIVE"}
