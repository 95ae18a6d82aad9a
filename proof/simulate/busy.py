"""What does a busy machine do to a decision? The recorded answers, with waiting put on every clock.

An answer waits with a chance that says how busy the machine is, 4 ms on average, which is several times what answers
take by themselves. Everybody waits alike, baseline and preflight as well.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gates.pairs import Arm
from gates.policy import Policy
from proof.simulate.recording import Recording

LOADS = {"busy": 0.02, "very busy": 0.5}  # chance that an answer waits
WAITS_MS, SLOWER_MS = 4.0, 20.0
SLOW = {"equal, 20 ms more on 10 %": 0.10, "equal, 20 ms more on 7 %": 0.07}
GOOD = ("equal", "better", "router")


def busy_recording(recording: Recording, policy: Policy, load: str, seed: int) -> Recording:
    """The good heroes and two slow ones on a busy machine."""
    chance = LOADS[load]
    rng, sla_ms = np.random.default_rng((seed, 2)), policy.sla_ms
    equal = recording.arms["equal"]
    slow = {name: slowed(equal, share, sla_ms, rng) for name, share in SLOW.items()}
    arms = {**{name: recording.arms[name] for name in ("baseline", "repeat", *GOOD)}, **slow}
    return replace(
        recording,
        arms={name: waiting(arm, chance, sla_ms, rng) for name, arm in arms.items()},
        preflight=replace(recording.preflight, arm=waiting(recording.preflight.arm, chance, sla_ms, rng)),
    )


def waiting(arm: Arm, chance: float, sla_ms: float, rng: np.random.Generator) -> Arm:
    """The answers, each as late as it waited."""
    n = len(arm)
    wait = np.where(rng.random(n) < chance, rng.exponential(WAITS_MS, n), 0.0)
    return replace(later(arm, wait, sla_ms), wait_ms=wait)


def slowed(arm: Arm, share: float, sla_ms: float, rng: np.random.Generator) -> Arm:
    """A share of the answers takes longer by itself."""
    return later(arm, np.where(rng.random(len(arm)) < share, SLOWER_MS, 0.0), sla_ms)


def later(arm: Arm, more_ms: np.ndarray, sla_ms: float) -> Arm:
    """The answers so much later; what comes after the SLA is lost."""
    latency = arm.latency_ms - arm.wait_ms + more_ms
    return replace(
        arm,
        latency_ms=latency,
        wait_ms=np.zeros(len(arm)),
        recall=np.where(latency > sla_ms, 0.0, arm.found),
        spend_ms=np.where(arm.spend_ms > 0, arm.spend_ms + more_ms, 0.0),
    )
