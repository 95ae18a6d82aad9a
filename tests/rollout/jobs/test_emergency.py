"""Is an emergency told from a stall?"""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gates.errors import ConfigError
from gates.verdicts import Cell, Verdict
from rollout.jobs.check import judge_all
from rollout.jobs.emergency import CHECKS, Alarm, EmergencyLimits, Rounds
from rollout.jobs.health import HealthLimits
from rollout.jobs.settings import read_family
from tests.edits import replace
from tests.rollout.jobs.weeks import CONFIGS, red

LIMITS: EmergencyLimits = read_family(CONFIGS, "continuous", emergency=EmergencyLimits).emergency
SHAPE = (5, 20)


def rounds(**columns: Any) -> Rounds:
    sound: dict[str, Any] = {
        "sentinels": [f"s{i}" for i in range(20)],
        "latency_ms": np.full(SHAPE, 1.0),
        "calibrator_ms": np.full(SHAPE, 0.02),
        "error": np.zeros(SHAPE, dtype=np.bool_),
        "hits": np.full(SHAPE, 50),
    }
    return Rounds(**{**sound, **columns})


def judged(p95: float = 3.0, **columns: Any) -> dict[str, Cell]:
    return judge_all(CHECKS, "lens", Alarm(LIMITS, rounds(**columns), p95))


def first(n: int, value: Any, otherwise: Any) -> Any:
    found = np.full(100, otherwise)
    found[:n] = value
    return found.reshape(SHAPE)


def test_a_sound_system_is_no_emergency() -> None:
    cells = judged()
    assert list(cells) == [check.key for check in CHECKS]
    assert {cell.verdict for cell in cells.values()} == {Verdict.GREEN}


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"calibrator_ms": first(6, 1.0, 0.02)}, set()),
        ({"calibrator_ms": first(7, 1.0, 0.02)}, {"calibrator_p99"}),
        ({"error": first(6, True, False)}, set()),
        ({"error": first(7, True, False)}, {"errors"}),
        ({"latency_ms": first(49, 5_000.0, 1.0)}, set()),
        ({"latency_ms": first(51, 5_000.0, 1.0)}, {"latency"}),
        ({"latency_ms": np.full(SHAPE, 14.0)}, set()),
        ({"latency_ms": np.full(SHAPE, 16.0)}, {"latency"}),
        ({"p95": 20.0, "latency_ms": np.full(SHAPE, 59.0)}, set()),
    ],
    ids=["six slow calls", "seven", "six errors", "seven errors", "a stall", "a spike", "below the floor", "above it",
         "slow when accepted"],
)  # fmt: skip
def test_what_is_shown_counts_and_nothing_before(columns: dict[str, Any], found: set[str]) -> None:
    assert red(judged(**columns)) == found


def test_without_accepted_answers_the_floor_alone_holds() -> None:
    cells = judged(p95=float("nan"), latency_ms=np.full(SHAPE, 16.0))
    assert red(cells) == {"latency"}
    assert "no p95 is accepted yet" in cells["latency"].note


def test_one_silent_sentinel_is_an_emergency_one_silent_round_is_none() -> None:
    once = np.full(SHAPE, 50)
    once[0] = 0
    assert red(judged(hits=once)) == set()
    always = np.full(SHAPE, 50)
    always[:, 3] = 0
    cells = judged(hits=always)
    assert red(cells) == {"zero_results"}
    assert "nothing found for s3: " in cells["zero_results"].note


def test_what_nobody_measured_is_not_evidenced() -> None:
    cells = judged(calibrator_ms=np.full(SHAPE, np.nan), error=np.ones(SHAPE, dtype=np.bool_))
    assert cells["calibrator_p99"].verdict is Verdict.INCONCLUSIVE
    assert cells["latency"].verdict is Verdict.INCONCLUSIVE
    nobody = judged(sentinels=[], hits=np.zeros((5, 0), np.int64))
    assert nobody["zero_results"].verdict is Verdict.INCONCLUSIVE


def test_a_mistake_in_the_block_of_another_job_does_not_silence_it(tmp_path: Path) -> None:
    replace(Path(shutil.copy(CONFIGS / "continuous.yaml", tmp_path)), "p95_factor: 3", "p95_factor: none")
    assert read_family(tmp_path, "continuous", emergency=EmergencyLimits).emergency == LIMITS
    with pytest.raises(ConfigError, match=r"health\.p95_factor"):
        read_family(tmp_path, "continuous", health=HealthLimits)


def test_no_limit_is_so_wide_that_it_is_never_met(tmp_path: Any) -> None:
    path, text = tmp_path / "continuous.yaml", (CONFIGS / "continuous.yaml").read_text()
    path.write_text(re.sub("factor: 3 ", "factor: 3000 ", text))
    for name, model in (("emergency.factor", EmergencyLimits), ("health.p95_factor", HealthLimits)):
        with pytest.raises(ConfigError, match=f"{name}: 3000.*less than or equal to 100"):
            read_family(tmp_path, "continuous", **{name.partition(".")[0]: model})
