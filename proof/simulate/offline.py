"""How often does each rule of one look promote or roll back simulated heroes, in which worlds? Told by proof.offline.

A rule says whether "the mean is above -mu" is shown. It gets many samples at once, as how often each value occurs:
counts (samples, values). A world says how differences are distributed, and what a lossy hero loses.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gates.rule.offline import ALPHA, least_margin
from gates.statistics.gaffke import tails

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]
#: (values, counts, mu, alphas, draws) -> shown (alphas, samples)
Rule = Callable[[Array, Counts, float, Sequence[float], np.random.Generator], Flags]
FLIPS, RESAMPLES = 499, 1_000


def gaffke(values: Array, counts: Counts, mu: float, alphas: Sequence[float], _: np.random.Generator) -> Flags:
    """L > -mu, as mode `offline` has it: the gate's own tail of the mirror image."""
    return tails(-values, counts, -mu) < np.array(alphas)[:, None]


def paired_t(values: Array, counts: Counts, mu: float, alphas: Sequence[float], _: np.random.Generator) -> Flags:
    """Student's one-sided paired test; where nothing varies, the mean itself decides."""
    n = int(counts[0].sum())
    mean = counts @ values / n
    se = np.sqrt(np.maximum(counts @ values**2 / n - mean**2, 0) / (n - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(se > 1e-12, stats.t.sf((mean + mu) / se, n - 1), np.where(mean > -mu, 0.0, 1.0))
    return np.asarray(p[None, :] <= np.array(alphas)[:, None])


def sign_flip(values: Array, counts: Counts, mu: float, alphas: Sequence[float], rng: np.random.Generator) -> Flags:
    """The randomisation test of "d + mu is as likely as -(d + mu)", with FLIPS drawn signs a query."""
    moved, p = values + mu, np.empty(len(counts))
    for i, row in enumerate(counts):
        flipped = (2 * rng.binomial(row, 0.5, (FLIPS, len(row))) - row) @ moved
        p[i] = (1 + (flipped >= row @ moved - 1e-9).sum()) / (FLIPS + 1)
    return np.asarray(p[None, :] <= np.array(alphas)[:, None])


def bca(values: Array, counts: Counts, mu: float, alphas: Sequence[float], rng: np.random.Generator) -> Flags:
    """The lower bound of the bias-corrected, accelerated bootstrap (Efron 1987); where nothing varies, the mean."""
    shown, n = np.empty((len(alphas), len(counts)), dtype=np.bool_), int(counts[0].sum())
    for i, row in enumerate(counts):
        mean = row @ values / n
        means = np.sort(rng.multinomial(n, row / n, RESAMPLES) @ values / n)
        off = values - mean
        square = row @ off**2
        if square < 1e-12:
            shown[:, i] = mean > -mu
            continue
        below = ((means < mean - 1e-12).sum() + (means <= mean + 1e-12).sum()) / 2  # half of the ties
        bias = stats.norm.ppf(np.clip(below / RESAMPLES, 0.5 / RESAMPLES, 1 - 0.5 / RESAMPLES))
        acceleration = (row @ off**3) / (6 * square**1.5)
        z = bias + stats.norm.ppf(np.array(alphas))
        at = stats.norm.cdf(bias + z / (1 - acceleration * z))
        shown[:, i] = np.quantile(means, at) > -mu
    return shown


RULES: Mapping[str, Rule] = {"Gaffke": gaffke, "paired t": paired_t, "sign-flip": sign_flip, "BCa": bca}

#: Margin by number of queries: about what an equal hero with a standard deviation of .2 is promoted at with .8.
MARGINS: Mapping[int, float] = {50: 0.10, 200: 0.04, 500: 0.025, 2_000: 0.012, 7_000: 0.006}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Differences of an equal hero (mean 0) with their chances, and the difference on a query that is lost."""

    what: str
    chances: Mapping[float, float]  # what is left of 1 does not differ
    lost: float = -1.0
    at_least_margin: bool = False  # tried with a loss of 1.1 times the least margin that the queries can reach

    @property
    def values(self) -> Array:
        """All differences that occur, with losses or without."""
        return np.array(sorted({0.0, self.lost, *self.chances}))

    def weights(self, loss: float) -> Array:
        """The chance of each value where the mean is -loss: so many queries are lost as that takes."""
        equal = {0.0: 1 - sum(self.chances.values())} | dict(self.chances)
        share = loss / -self.lost
        weights = np.array([equal.get(value, 0.0) for value in self.values.tolist()]) * (1 - share)
        weights[self.values == self.lost] += share
        return weights

    def margin(self, n: int) -> float:
        """The margin at which n queries are tried."""
        return 1.1 * least_margin(n, ALPHA) if self.at_least_margin else MARGINS[n]


def _both_ways(chances: Mapping[float, float]) -> dict[float, float]:
    """Each size up and down, half of its chance each."""
    return {sign * size: chance / 2 for size, chance in chances.items() for sign in (1.0, -1.0)}


# One relevant document: nDCG@10 is 1, .63, .5, .43, .39 at ranks 1 to 5.
SLIPS = _both_ways({0.37: 0.1, 0.13: 0.1, 0.07: 0.1})
GRADED = _both_ways({0.02: 0.12, 0.05: 0.12, 0.1: 0.14, 0.15: 0.1, 0.2: 0.06, 0.3: 0.04, 0.5: 0.02})
GRADED_MORE = _both_ways({0.1: 0.1, 0.3: 0.15, 0.5: 0.15, 0.8: 0.1})
CHURN_5, CHURN_20 = _both_ways({1.0: 0.05}), _both_ways({1.0: 0.2})

WORLDS = (
    World(what="whole answers are lost, nothing else differs", chances={}),
    World(what="... at 1.1 times the least margin", chances={}, at_least_margin=True),
    World(what="whole answers churn, 5 %", chances=CHURN_5),
    World(what="... at 1.1 times the least margin", chances=CHURN_5, at_least_margin=True),
    World(what="whole answers churn, 20 %", chances=CHURN_20),
    World(what="ranks slip on 30 %, one relevant document", chances=SLIPS, lost=-0.37),
    World(what="graded nDCG churns on 60 %, sd .12", chances=GRADED, lost=-0.2),
    World(what="graded nDCG churns on 50 %, sd .34", chances=GRADED_MORE, lost=-0.5),
    World(what="heavy tails: .01 on half, whole answers on 1 %", chances=_both_ways({0.01: 0.5, 1.0: 0.01})),
    World(what="many small gains, rare whole losses", chances={0.02: 0.5, -1.0: 0.01}),
    World(what="many small slips, rare whole rescues", chances={-0.02: 0.05, 1.0: 0.001}, lost=-0.2),
)

ALPHAS = (0.05, 0.01)
RESAMPLED = ("sign-flip", "BCa")  # draw themselves, so they see fewer heroes


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineQuestion:
    """What is asked of the heroes of every world, and whether a yes is an error or is power."""

    title: str
    text: str
    loss: float  # of the hero, in margins
    rolls_back: bool  # "U < 0" is asked, with no loss tolerated; else "L > -mu"
    error: bool


Yes = dict[tuple[str, float], tuple[int, int]]  # rule, alpha -> how many of how many heroes it says yes of
QUESTIONS = (
    OfflineQuestion(
        title="A hero that loses the margin is promoted", text="Errors: the mean is exactly −μ, and L > −μ.",
        loss=1.0, rolls_back=False, error=True,
    ),
    OfflineQuestion(
        title="An equal hero is rolled back", text="Errors: the mean is exactly 0, no loss is tolerated, and U < 0.",
        loss=0.0, rolls_back=True, error=True,
    ),
    OfflineQuestion(
        title="An equal hero is promoted", text="Power: the mean is 0, and L > −μ.",
        loss=0.0, rolls_back=False, error=False,
    ),
    OfflineQuestion(
        title="A hero that loses twice the margin is rolled back",
        text="Power: the mean is −2 μ, no loss is tolerated, and U < 0.",
        loss=2.0, rolls_back=True, error=False,
    ),
)  # fmt: skip


def try_world(question: OfflineQuestion, world: World, n: int, heroes: int, resampled: int, seed: Sequence[int]) -> Yes:
    """Every rule on the same heroes, those that draw on the first ones. Samples that are equal are looked at once."""
    rng, margin = np.random.default_rng(seed), world.margin(n)
    counts = rng.multinomial(n, world.weights(question.loss * margin), heroes)
    values, mu = (-world.values, 0.0) if question.rolls_back else (world.values, margin)  # U(d) is -L(-d)
    yes = {}
    for name, rule in RULES.items():
        seen = counts[:resampled] if name in RESAMPLED else counts
        different, times = np.unique(seen, axis=0, return_counts=True)
        for alpha, shown in zip(ALPHAS, rule(values, different, mu, ALPHAS, rng), strict=True):
            yes[name, alpha] = int(times[shown].sum()), len(seen)
    return yes
