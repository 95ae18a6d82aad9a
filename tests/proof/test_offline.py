"""Are the rates of mode `offline` those of the gate's own rule, of the usual tests, and of the sources here?"""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from evidence.digests import file_digest
from gates.statistics.gaffke import lower, upper
from proof import offline
from proof.simulate.offline import ALPHAS, MARGINS, QUESTIONS, RULES, WORLDS, Array, Counts, World, try_world

FEW = (3_000, 60)  # heroes, and for those rules that draw themselves
ERRORS = {question.title: question for question in QUESTIONS if question.error}
LOSING = ERRORS["A hero that loses the margin is promoted"]
EQUAL = ERRORS["An equal hero is rolled back"]


def world(what: str) -> World:
    return next(world for world in WORLDS if world.what == what)


def draw(world: World, n: int, heroes: int) -> Counts:
    return np.random.default_rng(n).multinomial(n, world.weights(world.margin(n)), heroes)


@pytest.mark.parametrize("world", WORLDS, ids=[f"{i} {world.what}" for i, world in enumerate(WORLDS)])
@pytest.mark.parametrize("n", MARGINS)
def test_a_world_has_the_mean_that_it_is_drawn_with(world: World, n: int) -> None:
    for loss in (0.0, world.margin(n), 2 * world.margin(n)):
        weights = world.weights(loss)
        assert weights.min() >= 0
        assert (weights.sum(), weights @ world.values) == pytest.approx((1, -loss))


@pytest.mark.slow(every=2)
@pytest.mark.parametrize("world", WORLDS, ids=[f"{i} {world.what}" for i, world in enumerate(WORLDS)])
@pytest.mark.parametrize("n", [50, 500])
def test_a_simulated_yes_is_the_bound_of_the_gate(world: World, n: int) -> None:
    """The twin: the differences one by one, as `compare` has them."""
    values, mu = world.values, world.margin(n)
    counts = draw(world, n, 2)
    promoted = RULES["Gaffke"](values, counts, mu, ALPHAS, np.random.default_rng(0))
    rolled_back = RULES["Gaffke"](-values, counts, 0.0, ALPHAS, np.random.default_rng(0))
    for i, row in enumerate(counts):
        d = np.repeat(values, row)
        for alpha, up, down in zip(ALPHAS, promoted[:, i], rolled_back[:, i], strict=True):
            assert (lower(d, alpha) > -mu, upper(d, alpha) < 0) == (up, down)


def test_gaffkes_bound_keeps_its_rate_where_the_t_test_and_sign_flips_do_not() -> None:
    """Rare whole losses: a sample without any has no variance, and the usual tests are sure of it."""
    yes = try_world(LOSING, world("... at 1.1 times the least margin"), 200, *FEW, (1,))
    rate = {key: k / n for key, (k, n) in yes.items()}
    assert rate["Gaffke", 0.05] <= 0.05
    assert rate["Gaffke", 0.01] <= 0.01
    assert rate["paired t", 0.05] > 0.1
    assert rate["sign-flip", 0.01] > 0.05


def test_rare_rescues_among_many_slips_roll_an_equal_hero_back_by_the_t_test_alone() -> None:
    yes = try_world(EQUAL, world("many small slips, rare whole rescues"), 500, *FEW, (1,))
    rate = {key: k / n for key, (k, n) in yes.items()}
    assert rate["Gaffke", 0.01] <= 0.01
    assert rate["paired t", 0.01] > 0.3


@pytest.mark.parametrize("n", [12, 200])
def test_the_t_test_is_that_of_scipy(n: int) -> None:
    some = world("graded nDCG churns on 50 %, sd .34")
    counts = np.random.default_rng(n).multinomial(n, some.weights(0.1), 60)
    shown = RULES["paired t"](some.values, counts, 0.1, ALPHAS, np.random.default_rng(0))
    for row, yes in zip(counts, shown.T, strict=True):
        p = stats.ttest_1samp(np.repeat(some.values, row), -0.1, alternative="greater").pvalue
        assert (yes == (p <= np.array(ALPHAS))).all()


def test_bca_is_that_of_scipy() -> None:
    """Its lower bound lies between margins at which ours says yes and no; both draw, so not to the digit."""
    some = world("many small gains, rare whole losses")
    row = np.random.default_rng(3).multinomial(400, some.weights(0.02), 1)
    d = np.repeat(some.values, row[0])
    told = stats.bootstrap(
        (d,), np.mean, confidence_level=0.9, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    )
    bound = float(told.confidence_interval.low)

    def shown(mu: float) -> bool:
        return bool(RULES["BCa"](some.values, row, mu, (0.05,), np.random.default_rng(2))[0, 0])

    assert shown(-bound + 0.003)
    assert not shown(-bound - 0.003)


def test_sign_flips_are_the_exact_test_of_few_queries() -> None:
    values, row = np.array([-0.4, 0.1, 0.3, 0.7]), np.array([[2, 1, 4, 5]])
    moved = np.repeat(values, row[0]) + 0.05
    signs = 2 * ((np.arange(2**12)[:, None] >> np.arange(12)) & 1) - 1
    p = float((signs @ moved >= moved.sum() - 1e-9).mean())
    for alpha, expected in ((p * 1.6, True), (p * 0.5, False)):
        assert RULES["sign-flip"](values, row, 0.05, (alpha,), np.random.default_rng(1))[0, 0] == expected


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("value", [-0.5, 0.0])
def test_where_nothing_varies_every_rule_still_answers(rule: str, value: float) -> None:
    values: Array = np.array([value, 1.0])
    shown = RULES[rule](values, np.array([[400, 0]]), 0.1, ALPHAS, np.random.default_rng(1))
    assert shown.all() if value == 0 else not shown.any()


def test_the_command_writes_every_rate_of_every_world(tmp_path: Path) -> None:
    offline.main(tmp_path, 10, 3)
    page = (tmp_path / offline.PAGE).read_text(encoding="utf-8")
    for question in QUESTIONS:
        _, _, rest = page.partition(f"## {question.title}\n")
        rows = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| ")][2:]
        worlds = [world for world in WORLDS if question.loss == 1 or not world.at_least_margin]
        assert len(rows) == len(MARGINS) * (len(worlds) + 1)
        assert {row.count("|") for row in rows} == {len(offline.HEAD) + 1}


def test_the_shipped_page_is_of_these_sources(root: Path) -> None:
    page = (root / "docs" / offline.PAGE).read_text(encoding="utf-8")
    assert "at each number of queries 10,000 for" in " ".join(page.split())
    for source in offline.SOURCES:
        assert f"`{source}` sha256 `{file_digest(root / source)[:16]}`" in page, "make offline-characteristics"
