"""Does the plot of a night show each system on each suite, beside its difference from the incumbent?"""

import math

from gates.statistics.pvalues import Interval
from gates.statistics.whiskers import Whisker
from reports.render.figures import LOOKS, picture_svg
from reports.render.night import metric_picture
from rollout.jobs.whiskers import NightRow


def row(system: str, suite: str, value: float, reach: float = 0.01) -> NightRow:
    """A system on a suite, with one metric; the incumbent is `lens`."""
    found = Whisker(Interval(value, value - reach, value + reach), "t", 800, 90)
    apart = {} if system == "lens" else {"ndcg_at_10": found}
    return NightRow(
        system=system, config_hash="c0ffee", suite=suite, queries=800, levels={"ndcg_at_10": found}, differences=apart
    )


def test_a_system_has_one_look_on_both_sides_and_the_incumbent_no_difference() -> None:
    rows = [row(system, suite, 0.6) for suite in ("core", "error") for system in ("lens", "ann", "router")]
    picture = metric_picture([*rows, row("ann", "short", 0.5, math.nan)], "ndcg_at_10", "a night")
    levels, differences = picture.panels
    assert levels.rows == differences.rows == ("core", "error", "short")
    assert [(one.name, len(one.x)) for one in levels.series] == [("lens", 2), ("ann", 3), ("router", 2)]
    assert [len(one.x) for one in differences.series] == [0, 3, 2]
    assert [one.look for one in levels.series] == [one.look for one in differences.series]
    assert len({LOOKS[one.look].marker for one in levels.series}) == 3
    places = [y for one in levels.series for y in one.y]
    assert len({*places}) == len(places), "one over the other"
    svg = picture_svg("all systems", picture)
    assert all(
        said in svg for said in ("all systems: nDCG@10, pt by suite", "difference from lens", "short", "a night")
    )


def test_many_systems_and_suites_are_drawn_as_well() -> None:
    rows = [row(f"s{i}", f"suite {j}", 0.5) for j in range(40) for i in range(15)]
    assert "suite 39" in picture_svg("all systems", metric_picture(rows, "ndcg_at_10", "a night"))
