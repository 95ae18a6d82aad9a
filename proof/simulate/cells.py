"""Which worlds are releases simulated in? One cell each: what is true of the hero, and how many heroes climb."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from proof.simulate import changes
from proof.simulate.population import Population

Change = Callable[[Population, np.random.Generator], Population]
MODEL, REAL = "model", "real pairs"
HEROES = 3  # of a release
ERROR = 2  # position of the intent "error" in the policy


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


def all_cells(scale: float = 1.0) -> tuple[Experiment, ...]:
    """Every cell; `scale` shrinks the numbers of heroes."""

    def cell(key: str, group: str, world: str, what: str, heroes: int, **more: Any) -> Experiment:
        return Experiment(
            key=key, group=group, world=world, what=what, heroes=HEROES * max(1, round(heroes * scale / HEROES)), **more
        )

    found = []
    for world, name in ((MODEL, "model"), (REAL, "real")):
        keep = 0.75 if world == MODEL else 0.0
        found.append(cell(f"{name}-aa", "equal", world, "an equal hero (A/A)", 30_000))
        found += [
            cell(
                f"{name}-loss-{points}",
                "loss",
                world,
                f"{_points(points)} lost from the first pair",
                heroes,
                change=_losing(points, keep),
            )
            for points, heroes in ((0.5, 999), (1, 3000), (2, 999), (5, 999))
        ]
        found += [
            cell(
                f"{name}-late-{points}-{step}-{windows}", "late loss", world,
                f"{_points(points)} lost from {_when(step, windows)}",
                999, change=_losing(points, keep), late=(step, windows),
            )
            for step, windows, sizes in (
                (1, 0, (1, 2)), (2, 0, (1, 2)),
                (3, 0, (0.5, 1, 2, 5)), (3, 1, (1, 2, 5)), (3, 2, (2, 5)), (3, 3, (2, 5)),
            )
            for points in sizes
        ]  # fmt: skip
        found += [
            cell(
                f"{name}-ce-{error}", "calibration", world, f"calibration error {error}",
                3000 if error == 0.0175 else 999, pool=600, **_error(world, error),
            )
            for error in (0, 0.01, 0.0175, 0.02, 0.025, 0.03, 0.05)
        ]  # fmt: skip
        found += [
            cell(f"{name}-{key}", group, world, what, heroes, change=change)
            for key, group, what, heroes, change in _skewed()
        ]
    found += [
        *(
            cell(f"real-{key}", "one intent", REAL, what, 999, **change)
            for key, what, change in (
                ("traded", "nDCG -8 points on error messages, +1.4 on docstrings, +.3 on identifiers",
                 {"change": lambda p, rng: changes.trade(p, {ERROR: -8.0, 0: 1.4, 1: 0.3}, rng)}),
                ("sure-10", "error messages: confidence +.10", {"change": _biased(0.10)}),
                ("sure-20", "error messages: confidence +.20", {"change": _biased(0.20)}),
                ("unsure-10", "error messages: confidence -.10", {"change": _biased(-0.10)}),
                ("flip", "error messages: confidence -.15, from the 50 % step on +.10",
                 {"change": _biased(0.10), "before": _biased(-0.15), "late": (2, 0)}),
                ("right-8", "error messages: 8 more of 100 first hits right, same confidence",
                 {"change": lambda p, rng: changes.more_right(p, 0.08, ERROR, rng)}),
                ("wrong-10", "error messages: 10 fewer of 100 first hits right, same confidence",
                 {"change": lambda p, rng: changes.more_right(p, -0.10, ERROR, rng)}),
            )
        ),
        *(
            cell(f"real-tail-{share}", "slower", REAL, f"{share} % of the answers +120 ms", 600,
                 change=lambda p, rng, s=share / 100: changes.late_tail(p, s, 120.0, rng))
            for share in (0.5, 1, 2, 3)
        ),
        cell("model-ce-wiggle", "calibration", MODEL, "calibration error 0.0175 of alternating sign", 999,
             model={"error": 0.0175, "shape": "wiggle"}),
        *(
            cell(f"model-p95-{more}", "slower", MODEL, f"p95 +{more} % (of 91 ms; the guard allows 5 ms)", 600,
                 change=lambda p, _, f=1 + more / 100: changes.slow_down(p, f))
            for more in (2, 5, 10, 20)
        ),
        *(
            cell(f"model-rho-{rho}", "dependence", MODEL, f"equal, autocorrelation {rho} of recall lost", 3000,
                 change=lambda p, rng, rho=rho: changes.autocorrelate(p, rho, rng))
            for rho in (0.2, 0.4, 0.6, 0.8)
        ),
        *(
            cell(f"model-shock-{sd}", "dependence", MODEL, f"equal, windows share shocks of {sd} points (sd)", 3000,
                 shock_points=sd)
            for sd in (0.2, 0.5, 1)
        ),
        cell("model-noisy", "dependence", MODEL, "equal, the baseline's second answer churns as a hero's", 999,
             model={"noisy_baseline": True}),
        cell("model-alike", "slower", MODEL, "equal, latencies of one query alike by .5 only", 999,
             model={"alike": 0.5}),
        *(
            cell(f"split-{key}", "split traffic", MODEL, f"{what}; each query answered by one arm only", 300,
                 change=_split(change))
            for key, what, change in (
                ("aa", "an equal hero", None),
                *((f"loss-{points}", f"{_points(points)} lost", _losing(points)) for points in (1, 2, 5)),
                ("p95-10", "p95 +10 %", lambda p, _: changes.slow_down(p, 1.1)),
                ("ce-0.05", "calibration error .05", lambda p, rng: changes.redraw_correct(p, 0.05, rng)),
            )
        ),
        cell("model-low", "low traffic", MODEL, "equal, but 10,000 queries in all", 600, fresh=10_000),
        cell("real-itself", "equal", REAL, "the baseline against itself", 3000, hero="equal"),
        *(
            cell(f"real-{hero}", "as recorded", REAL, f"{hero} as recorded", 300, hero=hero)
            for hero in ("lexical", "router", "ann", "better")
        ),
    ]  # fmt: skip
    return tuple(found)


def _skewed() -> Iterator[tuple[str, str, str, int, Change]]:
    """Equal and better heroes whose differences are rare and large on one side, common and small on the other."""
    for key, what, slips, rescues in (
        ("slips", "equal: -.02 on 5 % of queries, +1.0 on .1 %", 0.05, 0.001),
        ("slips-better-1", "better by .1 point: -.02 on 5 %, +1.0 on .2 %", 0.05, 0.002),
        ("slips-better-2", "better by .2 point: -.02 on 5 %, +1.0 on .3 %", 0.05, 0.003),
    ):
        yield key, "skewed", what, 3000, partial(changes.skew, slip=0.02, slips=slips, rescues=rescues)
    lost = partial(changes.skew, slip=-0.02, slips=0.05, rescues=-0.001)
    yield "total-losses", "skewed", "equal: +.02 on 5 % of queries, -1.0 on .1 %", 3000, lost
    for share in (3, 6.5, 10):
        what = f"equal: {share} % of whole answers churn"
        yield f"churn-{share}", "churn", what, 999, _churning(share / 100)


def _churning(share: float) -> Change:
    return lambda p, rng: changes.churn_whole(p, share, rng)


def _biased(by: float) -> Change:
    return lambda p, _: changes.bias(p, by, ERROR)


def _losing(points: float, keep: float = 0.75) -> Change:
    return lambda p, rng: changes.lose(p, points / 100, rng, keep=keep)


def _split(change: Change | None) -> Change:
    def apply(population: Population, rng: np.random.Generator) -> Population:
        changed = population if change is None else change(population, rng)
        return changes.split_traffic(changed, population.rows(rng.permutation(len(population))))

    return apply


def _points(points: float) -> str:
    return f"{points} point" if points == 1 else f"{points} points"


def _when(step: int, windows: int) -> str:
    percent = (5, 25, 50, 100)[step]
    return f"the start of the {percent} % step" if not windows else f"the {percent} % step's window {windows + 1} on"


def _error(world: str, error: float) -> dict[str, Any]:
    if world == MODEL:
        return {"model": {"error": error}}
    return {"change": lambda p, rng: changes.redraw_correct(p, error, rng)}
