"""How are times taken? By CPU: a shared machine's clock says more of its neighbours than of the code."""

import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]


def best_cpu_seconds(function: Callable[[], object], rounds: int) -> float:
    """The least CPU time of some calls, after one that loads what is loaded lazily."""
    function()
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        function()
        taken.append(time.process_time() - begun)
    return min(taken)
