"""Do more answers come very late than before, at the 99th percentile?"""

from gates.checks.check import Name
from gates.checks.p95_latency import LatencyTail


class P99Latency(LatencyTail):
    """A few users wait very much longer, which no mean and no p95 shows."""

    key, quantile, place = "p99_latency", 0.99, 3
    name = Name(label="p99 latency added", unit="ms", digits=1)
    fault = {"kind": "slow", "milliseconds": 120, "share": 0.2}
