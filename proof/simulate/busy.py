"""What does a busy machine do to a decision? The recorded answers, with waiting put on every clock.

An answer waits with a chance that says how busy the machine is, 4 ms on average, which is several times what answers
take by themselves. Everybody waits alike, baseline and preflight as well.
"""

from dataclasses import replace

import numpy as np

from gates.pairs import Arm
from gates.policy import Policy
from proof.simulate.model import in_time
from proof.simulate.recording import Recording

LOADS = {"busy": 0.02, "very busy": 0.5}  # chance that an answer waits
WAITS_MS, SLOWER_MS = 4.0, 20.0
SLOW = {"equal, 20 ms more on 10 %": 0.10, "equal, 20 ms more on 7 %": 0.07}
GOOD = ("equal", "better", "router")


def busy_recording(recording: Recording, policy: Policy, load: str, seed: int) -> Recording:
    """The good heroes and two slow ones on a busy machine."""
    rng, arms = np.random.default_rng((seed, 2)), recording.arms
    asked = {name: arms[name] for name in ("baseline", "repeat", *GOOD)}
    for name, share in SLOW.items():
        slow = np.where(rng.random(len(arms["equal"])) < share, SLOWER_MS, 0.0)
        asked[name] = _later(arms["equal"], slow, policy.sla_ms)

    def waiting(arm: Arm) -> Arm:
        return wait(arm, LOADS[load], policy.sla_ms, rng)

    asked = {name: waiting(arm) for name, arm in asked.items()}
    alone = replace(recording.preflight, baseline=waiting(recording.preflight.baseline))
    return replace(recording, arms=asked, preflight=alone)


def wait(arm: Arm, chance: float, sla_ms: float, rng: np.random.Generator) -> Arm:
    """The answers, each as late as it waited."""
    n = len(arm)
    waited = np.where(rng.random(n) < chance, rng.exponential(WAITS_MS, n), 0.0)
    return replace(_later(arm, waited, sla_ms), wait_ms=waited)


def _later(arm: Arm, more_ms: np.ndarray, sla_ms: float) -> Arm:
    """The answers so much later, and nobody waited; what comes after the SLA is lost."""
    latency, spent = arm.latency_ms - arm.wait_ms + more_ms, np.where(arm.spend_ms > 0, arm.spend_ms + more_ms, 0.0)
    return in_time(replace(arm, latency_ms=latency, wait_ms=np.zeros(len(arm)), spend_ms=spent), sla_ms)
