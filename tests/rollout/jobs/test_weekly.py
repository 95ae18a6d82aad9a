"""Does each seeded fault turn exactly its own weekly job red, on the embedded system, while a sound one is green?"""

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from evidence.history import read
from fixtures.packs import load_served
from fixtures.systems.faults import Fault, break_system
from fixtures.systems.protocol import SearchSystem
from gates.archive import take
from gates.errors import EvidenceError
from rollout.columns import answered
from rollout.jobs.accepted import FILE, read_answers, write_answers
from rollout.jobs.draw import WeeklyQueries, asked_of_suites
from rollout.jobs.drift import DriftLimits, run_drift
from rollout.jobs.job import Jobs
from rollout.jobs.pool import COUNTS, DIFF, LAST, PoolAuditLimits, run_pool
from rollout.jobs.probe import Probe, Probed, ask_all, open_probe
from rollout.jobs.settings import read_family
from rollout.jobs.tripwires import TripwireLimits, judge_tripwires
from tests.rollout.jobs.conftest import with_system
from tests.rollout.jobs.weeks import CONFIGS, Constant, Leftover, Remembered, jobs_in, red

pytestmark = pytest.mark.smoke

BEGUN = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SMOKE, CONFIG_HASHES = CONFIGS / "smoke", {"lens": "a", "ann": "b"}

OVERCONFIDENT = Fault(kind="overconfident", stretch=2.0, around=0.66)
#: What is done to the system; "" nothing.
BROKEN: dict[str, Callable[[SearchSystem], SearchSystem]] = {
    "": Remembered,
    "drift": lambda system: break_system(system, OVERCONFIDENT),
    "pool": lambda system: break_system(system, Fault(kind="truncated", keep=10)),
    "leak": Leftover,
    "constant": Constant,
}
#: Job that must turn red by what is called like it -> the checks that say so.
FAULTS = {"drift": {"aece", "dece"}, "pool": {"churn"}, "leak": {"leak"}}


class Week:
    """The three jobs of one system in one folder."""

    def __init__(self, folder: Path, weekly: Any, ann: Probed) -> None:
        self.folder, self.weekly, self.ann = folder, weekly, ann

    def job(self, week: int, *, write: bool = False) -> Jobs:
        run_id, at = f"week-{week}{'-write' if write else ''}", BEGUN + timedelta(days=7 * week)
        return jobs_in(self.folder, run_id, at, write=write)

    def drift(self, week: int, broken: str = "", *, write: bool = False, incumbent: bool = True) -> set[str]:
        return red(run_drift(self.job(week, write=write), opened(broken), self.weekly.drift, incumbent=incumbent))

    def suites(self, broken: str = "") -> Probed:
        probe = opened(broken)
        return ask_all(probe, asked_of_suites(self.weekly.suites, probe.collection), "run")

    def pool(self, week: int, lens: Probed, *, write: bool = False) -> set[str]:
        both = {"lens": lens, "ann": self.ann}
        return red(run_pool(self.job(week, write=write), self.weekly.pool, CONFIG_HASHES, both.__getitem__))

    def tripwires(self, lens: Probed) -> set[str]:
        return red(judge_tripwires("lens", self.weekly.tripwires, answered(lens.agg)))


@functools.cache
def opened(broken: str) -> Probe:
    """The incumbent of the smoke corpus, opened once; what is broken in it lies above what it remembers."""
    probe = opened("") if broken else open_probe(load_served(SMOKE))
    return with_system(probe, BROKEN[broken](probe.contender.system))


@pytest.fixture(scope="module")
def limits() -> Any:
    weekly = read_family(
        SMOKE, "weekly", drift=DriftLimits, suites=WeeklyQueries, pool=PoolAuditLimits, tripwires=TripwireLimits
    )
    queries = weekly.drift.queries.model_copy(update={"size": 800})  # twice as over-confident needs no more
    return weekly.model_copy(update={"drift": weekly.drift.model_copy(update={"queries": queries, "resamples": 400})})


@pytest.fixture(scope="module")
def accepted(limits: Any, tmp_path_factory: pytest.TempPathFactory) -> Week:
    """A folder in which a first week was accepted."""
    probe = open_probe(load_served(SMOKE, "ann"))
    ann = ask_all(probe, asked_of_suites(limits.suites, probe.collection), "run")
    week = Week(tmp_path_factory.mktemp("weeks"), limits, ann)
    week.drift(0)
    week.pool(0, week.suites())
    return week


@pytest.fixture
def weeks(accepted: Week, tmp_path: Path) -> Week:
    """A copy of it, which a test may continue."""
    for name in (FILE, LAST):
        (take(take(tmp_path) / "state") / name).write_bytes((accepted.folder / "state" / name).read_bytes())
    return Week(tmp_path, accepted.weekly, accepted.ann)


def test_a_sound_system_is_green_everywhere(weeks: Week) -> None:
    suites = weeks.suites()
    assert weeks.drift(1) == set()
    assert weeks.pool(1, suites) == set()
    assert weeks.tripwires(suites) == set()
    kept = read(weeks.folder / "state" / "metrics", job="drift")
    assert {"aece", "dece", "brier", "reliability_slope", "output_clamp", "alpha"} <= set(kept["metric"])
    counts = (weeks.folder / "weekly" / COUNTS).read_text().splitlines()
    assert counts[0] == "system,suite,pooled_judgments,coverage_percent"
    assert len(counts) == 1 + 2 * 5


@pytest.mark.parametrize("job", FAULTS)
def test_each_fault_turns_exactly_its_own_job_red(weeks: Week, job: str) -> None:
    suites = weeks.suites(job)
    found = {
        "drift": weeks.drift(1, job, incumbent=False),
        "pool": weeks.pool(1, suites),
        "leak": weeks.tripwires(suites),
    }
    assert {name for name, checks in found.items() if checks} == {job}, found
    assert FAULTS[job] <= found[job]


def test_constant_answers_trip_the_flatline_and_lose_the_pool(weeks: Week) -> None:
    suites = weeks.suites("constant")
    assert {"flatline", "spread"} <= weeks.tripwires(suites)
    assert "churn" in weeks.pool(1, suites)


def test_a_red_pool_is_not_what_next_week_is_compared_with(weeks: Week) -> None:
    broken = weeks.suites("pool")
    assert "churn" in weeks.pool(1, broken)
    assert set(pq.read_table(weeks.folder / "weekly" / DIFF)["change"].to_pylist()) == {"removed"}
    assert "churn" in weeks.pool(2, broken)
    weeks.pool(3, broken, write=True)
    assert "churn" not in weeks.pool(4, broken)


def test_drift_is_compared_with_the_accepted_week_until_another_is_accepted(weeks: Week) -> None:
    before = (weeks.folder / "state" / FILE).read_bytes()
    assert {"aece", "dece"} <= weeks.drift(1, "drift")
    assert (weeks.folder / "state" / FILE).read_bytes() == before
    weeks.drift(2, "drift", write=True)
    assert not {"aece", "dece"} & weeks.drift(3, "drift")


def test_a_named_hero_is_never_accepted(weeks: Week) -> None:
    path = weeks.folder / "state" / FILE
    path.unlink()
    weeks.drift(1, incumbent=False)
    assert not path.exists()


def test_accepted_answers_come_back_as_they_were_written(weeks: Week, tmp_path: Path) -> None:
    kept = read_answers(weeks.folder / "state" / FILE)
    write_answers(tmp_path / "again.parquet", kept.answers, {"config_hash": "x"})
    again = read_answers(tmp_path / "again.parquet")
    assert again.answers.query_id.tolist() == kept.answers.query_id.tolist()
    assert np.array_equal(again.answers.arm.confidence, kept.answers.arm.confidence)
    assert again.facts["latency_ms"] == kept.facts["latency_ms"]


def test_a_damaged_file_of_the_week_before_is_refused_and_can_be_replaced(weeks: Week) -> None:
    suites = weeks.suites()
    for name in (FILE, LAST):
        (weeks.folder / "state" / name).write_bytes(b"no parquet")
    with pytest.raises(EvidenceError, match="accept a new state: python -m pytest -m drift --write"):
        weeks.drift(1)
    with pytest.raises(EvidenceError, match="python -m pytest -m pool --write"):
        weeks.pool(1, suites)
    weeks.drift(2, write=True)
    assert weeks.drift(3) == set()
