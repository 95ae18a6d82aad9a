"""Which worlds are releases simulated in? One cell each: what is true of the hero, and how many heroes climb."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from proof import changes
from proof.population import Population

Change = Callable[[Population, np.random.Generator], Population]
MODEL, REAL = "model", "real pairs"
HEROES = 3  # of a release


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One line of the tables."""

    key: str
    group: str
    world: str  # MODEL or REAL
    what: str
    heroes: int  # simulated; three in a row are a release
    change: Change | None = None
    late: tuple[int, int] | None = None  # step and windows into it, from which on the change holds; None: always
    shock_points: float = 0.0  # sd of what each window shares
    fresh: int = 1_000_000_000  # pairs there are
    pool: int = 3_000  # heroes that share a pool and a preflight; a cell with more has several
    model: Mapping[str, Any] = field(default_factory=dict)  # of proof.model.draw_model
    hero: str = ""  # REAL: one recorded hero as it is; "": the three, made equal


def all_cells(scale: float = 1.0) -> tuple[Cell, ...]:
    """Every cell; `scale` shrinks the numbers of heroes."""

    def cell(key: str, group: str, world: str, what: str, heroes: int, **more: Any) -> Cell:
        return Cell(
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
