"""Does the picture of a climb show, window by window, what was decided on, and nothing else?"""

import itertools
from dataclasses import replace

import pytest

from gates.verdicts import Kind
from reports.model import windows
from reports.model.card import told_cell
from reports.model.story import tell
from reports.model.windows import windows_of
from reports.render.charts import BOTTOM, LOWER, TOP, UPPER, WIDTH, chart_of
from rollout.columns import read_agg
from tests.reports.conftest import Judged


@pytest.mark.parametrize("hero", ["equal", "worse", "unsure"])
def test_the_last_window_of_a_step_is_what_was_decided_on(judged: Judged, hero: str) -> None:
    release = judged(hero)
    (story,) = tell(release)
    outcome, policy = story.outcome, story.outcome.subject.policy
    told = told_cell(outcome)
    # nothing is taken from what was decided: the evaluator comes to it again
    alone = windows_of(replace(outcome, cells=()), story.measured, read_agg(release.artifacts / hero), told)
    assert alone
    decided = {cell.key: cell for cell in outcome.cells}
    for check, cells in story.windows.items():
        gate = policy.check(check).check.kind is Kind.GATE
        assert [*cells] == [*alone[check]] == [*range(1, outcome.climbed.windows + 1)]
        at = 0
        for step in outcome.climbed.steps:
            at += step.windows
            if gate or step is outcome.climbed.steps[-1]:
                key = (hero, step.percent if gate else 0, check)
                assert cells[at] == decided[key]
                assert replace(alone[check][at], ended=decided[key].ended) == decided[key]
    assert set(policy.asked(Kind.GATE)) - set(policy.left_out) >= story.windows.keys() - {told.check if told else ""}


def test_what_decided_is_drawn_whatever_its_kind_and_nothing_without_a_climb(judged: Judged) -> None:
    release = judged("worse")
    (story,) = tell(release)
    agg = read_agg(release.artifacts / "worse")
    guard = next(cell for cell in story.outcome.cells if cell.check == "ndcg_at_10")
    assert "ndcg_at_10" in windows_of(story.outcome, story.measured, agg, guard)
    assert "ndcg_at_10" not in windows_of(story.outcome, story.measured, agg, None)
    never = replace(story.outcome, climbed=story.outcome.climbed.model_copy(update={"constants": None}))
    assert windows_of(never, story.measured, agg, guard) == {}
    broken_off = [story.outcome.climbed.steps[0].model_copy(update={"windows": 0})]  # in its first window
    begun = replace(story.outcome, climbed=story.outcome.climbed.model_copy(update={"steps": tuple(broken_off)}))
    assert windows_of(begun, story.measured, agg, guard) == {}


def test_of_a_long_climb_the_steps_ends_are_drawn_and_some_windows_between(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = judged("equal")
    monkeypatch.setattr(windows, "MOST", 1)
    (story,) = tell(release)
    ends = [*itertools.accumulate(step.windows for step in story.outcome.climbed.steps)]
    assert all([*cells] == ends for cells in story.windows.values())
    row = next(row for row in story.rows if row.check in story.windows)
    chart = chart_of(row, story.windows[row.check], story.outcome.climbed.steps)
    assert len(chart.values.split()) == len(chart.marks) == len(ends)


def test_lines_stay_inside_and_end_at_their_marks(judged: Judged) -> None:
    for hero in ("equal", "worse", "unsure"):
        (story,) = tell(judged(hero))
        for row in story.rows:
            if row.check not in story.windows:
                continue
            chart = chart_of(row, story.windows[row.check], story.outcome.climbed.steps)
            for points, low, high in (
                (chart.values, TOP, BOTTOM), (chart.interval, TOP, BOTTOM),
                (chart.proof, UPPER, LOWER), (chart.doubt, UPPER, LOWER),
            ):  # fmt: skip
                for x, y in (map(float, point.split(",")) for point in points.split()):
                    assert 0 <= x <= WIDTH
                    assert low <= y <= high
            assert len(chart.marks) == len(chart.steps) == len(story.reached)
            assert len(chart.limits) == len(story.reached) * (2 if row.name.two_sided else 1)


def test_enough_evidence_reaches_the_upper_line_and_none_the_lower(judged: Judged) -> None:
    (story,) = tell(judged("equal"))
    row = next(row for row in story.rows if row.check == "sla_recall_at_50_delta")
    last, step = story.windows[row.check][1], story.outcome.climbed.steps[:1]
    for e, y in (("1e400", UPPER), ("nan", LOWER), ("0.2", LOWER), (last.e_green_needed, UPPER)):
        chart = chart_of(row, {1: replace(last, e_green=e)}, step)
        assert chart.proof.endswith(f",{y}")
    assert chart_of(row, {1: replace(last, e_green="")}, step).proof == ""
