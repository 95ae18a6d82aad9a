"""Which worlds are releases simulated in? One cell each: what is true of the hero, and how many heroes climb."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from proof.simulate import changes
from proof.simulate.changes import Change

MODEL, REAL = "model", "real pairs"
HEROES = 3  # of a release


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One line of the tables."""

    key: str
    group: str
    world: str  # MODEL or REAL
    what: str
    heroes: int  # simulated; three in a row are a release
    change: Change | None = None
    late: tuple[int, int] | None = None  # step and windows into it, from which on the change holds; None: always
    before: Change | None = None  # that holds until then
    shock_points: float = 0.0  # sd of what each window shares
    fresh: int = 1_000_000_000  # pairs there are
    pool: int = 3_000  # heroes that share a pool and a preflight; a cell with more has several
    model: Mapping[str, Any] = field(default_factory=dict)  # of proof.simulate.model.draw_model
    hero: str = ""  # REAL: one recorded hero as it is; "": the three, made equal


def all_cells() -> tuple[Experiment, ...]:
    """Every cell."""
    found = []

    def add(
        key: str, group: str, world: str, what: str, heroes: int, change: Change | None = None, **more: Any
    ) -> None:
        found.append(Experiment(key=key, group=group, world=world, what=what, heroes=heroes, change=change, **more))

    for world, name in ((MODEL, "model"), (REAL, "real")):
        keep = 0.75 if world == MODEL else 0.0
        add(f"{name}-aa", "equal", world, "an equal hero (A/A)", 30_000)
        for points, heroes in ((0.5, 999), (1, 3000), (2, 999), (5, 999)):
            what = f"{_points(points)} lost from the first pair"
            add(f"{name}-loss-{points}", "loss", world, what, heroes, _losing(points, keep))
        for points, step, windows in LATE:
            what = f"{_points(points)} lost from {_when(step, windows)}"
            lost, late = _losing(points, keep), (step, windows)
            add(f"{name}-late-{points}-{step}-{windows}", "late loss", world, what, 999, lost, late=late)
        for error in (0, 0.01, 0.0175, 0.02, 0.025, 0.03, 0.05):
            of_world: dict[str, Any] = {"model": {"error": error}}
            if world == REAL:
                of_world = {"change": partial(changes.redraw_correct, error=error)}
            heroes, what = 3000 if error == 0.0175 else 999, f"calibration error {error}"
            add(f"{name}-ce-{error}", "calibration", world, what, heroes, pool=600, **of_world)
        for key, group, what, heroes, change in NOBODY_WORSE:
            add(f"{name}-{key}", group, world, what, heroes, change)
    for key, what, change, more in ONE_INTENT:
        add(f"real-{key}", "one intent", REAL, what, 999, change, **more)
    for share in (0.5, 1, 2, 3):
        late_tail = partial(changes.late_tail, share=share / 100, milliseconds=120.0)
        add(f"real-tail-{share}", "slower", REAL, f"{share} % of the answers +120 ms", 600, late_tail)
    wiggle = {"error": 0.0175, "wiggles": True}
    add("model-ce-wiggle", "calibration", MODEL, "calibration error 0.0175 of alternating sign", 999, model=wiggle)
    for percent in (2, 5, 10, 20):
        what = f"p95 +{percent} % (of 91 ms; the guard allows 5 ms)"
        add(f"model-p95-{percent}", "slower", MODEL, what, 600, partial(changes.slow_down, factor=1 + percent / 100))
    for rho in (0.2, 0.4, 0.6, 0.8):
        what = f"equal, autocorrelation {rho} of recall lost"
        add(f"model-rho-{rho}", "dependence", MODEL, what, 3000, partial(changes.autocorrelate, rho=rho))
    for sd in (0.2, 0.5, 1):
        what = f"equal, windows share shocks of {sd} points (sd)"
        add(f"model-shock-{sd}", "dependence", MODEL, what, 3000, shock_points=sd)
    what = "equal, the baseline's second answer churns as a hero's"
    add("model-noisy", "dependence", MODEL, what, 999, model={"noisy_baseline": True})
    what = "equal, latencies of one query alike by .5 only"
    add("model-alike", "slower", MODEL, what, 999, model={"alike": 0.5})
    for key, what, split in SPLIT:
        what = f"{what}; each query answered by one arm only"
        add(f"split-{key}", "split traffic", MODEL, what, 300, partial(changes.split_traffic, change=split))
    add("model-low", "low traffic", MODEL, "equal, but 10,000 queries in all", 600, fresh=10_000)
    add("real-itself", "equal", REAL, "the baseline against itself", 3000, hero="equal")
    for hero in ("lexical", "router", "ann", "better"):
        add(f"real-{hero}", "as recorded", REAL, f"{hero} as recorded", 300, hero=hero)
    return tuple(found)


def _losing(points: float, keep: float = 0.75) -> Change:
    return partial(changes.lose, points=points / 100, keep=keep)


def _points(points: float) -> str:
    return f"{points} point" if points == 1 else f"{points} points"


def _when(step: int, windows: int) -> str:
    percent = (5, 25, 50, 100)[step]
    return f"the start of the {percent} % step" if not windows else f"the {percent} % step's window {windows + 1} on"


#: Points lost, and from when on: a step, and windows into it.
LATE = (
    (1, 1, 0), (2, 1, 0), (1, 2, 0), (2, 2, 0), (0.5, 3, 0), (1, 3, 0), (2, 3, 0), (5, 3, 0),
    (1, 3, 1), (2, 3, 1), (5, 3, 1), (2, 3, 2), (5, 3, 2), (2, 3, 3), (5, 3, 3),
)  # fmt: skip
_skew = partial(changes.skew, slips=0.05)
#: Equal and better heroes whose differences are rare and large on one side, common and small on the other; and churn.
NOBODY_WORSE: tuple[tuple[str, str, str, int, Change], ...] = (
    ("slips", "skewed", "equal: -.02 on 5 % of queries, +1.0 on .1 %", 3000, partial(_skew, slip=0.02, rescues=0.001)),
    ("slips-better-1", "skewed", "better by .1 point: -.02 on 5 %, +1.0 on .2 %", 3000,
     partial(_skew, slip=0.02, rescues=0.002)),
    ("slips-better-2", "skewed", "better by .2 point: -.02 on 5 %, +1.0 on .3 %", 3000,
     partial(_skew, slip=0.02, rescues=0.003)),
    ("total-losses", "skewed", "equal: +.02 on 5 % of queries, -1.0 on .1 %", 3000,
     partial(_skew, slip=-0.02, rescues=-0.001)),
    *((f"churn-{share}", "churn", f"equal: {share} % of whole answers churn", 999,
       partial(changes.churn_whole, share=share / 100)) for share in (3, 6.5, 10)),
)  # fmt: skip
_bias, _right = (partial(change, intent=2) for change in (changes.bias, changes.more_right))  # on error messages
ONE_INTENT: tuple[tuple[str, str, Change, dict[str, Any]], ...] = (
    ("traded", "nDCG -8 points on error messages, +1.4 on docstrings, +.3 on identifiers",
     partial(changes.trade, by_intent={2: -8.0, 0: 1.4, 1: 0.3}), {}),
    ("sure-10", "error messages: confidence +.10", partial(_bias, by=0.10), {}),
    ("sure-20", "error messages: confidence +.20", partial(_bias, by=0.20), {}),
    ("unsure-10", "error messages: confidence -.10", partial(_bias, by=-0.10), {}),
    ("flip", "error messages: confidence -.15, from the 50 % step on +.10",
     partial(_bias, by=0.10), {"before": partial(_bias, by=-0.15), "late": (2, 0)}),
    ("right-8", "error messages: 8 more of 100 first hits right, same confidence", partial(_right, share=0.08), {}),
    ("wrong-10", "error messages: 10 fewer of 100 first hits right, same confidence", partial(_right, share=-0.10), {}),
)  # fmt: skip
SPLIT: tuple[tuple[str, str, Change | None], ...] = (
    ("aa", "an equal hero", None),
    *((f"loss-{points}", f"{_points(points)} lost", _losing(points)) for points in (1, 2, 5)),
    ("p95-10", "p95 +10 %", partial(changes.slow_down, factor=1.1)),
    ("ce-0.05", "calibration error .05", partial(changes.redraw_correct, error=0.05)),
)
