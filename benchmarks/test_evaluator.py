"""Does judging a window of 800 pairs cost at most 20 ms of CPU time, all questions and looks included?"""

import time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.conftest import ROOT
from gates.pairs import Pairs
from gates.policy import load_policy
from gates.rule.evaluator import Evaluator
from tests.gates.builders import constants, equal_pairs

LIMIT_SECONDS = 0.020
POLICY = load_policy(ROOT / "configs" / "policy.yaml")
BLOCKS = POLICY.ladder.window // POLICY.ladder.red_every


def judge_window(evaluator: Evaluator, window: list[Pairs]) -> None:
    """Eight looks for RED, and the end of the window."""
    for block in window:
        evaluator.observe(block)
    evaluator.end_window()


@pytest.mark.benchmark(group="judging one window of 800 pairs", timer=time.process_time)
@pytest.mark.parametrize("number", [1, 4, 24], ids=["first", "with a calibration look", "last of the canary"])
def test_a_window_is_judged_in_20_ms(benchmark: BenchmarkFixture, number: int) -> None:
    """The check of the limit."""
    windows = [[equal_pairs(POLICY.ladder.red_every, seed=100 * w + b) for b in range(BLOCKS)] for w in range(number)]

    def before() -> tuple[tuple[Evaluator, list[Pairs]], dict[str, object]]:
        evaluator = Evaluator(hero="lexical", policy=POLICY, constants=constants(), missing={})
        evaluator.begin_step(5)
        for window in windows[:-1]:
            judge_window(evaluator, window)
        return (evaluator, windows[-1]), {}

    benchmark.pedantic(judge_window, setup=before, rounds=15)
    if benchmark.stats is not None:  # --benchmark-disable
        best = benchmark.stats.stats.min  # neighbours on the machine only ever add
        print(f"\nwindow {number}: {1000 * best:.1f} ms CPU (best of 15)")
        assert best <= LIMIT_SECONDS
