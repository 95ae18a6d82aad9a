"""Command: the pictures of docs/statistics.md, and that page itself with the numbers that they show.

    python -m proof.pages.pictures [FOLDER]

Nothing is measured: the heroes are made up by seed, and the gate's own functions judge them. Some seconds.
"""

import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.files import write_whole
from gates.checks.aece_tau import AeceTau
from gates.policy import Policy, load_policy
from gates.rule.offline import Margin, Rates, charged, foresee, least_margin, show
from gates.rule.trackers import Thresholds
from gates.statistics import Array
from gates.statistics.calibration import calibration_error, equal_mass_edges, error_interval, fill_bins
from gates.statistics.eprocess import bet, log_evidence
from gates.statistics.gaffke import lower
from gates.statistics.pvalues import Interval, mean_interval
from gates.verdicts import Verdict
from proof.pages.page import rendered
from proof.simulate.model import draw_model
from proof.simulate.offline import ALPHAS, WORLDS, gaffke, paired_t
from proof.simulate.recording import ROOT
from reports.model.pictures import Panel, Picture, Series, StraightLine, whiskered
from reports.render.figures import picture_svg

Found = dict[str, Any]
TEMPLATE = Path(__file__).with_name("statistics.md.j2")
SEED = 18
PAIRS = tuple(100 * 2**k for k in range(8))  # to 12,800: a whole climb
AXIS = (0, 100)  # of points, from end to end
AT = PAIRS.index(800)  # of which the page tells
HEROES, LOOKS, BLOCK = 500, 128, 100  # a look every 100 pairs, as the gate looks for RED
AT_LOOKS = BLOCK * np.arange(1, LOOKS + 1)
LOSS, MU = 0.01, 0.03
SLIPS, RARE_LOSSES = WORLDS[5], WORLDS[9]
CASES = (("equal", 800, 0.0), ("equal", 60, 0.0), ("1 point worse", 6_000, LOSS), ("6 points worse", 60, 2 * MU),
         ("6 points worse", 800, 2 * MU))  # fmt: skip
FEW, SAMPLES, DRAWN = 200, 4_000, 40
#: How much answers change, and in which world.
CHURNS = {"ranks slip on 30 %": SLIPS, "graded nDCG moves on 60 %": WORLDS[6], "whole answers on 5 %": WORLDS[2],
          "whole answers on 20 %": WORLDS[4]}  # fmt: skip
JUDGED, TOLD = (50, 100, 200, 500, 1_000, 2_000, 5_000), (200, 500, 2_000)


def write_pictures(docs: Path, policy: Policy) -> Found:
    """Writes docs/pictures/*.svg and docs/statistics.md; the numbers that the page was filled with."""
    found: Found = {
        "few": min(n for _, n, _ in CASES), "asked": FEW, "mu": 100 * MU, "heroes": HEROES, "looks": LOOKS,
        "block": BLOCK,
    }  # fmt: skip
    for i, picture in enumerate((pairs, looks, evidence, verdicts, few, calibration, margins)):
        title, *panels = picture(found, np.random.default_rng((SEED, i)), policy)
        name, stamp = picture.__name__, f"python -m proof.pages.pictures, seed {SEED}"
        drawn = Picture(
            name=name, title=title, words=title, stamp=stamp, columns=len(panels), height=3.6, panels=tuple(panels)
        )
        write_whole(docs / "pictures" / f"{name}.svg", picture_svg("Made-up heroes", drawn))
    write_whole(docs / "statistics.md", rendered(TEMPLATE, **found))
    return found


def pairs(found: Found, rng: np.random.Generator, _: Policy) -> tuple[Any, ...]:
    """Why the same queries: what differs, and how wide the interval of the difference is."""
    drawn = draw_model(PAIRS[-1], rng)
    hero, baseline = 100 * drawn.hero.ndcg[: PAIRS[-1]], 100 * drawn.baseline.ndcg[: PAIRS[-1]]
    others = np.roll(baseline, PAIRS[-1] // 2)  # the baseline's answers to other queries
    known = [[mean_interval(x[:n]) for n in PAIRS] for x in (hero - baseline, hero, others)]
    same, *apart = ([value - low for value, low, _ in intervals] for intervals in known)
    split = [math.hypot(*halves) for halves in zip(*apart, strict=True)]
    found |= {
        "alike": 100 * float((hero == baseline).mean()), "pairs": PAIRS[AT], "same": same[AT], "split": split[AT],
        "times": (split[AT] / same[AT]) ** 2,
    }  # fmt: skip
    one_query = Panel(
        title="one query, both answers", x_label="nDCG@10 of the baseline, points", y_label="... of the hero",
        series=(_curve("both alike", "holds_needed", AXIS, AXIS), _curve("", "part0", baseline[:120], hero[:120])),
    )  # fmt: skip
    ways = (_curve("different queries", "baseline", PAIRS, split), _curve("the same queries", "hero", PAIRS, same))
    title = "how well the difference is known"
    return (
        "why the same queries",
        one_query,
        Panel(title=title, x_label="queries", y_label="± points (95 %)", log="xy", series=ways),
    )


def looks(found: Found, rng: np.random.Generator, policy: Policy) -> tuple[Any, ...]:
    """What looking again and again does to a p-value, and not to evidence."""
    alpha, red = policy.error_rates.red, math.exp(Thresholds.of(policy).red)
    found |= {"alpha": alpha, "promise": 1 / alpha, "red": red, "green": 1 / policy.error_rates.green}
    panels = []
    for title, loss in (("equal heroes called broken so far", 0.0), ("heroes that lose a point, found", LOSS)):
        seen, small = _looked_at(loss, rng, alpha, HEROES)
        by_p, by_promise, by_red = (_so_far(reached) for reached in (small, seen >= 1 / alpha, seen >= red))
        curves = (
            _curve(f"p < {alpha:g} at some look", "baseline_curve", AT_LOOKS, by_p),
            _curve(f"evidence ≥ {1 / alpha:,.0f}", "hero_curve", AT_LOOKS, by_promise),
            _curve(f"evidence ≥ {red:,.0f}, as in a release", "broken_needed", AT_LOOKS, by_red),
        )
        rules = () if loss else (StraightLine(axis="y", at=100 * alpha),)
        what = "pairs, looked at every 100"
        panels.append(Panel(title=title, x_label=what, y_label="% of heroes", series=curves, rules=rules))
        found |= {f"by_p_{loss:g}": by_p[-1], f"by_promise_{loss:g}": by_promise[-1]}
    halves = (("half_promise", by_promise), ("half_red", by_red))
    found |= {name: int(AT_LOOKS[np.argmax(y >= 50)]) for name, y in halves}
    return "what looking again and again does", *panels


def evidence(_: Found, rng: np.random.Generator, policy: Policy) -> tuple[Any, ...]:
    """The evidence of a few heroes, as it grows and falls."""
    red = math.exp(Thresholds.of(policy).red)
    curves = [
        _curve(name, look, AT_LOOKS, one)
        for loss, look, name in ((LOSS, "hero_curve", "loses a point"), (0.0, "baseline_curve", "equal"))
        for one in _looked_at(loss, rng, policy.error_rates.red, 5)[0]
    ]
    return "evidence that something is lost, of five each", Panel(
        title="times the stake", x_label="pairs", log="y", y_ends=(1e-4, 1e9), series=tuple(curves),
        rules=(StraightLine(axis="y", at=red, words=f"RED: {red:,.0f}"),),
    )  # fmt: skip


def verdicts(found: Found, _: np.random.Generator, __: Policy) -> tuple[Any, ...]:
    """Shown, shown broken, and neither: samples that are just as their worlds are, so that no luck is in them."""
    looks_of = {Verdict.GREEN: "holds", Verdict.RED: "broken", Verdict.INCONCLUSIVE: "suite"}
    series, found["verdicts"] = [], {}
    for place, (what, n, loss) in enumerate(CASES):
        counts = np.rint(n * SLIPS.weights(loss)).astype(np.int64)
        counts[SLIPS.values == 0] += n - counts.sum()
        d = np.repeat(SLIPS.values, counts)
        shown = show(d, Margin(mu=MU), Rates())
        within = f", {shown.note}" if shown.verdict is Verdict.GREEN and shown.note else ""
        interval = Interval(float(d.mean()), shown.lower, shown.upper)
        series.append(whiskered(looks_of[shown.verdict], [interval], [place], 100, f"{shown.verdict}{within}"))
        found["verdicts"][f"{what}, {n}"] = shown.verdict
    return "where the mean difference can be", Panel(
        x_label="points of nDCG@10", rows=tuple(f"{what}, {n:,} queries" for what, n, _ in CASES), series=tuple(series),
        rules=(StraightLine(axis="x", at=0, look="zero"), StraightLine(axis="x", at=-100 * MU, words="the margin")),
    )  # fmt: skip


def few(found: Found, rng: np.random.Generator, _: Policy) -> tuple[Any, ...]:
    """Usual intervals beside Gaffke's bound, where a few queries are lost whole."""
    counts = rng.multinomial(FEW, RARE_LOSSES.weights(0), SAMPLES)
    samples = [np.repeat(RARE_LOSSES.values, row) for row in counts[:DRAWN]]
    usual, bounds = [mean_interval(d) for d in samples], [100 * lower(d, ALPHAS[0]) for d in samples]
    series = []
    for look, name, wrong in (("intent", "usual interval", False), ("whole", "... wholly above the truth", True)):
        at = [i for i, interval in enumerate(usual) if (interval.lower > 0) is wrong]
        value, low, high = ([100 * usual[i][end] for i in at] for end in range(3))
        series.append(_curve(name, look, at, value, y_low=tuple(low), y_high=tuple(high)))
    rules = {"t": paired_t, "offline": gaffke}
    gain = {name: rule(RARE_LOSSES.values, counts, 0.0, ALPHAS, rng)[0].mean() for name, rule in rules.items()}
    found |= {"level": 100 * ALPHAS[0], "gain": {name: 100 * float(share) for name, share in gain.items()}}
    return f"equal ones, {FEW} queries each", Panel(
        x_label="samples", y_label="points", rules=(StraightLine(axis="y", at=0, words="the truth", look="zero"),),
        series=(*series, _curve("Gaffke's bound L", "baseline_dot", range(DRAWN), bounds)),
    )  # fmt: skip


def calibration(found: Found, rng: np.random.Generator, policy: Policy) -> tuple[Any, ...]:
    """Confidence and how often it is right; what no error at all looks like at n pairs."""
    series = [_curve("right as often as stated", "holds_needed", (0.2, 1), (0.2, 1))]
    for error, look, name in ((0.0, "baseline", "as sure as it is right"), (0.05, "hero", "off by .05")):
        arm = draw_model(PAIRS[-1] // 2, rng, error=error).hero
        edges = equal_mass_edges(arm.confidence, policy.bins)
        bins = fill_bins(arm.confidence, arm.correct, edges)
        said = np.array([part.mean() for part in np.array_split(np.sort(arm.confidence), policy.bins)])
        right, half = said - bins.gap, 1.96 * bins.error
        ends = {"y_low": tuple((right - half).tolist()), "y_high": tuple((right + half).tolist())}
        series.append(_curve(name, look, said, right, **ends))
    found["error"] = error_interval(bins, rng.standard_normal((SAMPLES, policy.bins)))
    limits = policy.check(AeceTau.key).limits.green_below
    steps = [policy.ladder.window * policy.ladder.min_windows * (i + 1) for i in range(len(limits))]
    measured = [float(np.mean([_honest_error(n, rng, edges) for _ in range(20)])) for n in PAIRS]
    found |= {
        "seen": measured[AT], "seen_last": measured[-1], "last": PAIRS[-1], "first_limit": limits[0],
        "last_limit": limits[-1],
    }  # fmt: skip
    seen = (
        _curve("error seen of a perfectly calibrated one", "hero_dot", PAIRS, measured),
        _curve("limit at each step", "suite", steps, limits),
    )
    return (
        "is stated confidence right?",
        Panel(
            title=f"{PAIRS[-1]:,} answers", x_label="stated confidence", y_label="share that is right",
            series=tuple(series),
        ),
        Panel(title="what noise adds", x_label="pairs", y_label="calibration error", log="x", series=seen),
    )  # fmt: skip


def margins(found: Found, rng: np.random.Generator, _: Policy) -> tuple[Any, ...]:
    """Queries, churn, and the margin that they carry."""
    alpha = charged(ALPHAS[0], 1)  # the first hero on a judged set
    needed: dict[str, list[float]] = {}
    for name, world in CHURNS.items():
        sizes = (np.repeat(np.abs(world.values), rng.multinomial(n, world.weights(0))) for n in JUDGED)
        needed[name] = [100 * foresee(name, d, MU, alpha, SEED).mu_for_power for d in sizes]
    needed["nothing differs at all"] = [100 * least_margin(n, alpha) for n in JUDGED]
    found |= {"told": TOLD, "needed": {name: [mu[JUDGED.index(n)] for n in TOLD] for name, mu in needed.items()}}
    of_worlds = ("holds", "baseline", "broken", "hero", "broken_needed")
    curves = tuple(_curve(name, look, JUDGED, mu) for look, (name, mu) in zip(of_worlds, needed.items(), strict=True))
    return "the margin that an equal one is shown to keep", Panel(
        x_label="judged queries", y_label="margin, points", log="xy", series=curves
    )


def _looked_at(loss: float, rng: np.random.Generator, alpha: float, heroes: int) -> tuple[Array, NDArray[np.bool_]]:
    """Heroes that lose so much on average, after each block: evidence of it, and is p below alpha? (heroes, looks)"""
    counts = rng.multinomial(BLOCK, SLIPS.weights(loss), (heroes, LOOKS)).cumsum(axis=1)
    wealth = counts @ np.array([bet(np.array([-d])) for d in SLIPS.values])  # log of what each stake has become
    small = [paired_t(-SLIPS.values, counts[:, look], 0.0, (alpha,), rng)[0] for look in range(LOOKS)]
    return np.exp(np.apply_along_axis(log_evidence, -1, wealth)), np.array(small).T


def _so_far(reached: NDArray[np.bool_]) -> Array:
    """Percent of heroes that reached it at this look or before."""
    return np.asarray(100 * np.logical_or.accumulate(reached, axis=1).mean(axis=0))


def _honest_error(n: int, rng: np.random.Generator, edges: Array) -> float:
    hero = draw_model(n // 2, rng, error=0.0).hero
    return calibration_error(fill_bins(hero.confidence, hero.correct, edges))


def _curve(name: str, look: str, x: Iterable[float], y: Iterable[float], **ends: tuple[float, ...]) -> Series:
    return Series(name=name, look=look, x=tuple(map(float, x)), y=tuple(map(float, y)), **ends)


if __name__ == "__main__":
    write_pictures(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs", load_policy(ROOT / "configs" / "policy.yaml"))
