"""Which promises does the project make of its rule, and do the simulated releases keep them?"""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

from gates.checks.registry import keys_of
from gates.verdicts import Kind
from proof.simulate.busy import GOOD, SLOW
from proof.simulate.summary import bounds

Row = dict[str, Any]
Claim = dict[str, Any]

#: Losses that the gate promises to find; late ones are of two points or more, from the start of the 100 % step.
LOSSES = ("loss-1", "loss-2", "loss-5", "late-2-3-0", "late-5-3-0")


def claims(rows: dict[str, Row], seeds: dict[str, Any], busy: dict[str, Any]) -> list[Claim]:
    """Each promise: what was measured, the bound of confidence, and whether it holds.

    A promise about simulated heroes holds when its bound says so, one about 100 orders of the queries when all of them
    (or the share that is promised) say so. Orders in which a false alarm of an instrument held the release first are no
    evidence for or against a check. Of a hero that the sanity battery stops only that it is never promoted is promised
    here: simulated releases have no battery, whole canaries of it are run in tests/test_seeded_heroes.py.
    """
    worlds = (of_world("model", "models", rows), of_world("real", "real pairs", rows))
    return [*chain(*worlds), *of_seeds(seeds), *_of_busy(busy)]


def of_world(name: str, world: str, rows: dict[str, Row]) -> Iterator[Claim]:
    """Of the cells of one world."""
    equal, calibrated = rows[f"{name}-aa"], rows[f"{name}-ce-0.0175"]
    rolled, releases = equal["releases_rolled_back"], equal["releases"]
    yield _at_most(f"three equal heroes, {world}: one is rolled back", rolled, releases, 0.01)
    for row in (rows[f"{name}-{loss}"] for loss in LOSSES):
        yield _at_most(f"{row['what']}, {world}: promoted", row["promoted"], row["n"], 0.01)
    what = f"equal hero, calibration error .0175, {world}"
    yield _at_least(f"{what}: promoted", calibrated["promoted"], calibrated["n"], 0.95)
    for row in (row for key, row in rows.items() if key.startswith(f"{name}-") and row.get("group") == "skewed"):
        yield _at_most(f"{row['what']}, {world}: rolled back", row["rolled_back"], row["n"], 0.0033)
    for hero, (promoted, n) in calibrated["promoted_of"].items():
        yield _at_least(f"{what}, with the churn of {hero}: promoted", promoted, n, 0.95)


def of_seeds(seeds: dict[str, Any]) -> Iterator[Claim]:
    """Of good and bad heroes over many orders."""
    for hero, seen in seeds["good"].items():
        promoted = seen["decisions"].get("PROMOTE", 0)
        yield _at_least(f"good/{hero}: promoted", promoted, seen["n"], 0.95, sure=False)
    bad = seeds["bad"].values()
    wrong, n = sum(seen["decisions"].get("PROMOTE", 0) for seen in bad), sum(seen["n"] for seen in bad)
    yield _at_most("a hero of bad/: promoted", wrong, n, 0.0, sure=False)
    for hero, seen in seeds["bad"].items():
        if seen["check"] in keys_of(Kind.SANITY):
            continue
        alarms = sum(seen["red"].get(check, 0) for check in keys_of(Kind.INSTRUMENT))
        named, held = seen["red"].get(seen["check"], 0), min(alarms, seen["decisions"].get("HOLD", 0))
        yield _at_least(f"bad/{hero}: stopped by {seen['check']}", named, seen["n"] - held, 1.0, sure=False)


def _of_busy(busy: dict[str, Any]) -> Iterator[Claim]:
    """On a busy machine nobody is rolled back who is not slow, and nobody promoted who is; on a very busy one nothing
    is decided at all."""
    for load, heroes in busy.items():
        for hero, seen in heroes.items():
            what, said = ("ROLLBACK", "rolled back") if hero in GOOD else ("PROMOTE", "promoted")
            yield _at_most(
                f"{load} machine, {hero}: {said}", seen["decisions"].get(what, 0), seen["n"], 0.0, sure=False
            )
    slow = max(SLOW, key=lambda hero: SLOW[hero])
    seen = busy["busy"][slow]
    rolled = seen["decisions"].get("ROLLBACK", 0)
    yield _at_least(f"busy machine, {slow}: rolled back", rolled, seen["n"], 0.95, sure=False)


def _claim(what: str, k: int, n: int, limit: float, *, sense: str, sure: bool = True) -> Claim:
    """`sure`: the bound of confidence must say so, not only what was counted."""
    lower, upper = bounds(k, n, 0.9)  # one side of it: 95 %
    sign, bound = (1, upper) if sense == "at most" else (-1, lower)
    return {
        "claim": what, "sense": sense, "limit": limit, "k": k, "n": n, "rate": k / n, "bound": float(f"{bound:.3g}"),
        "holds": sign * (bound if sure else k / n) <= sign * limit,
    }  # fmt: skip


_at_most, _at_least = (partial(_claim, sense=sense) for sense in ("at most", "at least"))
