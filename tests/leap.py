"""Time that leaps where a seeded fault sleeps: a slow answer is as late as it says, and nobody waits for it.

A plugin for a gate that asks a hero hundreds of such queries: 200 ms each are a minute of nothing.
"""

import time
from types import SimpleNamespace

import pytest

from fixtures.systems import faults
from rollout import replay


def leaping(patch: pytest.MonkeyPatch) -> None:
    """From now on faults move the clock by which answers are timed, for as long as `patch` lasts."""
    ahead = [0]
    sleep = SimpleNamespace(
        sleep=lambda seconds: ahead.append(ahead.pop() + round(seconds * 1e9)),
        perf_counter=lambda: time.perf_counter() + ahead[0] / 1e9,
    )
    clock = SimpleNamespace(
        perf_counter_ns=lambda: time.perf_counter_ns() + ahead[0], thread_time_ns=time.thread_time_ns
    )
    patch.setattr(faults, "time", sleep)
    patch.setattr(replay, "time", clock)


def pytest_configure() -> None:
    """For the rest of the process."""
    leaping(pytest.MonkeyPatch())
