"""Command: what do the peers' rules decide on six simulated streams? Writes docs/peers.md, this gate beside them.

    python -m benchmarks.peers

The rates of this gate on the same streams are those of configs/characteristics.json. One process, about a minute.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.growthbook import growthbook
from benchmarks.peers.kayenta import kayenta
from benchmarks.peers.thresholds import argo_rollouts, flagger, two_red_windows
from benchmarks.peers.windows import Stop, Windows, two_samples
from evidence.files import write_whole
from gates.pairs import COLUMNS, Arm
from gates.policy import Policy, load_policy
from proof.pages.page import rendered
from proof.simulate import changes
from proof.simulate.changes import Change
from proof.simulate.model import draw_model
from proof.simulate.population import Population

#: Each peer's published rule on the windows of one canary.
PEERS: Mapping[str, Callable[[Windows], Stop]] = {
    "Kayenta": kayenta,
    "Kayenta, all critical": partial(kayenta, critical=True),
    "Argo Rollouts": argo_rollouts,
    "Flagger": flagger,
    "two red windows": two_red_windows,
    "GrowthBook": growthbook,
}
RUNS = 100  # canaries of each stream
WINDOWS = 16  # of a canary that needs no extension: the peers, too, promote after so many

#: Stream -> what is done to an equal hero, and the cells of our own rule: paired and split.
STREAMS: dict[str, tuple[Change, str, str]] = {
    "A/A": (lambda p, _: p, "model-aa", "split-aa"),
    "-1 point": (partial(changes.lose, points=0.01), "model-loss-1", "split-loss-1"),
    "-2 points": (partial(changes.lose, points=0.02), "model-loss-2", "split-loss-2"),
    "-5 points": (partial(changes.lose, points=0.05), "model-loss-5", "split-loss-5"),
    "p95 +10 %": (partial(changes.slow_down, factor=1.1), "model-p95-10", "split-p95-10"),
    "calibration error .05": (partial(changes.redraw_correct, error=0.05), "model-ce-0.05", "split-ce-0.05"),
}

Found = Counter[tuple[str, str]]  # rule, paired or split -> how many were rolled back


def main() -> None:
    """Run the command."""
    policy = load_policy(Path("configs/policy.yaml"))
    ours = json.loads(Path("configs/characteristics.json").read_text(encoding="utf-8"))["cells"]
    found = {stream: run_peers(stream, policy) for stream in STREAMS}
    write_whole(Path("docs/peers.md"), page(found, {row["key"]: row for row in ours}))
    print("wrote docs/peers.md")


def run_peers(stream: str, policy: Policy) -> Found:
    """How many of the canaries every rule rolls back."""
    change, window = STREAMS[stream][0], policy.ladder.window
    found: Found = Counter()
    for run in range(RUNS):
        rng = np.random.default_rng((run, *stream.encode()))
        drawn = (draw_model(WINDOWS * window, rng).sample(WINDOWS * window, rng) for _ in range(2))
        one, other = (windows_of(change(equal, rng), window) for equal in drawn)
        for how, windows in (("paired", one), ("split", two_samples(one, other))):
            found.update((rule, how) for rule, decide in PEERS.items() if decide(windows).how == "rolled back")
    return found


def windows_of(population: Population, window: int) -> Windows:
    """A population as the peers' rules are given it."""

    def arm(side: Arm) -> Arm:
        return Arm(**{name: getattr(side, name).reshape(-1, window) for name in COLUMNS})

    return Windows(hero=arm(population.hero), baseline=arm(population.baseline))


def page(found: Mapping[str, Found], ours: Mapping[str, Mapping[str, Any]]) -> str:
    """The page of these decisions."""
    lines: list[tuple[str, str, list[float]]] = []
    for rule in PEERS:
        for how in ("paired", "split"):
            lines.append((rule, how, [rolled[rule, how] / RUNS for rolled in found.values()]))
    for at, how in ((1, "paired"), (2, "split")):
        rows = [ours[str(STREAMS[stream][at])] for stream in found]
        for title, what in (("**this gate**", "rolled_back"), ("this gate: *promoted*", "promoted")):
            lines.append((title, how, [row[what] / row["n"] for row in rows]))
    template = Path(__file__).with_name("peers.md.j2")
    return rendered(template, lines=lines, runs=RUNS, streams=list(found), windows=WINDOWS)


if __name__ == "__main__":
    main()
