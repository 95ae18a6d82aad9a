"""Which peers are compared, and by which rule? Each is the peer's published rule on the windows of one canary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from benchmarks.peers.growthbook import growthbook
from benchmarks.peers.kayenta import kayenta, kayenta_critical
from benchmarks.peers.thresholds import argo_rollouts, flagger, two_red_windows
from benchmarks.peers.windows import Stop, Windows

Rule = Callable[[Windows], Stop]

PEERS: Mapping[str, Rule] = MappingProxyType(
    {
        "Kayenta": kayenta,
        "Kayenta, all critical": kayenta_critical,
        "Argo Rollouts": argo_rollouts,
        "Flagger": flagger,
        "two red windows": two_red_windows,
        "GrowthBook": growthbook,
    }
)
