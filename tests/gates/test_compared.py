"""Does a decision stand only where no grade of an unjudged hit would change it?"""

import numpy as np
import pytest
from numpy.typing import NDArray

from gates.rule.compared import Differences, attainable, compare, decision_of, queries_for
from gates.rule.offline import Margin, rates_of, show
from gates.verdicts import Decision, Verdict

Array = NDArray[np.float64]
RATES, MARGIN = rates_of(1, k=1), Margin(mu=0.05)
GOOD, BAD, SAME = np.array([0.1] * 200), np.array([-0.5] * 100 + [0.0] * 100), np.zeros(200)


def of(judged: Array, worst: Array | None = None, best: Array | None = None, check: str = "nDCG@10") -> Differences:
    return Differences(
        check=check, judged=judged, worst=judged if worst is None else worst, best=judged if best is None else best
    )


@pytest.mark.parametrize(
    ("differences", "decision", "hangs"),
    [
        (of(SAME), Decision.PROMOTE, False),
        (of(BAD), Decision.ROLLBACK, False),
        (of(SAME, worst=BAD), Decision.HOLD, True),
        (of(SAME, worst=SAME - 0.001, best=GOOD), Decision.PROMOTE, False),
        (of(BAD, best=GOOD), Decision.HOLD, True),
    ],
)
def test_what_hangs_on_unjudged_hits_is_held(differences: Differences, decision: Decision, hangs: bool) -> None:
    found = compare([(differences, MARGIN)], RATES, bounded=True)
    assert (Decision.HOLD if found.hangs else found.decision, found.hangs) == (decision, hangs)
    known = compare([(differences, MARGIN)], RATES, bounded=False)
    assert (known.worst, known.best, known.hangs) == (known.decision, known.decision, False)


@pytest.mark.parametrize(
    ("d", "decision"),
    [
        ([GOOD, SAME], Decision.PROMOTE),
        ([GOOD, SAME[:20]], Decision.HOLD),
        ([GOOD, SAME[:20], BAD], Decision.ROLLBACK),
        ([], Decision.HOLD),
    ],
    ids=["all green", "one open", "one red", "nothing"],
)
def test_red_beats_open_beats_green(d: list[Array], decision: Decision) -> None:
    assert decision_of([(one, MARGIN) for one in d], RATES) is decision


def test_without_a_margin_it_is_the_one_that_can_be_carried() -> None:
    (margin,) = attainable([of(SAME)], RATES)
    assert margin.chosen_after_looking
    assert compare([(of(SAME), margin)], RATES, bounded=True).decision is Decision.PROMOTE


@pytest.mark.parametrize("seed", range(20))
def test_a_check_alone_decides_as_its_bounds_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d = np.clip(rng.normal(rng.uniform(-0.1, 0.1), 0.2, 150), -1, 1)
    by_verdict = {
        Verdict.GREEN: Decision.PROMOTE, Verdict.INCONCLUSIVE: Decision.HOLD, Verdict.RED: Decision.ROLLBACK,
    }  # fmt: skip
    assert decision_of([(d, MARGIN)], RATES) is by_verdict[show(d, MARGIN, RATES).verdict]


def test_the_queries_that_a_margin_needs_are_those_with_which_it_is_carried() -> None:
    sizes = np.array([0.5] * 10 + [0.1] * 40 + [0.0] * 50)
    enough = queries_for(sizes, 0.03, 0.025)
    assert enough is not None
    (margin,) = attainable([of(np.resize(sizes, enough))], RATES)
    assert margin.mu == pytest.approx(0.03, rel=0.1)
    assert queries_for(np.zeros(400), 0.03, 0.025) == 400
    assert queries_for(np.ones(10), 1e-4, 0.025) is None
