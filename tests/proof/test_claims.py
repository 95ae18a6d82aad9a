"""Is a promise called kept only when it is?"""

from typing import Any

import pytest

from proof.pages.claims import claims
from proof.simulate.summary import bounds, upper_bound


def seeds(**seen: Any) -> dict[str, Any]:
    bad = {"n": 100, "decisions": {"ROLLBACK": 100}, "red": {"errors": 100}, "check": "errors", **seen}
    return {"good": {}, "bad": {"failing": bad}}


def kept(seen: dict[str, Any]) -> list[bool]:
    return [claim["holds"] for claim in claims({}, seen, {})]


def test_a_bad_hero_must_be_stopped_by_its_check_in_every_order():
    assert kept(seeds()) == [True, True]
    assert kept(seeds(red={"errors": 99, "ece": 1})) == [True, False]


def test_a_bad_hero_must_never_be_promoted():
    assert kept(seeds(decisions={"ROLLBACK": 99, "PROMOTE": 1})) == [False, True]


def test_a_false_alarm_of_an_instrument_is_no_evidence():
    alarm = {"errors": 99, "aa_shadow": 1}
    assert kept(seeds(decisions={"ROLLBACK": 99, "HOLD": 1}, red=alarm)) == [True, True]
    assert kept(seeds(decisions={"ROLLBACK": 100}, red=alarm)) == [True, False]
    assert kept(seeds(decisions={"ROLLBACK": 99, "HOLD": 1}, red={"errors": 99})) == [True, False]


def test_what_the_battery_stops_must_not_be_promoted_either():
    assert kept(seeds(check="stop_rule", red={"ndcg_at_10": 100})) == [True]
    assert kept(seeds(check="stop_rule", decisions={"ROLLBACK": 99, "PROMOTE": 1})) == [False]


def test_a_rate_must_be_shown_to_be_small():
    def releases(k: int, n: int) -> bool:
        loss = {"what": "", "promoted": 0, "n": 1_000, "promoted_of": {}}
        rows = {
            f"model-{cell}": loss for cell in ("loss-1", "loss-2", "loss-5", "late-2-3-0", "late-5-3-0", "ce-0.0175")
        }
        rows["model-aa"] = {"releases_rolled_back": k, "releases": n}
        return bool(claims(rows, {}, {})[0]["holds"])

    assert releases(9, 10_000)
    assert not releases(1, 100)  # as small a rate as is promised, but from too few to show it
    assert not releases(150, 10_000)


@pytest.mark.parametrize(
    ("k", "n", "lower", "upper"),  # R's binom.test(k, n)$conf.int
    [
        (0, 10, 0.0, 0.3084971),
        (5, 10, 0.1870860, 0.8129140),
        (10, 10, 0.6915029, 1.0),
        (3, 100, 0.006229972, 0.08517605),
    ],
)
def test_bounds_of_a_rate(k: int, n: int, lower: float, upper: float):
    assert bounds(k, n) == pytest.approx((lower, upper), abs=1e-6)
    assert upper_bound(k, n, 0.975) == pytest.approx(upper, abs=1e-6)
