"""Command: the pictures of docs/statistics.md, and that page itself with the numbers that they show.

    python -m proof.pages.pictures [FOLDER]

Nothing is measured: the heroes are made up by seed, and the gate's own functions judge them. Some seconds.
"""

import math
import sys
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.ticker
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from evidence.files import write_whole
from gates.checks.aece_tau import AeceTau
from gates.policy import Policy, load_policy
from gates.rule.offline import Margin, charged, foresee, least_margin, rates_of, show
from gates.rule.trackers import Thresholds
from gates.statistics.calibration import calibration_error, equal_mass_edges, error_interval, fill_bins
from gates.statistics.eprocess import bet, log_evidence
from gates.statistics.gaffke import lower
from gates.statistics.pvalues import mean_interval
from gates.verdicts import Verdict
from proof.pages.page import rendered
from proof.simulate.model import draw_model
from proof.simulate.offline import ALPHAS, WORLDS, gaffke, paired_t
from proof.simulate.recording import ROOT

Array = NDArray[np.float64]
Found = dict[str, Any]
TEMPLATE = Path(__file__).with_name("statistics.md.j2")
#: Told apart by dash, mark and lightness, for those who see no colour; a white ground, for those who read in the dark.
DARK, MIDDLE, LIGHT = "#1b3a57", "#b5651d", "#9aa5b1"
STYLE: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "hero-gate", "font.family": "sans-serif", "font.size": 9.5,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3,
    "axes.axisbelow": True, "legend.frameon": False, "figure.facecolor": "white", "savefig.facecolor": "white",
}  # fmt: skip
SEED = 18
PAIRS = tuple(100 * 2**k for k in range(8))  # to 12,800: a whole climb
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
    (docs / "pictures").mkdir(parents=True, exist_ok=True)
    found: Found = {
        "few": min(n for _, n, _ in CASES),
        "asked": FEW,
        "mu": 100 * MU,
        "heroes": HEROES,
        "looks": LOOKS,
        "block": BLOCK,
    }
    with matplotlib.rc_context(STYLE):
        for i, picture in enumerate((pairs, looks, evidence, verdicts, few, calibration, margins)):
            figure = Figure(figsize=(8.6, 3.5), layout="constrained")
            found |= picture(figure, np.random.default_rng((SEED, i)), policy)
            figure.savefig(docs / "pictures" / f"{picture.__name__}.svg", metadata={"Date": None})
    write_whole(docs / "statistics.md", rendered(TEMPLATE, **found))
    return found


def pairs(figure: Figure, rng: np.random.Generator, _: Policy) -> Found:
    """Why the same queries: what differs, and how wide the interval of the difference is."""
    drawn = draw_model(PAIRS[-1], rng)
    hero, baseline = 100 * drawn.hero.ndcg[: PAIRS[-1]], 100 * drawn.baseline.ndcg[: PAIRS[-1]]
    others = np.roll(baseline, PAIRS[-1] // 2)  # the baseline's answers to other queries
    known = [[mean_interval(x[:n]) for n in PAIRS] for x in (hero - baseline, hero, others)]
    same, *apart = ([value - low for value, low, _ in intervals] for intervals in known)
    split = [math.hypot(*halves) for halves in zip(*apart, strict=True)]
    left, right = _panels(figure, "One query, both answers", "How well the difference is known")
    left.plot([0, 100], [0, 100], color=LIGHT, lw=1)
    left.scatter(baseline[:120], hero[:120], s=9, facecolor="none", edgecolor=DARK, lw=0.8)
    left.set(xlabel="nDCG@10 of the baseline, points", ylabel="... of the hero")
    right.plot(PAIRS, split, "s--", color=MIDDLE, label="different queries")
    right.plot(PAIRS, same, "o-", color=DARK, label="the same queries")
    _by_pairs(right, "queries", "± points (95 %)", log=True)
    return {
        "alike": 100 * float((hero == baseline).mean()), "pairs": PAIRS[AT], "same": same[AT], "split": split[AT],
        "times": (split[AT] / same[AT]) ** 2,
    }  # fmt: skip


def looks(figure: Figure, rng: np.random.Generator, policy: Policy) -> Found:
    """What looking again and again does to a p-value, and not to evidence."""
    alpha, red = policy.error_rates.red, math.exp(Thresholds.of(policy).red)
    found: Found = {"alpha": alpha, "promise": 1 / alpha, "red": red, "green": 1 / policy.error_rates.green}
    titles = "Equal heroes called broken so far", "Heroes that lose a point, found so far"
    for axes, loss in zip(_panels(figure, *titles), (0.0, LOSS), strict=True):
        seen, small = _looked_at(loss, rng, alpha, HEROES)
        by_p, by_promise, by_red = (_so_far(reached) for reached in (small, seen >= 1 / alpha, seen >= red))
        axes.plot(AT_LOOKS, by_p, "--", color=MIDDLE, label=f"p < {alpha:g} at some look")
        axes.plot(AT_LOOKS, by_promise, "-", color=DARK, label=f"evidence ≥ {1 / alpha:,.0f}")
        axes.plot(AT_LOOKS, by_red, ":", color=DARK, lw=2, label=f"evidence ≥ {red:,.0f}, as in a release")
        _by_pairs(axes, "pairs, looked at every 100", "% of heroes")
        found |= {f"by_p_{loss:g}": by_p[-1], f"by_promise_{loss:g}": by_promise[-1]}
    figure.axes[0].axhline(100 * alpha, color=LIGHT, lw=1)
    found |= {
        name: int(AT_LOOKS[np.argmax(y >= 50)]) for name, y in (("half_promise", by_promise), ("half_red", by_red))
    }
    return found


def evidence(figure: Figure, rng: np.random.Generator, policy: Policy) -> Found:
    """The evidence of a few heroes, as it grows and falls."""
    red = math.exp(Thresholds.of(policy).red)
    (axes,) = _panels(figure, "Evidence that something is lost, of five heroes each")
    for loss, style, colour, what in ((LOSS, "-", DARK, "loses a point"), (0.0, "--", MIDDLE, "equal")):
        seen, _ = _looked_at(loss, rng, policy.error_rates.red, 5)
        axes.plot(AT_LOOKS, seen.T, style, color=colour, lw=1.2, label=[what, *("_" for _ in seen[1:])])
    axes.axhline(red, color="black", lw=1)
    axes.text(AT_LOOKS[-1], red * 1.5, f"RED: {red:,.0f}", ha="right")
    axes.set(yscale="log", ylim=(1e-4, 1e9))
    _by_pairs(axes, "pairs", "times the stake")
    return {}


def verdicts(figure: Figure, _: np.random.Generator, __: Policy) -> Found:
    """Shown, shown broken, and neither: samples that are just as their worlds are, so that no luck is in them."""
    (axes,) = _panels(figure, "Where the mean difference can be, and what follows")
    marks = {Verdict.GREEN: ("o", DARK), Verdict.RED: ("X", MIDDLE), Verdict.INCONCLUSIVE: ("d", LIGHT)}
    found: Found = {}
    for place, (what, n, loss) in enumerate(CASES[::-1]):
        counts = np.rint(n * SLIPS.weights(loss)).astype(np.int64)
        counts[SLIPS.values == 0] += n - counts.sum()
        d = np.repeat(SLIPS.values, counts)
        shown = show(d, Margin(mu=MU), rates_of(1))
        mark, colour = marks[shown.verdict]
        axes.plot([100 * shown.lower, 100 * shown.upper], [place, place], color=colour, lw=2.5)
        axes.plot(100 * d.mean(), place, mark, color=colour, ms=9, mec="black")
        axes.text(
            9.5, place, shown.verdict + (f"  {shown.note}" if shown.verdict is Verdict.GREEN else ""), va="center"
        )
        found[f"{what}, {n}"] = shown.verdict
    axes.axvline(0, color="black", lw=1)
    axes.axvline(-100 * MU, color="black", lw=1, ls="--")
    axes.set_yticks(range(len(CASES)), [f"{what}, {n:,} queries" for what, n, _ in CASES[::-1]])
    axes.set(xlabel=f"points of nDCG@10; dashed: the margin, {100 * MU:g} points lost", xlim=(-13, 26))
    return {"verdicts": found}


def few(figure: Figure, rng: np.random.Generator, _: Policy) -> Found:
    """Usual intervals beside Gaffke's bound, where a few queries are lost whole."""
    counts = rng.multinomial(FEW, RARE_LOSSES.weights(0), SAMPLES)
    (axes,) = _panels(figure, f"Equal heroes, {FEW} queries each")
    for place, row in enumerate(counts[:DRAWN]):
        d = np.repeat(RARE_LOSSES.values, row)
        low, high = mean_interval(d)[1:]
        colour, width = (MIDDLE, 3.5) if low > 0 else (LIGHT, 1.5)
        axes.plot([place, place], [100 * low, 100 * high], color=colour, lw=width)
        axes.plot(place, 100 * lower(d, ALPHAS[0]), "_", color=DARK, ms=9, mew=2)
    axes.axhline(0, color="black", lw=1)
    axes.set(xlabel="samples; thick: wholly above the truth, 0", ylabel="points: usual interval; –: L")
    rules = {"t": paired_t, "offline": gaffke}
    gain = {name: rule(RARE_LOSSES.values, counts, 0.0, ALPHAS, rng)[0].mean() for name, rule in rules.items()}
    return {"level": 100 * ALPHAS[0], "gain": {name: 100 * float(share) for name, share in gain.items()}}


def calibration(figure: Figure, rng: np.random.Generator, policy: Policy) -> Found:
    """Confidence and how often it is right; what no error at all looks like at n pairs."""
    left, right = _panels(figure, f"{PAIRS[-1]:,} answers of two heroes", "A perfectly calibrated hero, measured")
    left.plot([0.2, 1], [0.2, 1], color="black", lw=1)
    heroes = ((0.0, "o-", DARK, "as sure as it is right"), (0.05, "s--", MIDDLE, "off by .05"))
    for error, style, colour, label in heroes:
        arm = draw_model(PAIRS[-1] // 2, rng, error=error).hero
        edges = equal_mass_edges(arm.confidence, policy.bins)
        bins = fill_bins(arm.confidence, arm.correct, edges)
        said = np.array([part.mean() for part in np.array_split(np.sort(arm.confidence), policy.bins)])
        left.errorbar(said, said - bins.gap, 1.96 * bins.error, fmt=style, color=colour, ms=5, capsize=2, label=label)
    interval = error_interval(bins, rng.standard_normal((SAMPLES, policy.bins)))
    left.set(xlabel="stated confidence, mean of each bin", ylabel="share that is right")
    left.legend()
    limits = policy.check(AeceTau.key).limits.green_below
    steps = [policy.ladder.window * policy.ladder.min_windows * (i + 1) for i in range(len(limits))]
    measured = [np.mean([_honest_error(n, rng, edges) for _ in range(20)]) for n in PAIRS]
    right.plot(PAIRS, measured, "o-", color=DARK, label="its error, seen")
    right.plot(steps, limits, "_", color=MIDDLE, ms=14, mew=2.5, label="limit at each step")
    right.set(xscale="log", ylim=(0, None))
    _by_pairs(right, "pairs", "calibration error")
    return {
        "error": interval, "seen": measured[AT], "seen_last": measured[-1], "last": PAIRS[-1],
        "first_limit": limits[0], "last_limit": limits[-1],
    }  # fmt: skip


def margins(figure: Figure, rng: np.random.Generator, _: Policy) -> Found:
    """Queries, churn, and the margin that they carry."""
    alpha = charged(ALPHAS[0], 1)  # the first hero on a judged set
    (axes,) = _panels(figure, "The margin that an equal hero is shown to keep, four times in five")
    needed: dict[str, list[float]] = {}
    for (name, world), style in zip(CHURNS.items(), ("o-", "^--", "s-.", "D:"), strict=True):
        sizes = (np.repeat(np.abs(world.values), rng.multinomial(n, world.weights(0))) for n in JUDGED)
        needed[name] = [100 * foresee(name, d, MU, alpha, SEED).mu_for_power for d in sizes]
        axes.plot(JUDGED, needed[name], style, color=DARK, ms=5, label=name)
    needed["nothing differs at all"] = [100 * least_margin(n, alpha) for n in JUDGED]
    axes.plot(
        JUDGED, needed["nothing differs at all"], color=MIDDLE, lw=2.5, label="nothing differs: no less is possible"
    )
    _by_pairs(axes, "judged queries", "margin, points", log=True)
    return {"told": TOLD, "needed": {name: [mu[JUDGED.index(n)] for n in TOLD] for name, mu in needed.items()}}


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


def _panels(figure: Figure, *titles: str) -> list[Any]:
    panels = list(np.atleast_1d(figure.subplots(1, len(titles))))
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title, fontsize=10.5, loc="left")
    return panels


def _by_pairs(axes: Any, what: str, value: str, *, log: bool = False) -> None:
    """Labels and legend of a panel over numbers of queries, which are written out."""
    axes.set(xlabel=what, ylabel=value)
    if log:
        axes.set(xscale="log", yscale="log")
        axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda y, _: f"{y:,g}"))
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda x, _: f"{x:,g}"))
    axes.legend()


if __name__ == "__main__":
    write_pictures(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs", load_policy(ROOT / "configs" / "policy.yaml"))
