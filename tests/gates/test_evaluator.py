"""Does the evaluator show what is broken as soon as it may, latch what holds, and refuse what is no number?"""

from typing import Any

import numpy as np
import pytest

from gates.checks.aa_shadow import LATE
from gates.errors import EvidenceError
from gates.names import check_name, sentence
from gates.policy import Policy
from gates.rule.budget import Next, next_move
from gates.rule.evaluator import Evaluator
from gates.rule.questions import missing_inputs
from gates.verdicts import Kind, Verdict
from tests.gates.builders import arm, changed, equal_pairs, judged, pairs

STEP, LAST = 5, 100


def windows(asked: Evaluator, n: int, size: int = 800, first: int = 0, **hero: Any) -> None:
    """Let the evaluator see windows of pairs, eight looks each."""
    for w in range(first, first + n):
        whole = equal_pairs(size, seed=w, **hero)
        asked.observe(whole)
        asked.end_window()


def climbed(policy: Policy, *, until: int, **hero: Any) -> Evaluator:
    """An evaluator after four windows of each step up to one."""
    asked = judged(policy)
    for i, percent in enumerate(s for s in policy.ladder.steps if s <= until):
        if percent > STEP:
            asked.begin_step(percent)
        windows(asked, 4, first=4 * i, **hero)
    return asked


def test_an_equal_hero_has_all_gates_green_after_four_windows(policy: Policy) -> None:
    asked = climbed(policy, until=STEP)
    assert (asked.red, asked.undecided) == ((), ())
    assert {asked.cell(check).verdict for check in policy.asked(Kind.GATE)} == {Verdict.GREEN}


@pytest.mark.parametrize(
    ("windows", "fresh", "move"), [(3, 10_000, Next.WINDOW), (4, 10_000, Next.ADVANCE), (4, 0, Next.ADVANCE)]
)
def test_a_step_uses_its_least_windows_and_what_is_shown_needs_no_more(
    policy: Policy, windows: int, fresh: int, move: Next
) -> None:
    asked = judged(policy, (equal_pairs(800, seed=seed) for seed in range(windows)))
    assert next_move(asked, windows=24, fresh=fresh) == (move, "")


def test_an_equal_hero_is_through_after_sixteen(policy: Policy) -> None:
    asked = climbed(policy, until=LAST)
    assert (asked.red, asked.undecided, asked.windows) == ((), (), 16)
    verdicts = {check: asked.cell(check).verdict for check in (*policy.asked(Kind.GUARD), "aa_shadow")}
    for check in ("ece", "file_credit", "spend"):  # for which not being shown broken suffices
        assert verdicts.pop(check) is Verdict.INCONCLUSIVE
    assert set(verdicts.values()) == {Verdict.GREEN}


def test_green_is_what_the_numbers_say_now(policy: Policy) -> None:
    """A guard that was shown to hold by half of the canary is asked again by the other half."""
    asked = climbed(policy, until=25)
    assert asked.cell("within_sla").verdict is Verdict.GREEN
    asked.begin_step(50)
    windows(asked, 8, first=8, latency_ms=np.where(np.arange(800) % 11 == 0, 200.0, 20.0))  # 9 % late: 6 % in all
    cell = asked.cell("within_sla")
    assert cell.verdict is not Verdict.GREEN
    assert float(cell.e_green) < 100


def test_before_any_pair_nothing_is_known(policy: Policy) -> None:
    asked = judged(policy)
    cell = asked.cell("aece_tau")
    assert (cell.verdict, cell.n, cell.note) == (Verdict.INCONCLUSIVE, 0, "nothing was measured")
    assert set(asked.undecided) == set(policy.asked(Kind.GATE))


#: check -> columns of a hero that breaks it
BROKEN: dict[str, dict[str, Any]] = {
    "calibrator_p99": {"calibrator_ms": np.where(np.arange(800) % 10 == 0, 2.0, 0.01)},
    "aece_tau": {"correct": 0.0},
    "confidence_shift": {"confidence": np.clip(arm(800).confidence + 0.3, 0, 1)},
    "sla_recall_at_50_delta": {"recall": 0.0},
    "ndcg_at_10": {"ndcg": 0.0},
    "p95_latency": {"latency_ms": np.where(np.arange(800) % 5 == 0, 60.0, 10.0)},
    "p99_latency": {"latency_ms": np.where(np.arange(800) % 20 == 0, 60.0, 10.0)},
    "within_sla": {"latency_ms": np.where(np.arange(800) % 5 == 0, 200.0, 10.0)},
    "errors": {"error": np.where(np.arange(800) % 10 == 0, 1.0, 0.0)},
    "file_credit": {"file_credits": 1.0},
    "spend": {"spend_ms": 7.0},
    "recall_docstring": {"recall": 0.0},
    "ndcg_identifier": {"ndcg": 0.0},
}


@pytest.mark.parametrize("check", BROKEN)
def test_a_fault_is_red_within_the_first_window_and_the_other_way_round_it_is_not(policy: Policy, check: str) -> None:
    asked, found = judged(policy), equal_pairs(800, **BROKEN[check])
    assert check in asked.observe(found)
    cell = asked.cell(check)
    assert (cell.verdict, cell.on_red, cell.note.partition(";")[0]) == (Verdict.RED, "rollback", "trigger: e-process")
    assert float(cell.e_red.partition("e")[0]) > 0
    assert not float(cell.e_green or 0) >= 100
    if check in ("sla_recall_at_50_delta", "ndcg_at_10", "p95_latency", "errors", "file_credit"):
        assert check not in judged(policy).observe(pairs(found.baseline, found.hero))


def test_a_baseline_that_differs_from_itself_holds(policy: Policy) -> None:
    asked = judged(policy)
    found = equal_pairs(800)
    found.repeat.recall[:] = 0.0
    assert asked.observe(found) == ("aa_shadow",)
    cell = asked.cell("aa_shadow")
    assert (cell.on_red, cell.unit, float(cell.limit)) == ("hold", "recall lost to itself", 0.01)
    assert float(cell.observed) > 0.5
    assert check_name("aa_shadow", cell.unit).label == "A/A recall lost"


def test_a_baseline_that_time_alone_tells_from_itself_is_told_by_time(policy: Policy) -> None:
    asked, found = judged(policy), equal_pairs(800)
    found.repeat.latency_ms[:] += 100
    assert asked.observe(found) == ("aa_shadow",)
    cell = asked.cell("aa_shadow")
    assert (cell.on_red, cell.unit, cell.limit, cell.headroom) == ("hold", LATE, "0", "")
    assert float(cell.observed) > 0.5
    assert "beyond p95" in check_name("aa_shadow", cell.unit).label
    assert "limit 0.00 pt" in sentence(cell)


def test_red_wins_where_both_are_shown_and_is_never_taken_back(policy: Policy) -> None:
    asked = climbed(policy, until=STEP)
    assert asked.cell("sla_recall_at_50_delta").verdict is Verdict.GREEN
    asked.observe(equal_pairs(800, recall=0.0))
    assert asked.cell("sla_recall_at_50_delta").verdict is Verdict.RED
    windows(asked, 8, first=4)
    assert asked.cell("sla_recall_at_50_delta").verdict is Verdict.RED


def test_gates_start_anew_at_each_step_and_guards_go_on(policy: Policy) -> None:
    asked = climbed(policy, until=50)
    before = asked.cell("ndcg_at_10")
    asked.begin_step(LAST)
    assert set(policy.asked(Kind.GATE)) <= set(asked.undecided)
    assert "ndcg_at_10" not in asked.undecided
    assert asked.cell("ndcg_at_10").n == before.n > 0


def test_guards_block_the_last_step_only(policy: Policy) -> None:
    asked = judged(policy)
    for i, percent in enumerate(policy.ladder.steps):
        if percent > STEP:
            asked.begin_step(percent)
        asked.observe(equal_pairs(100, seed=99, error=np.arange(100) == 0) if i == 0 else equal_pairs(100, seed=99))
        windows(asked, 4, first=4 * i)
        assert asked.undecided == (("errors",) if percent == LAST else ())
    assert asked.cell("errors").note == "1 hero-only errors: one already blocks promotion"


@pytest.mark.parametrize(
    ("column", "check"),
    [
        ("ndcg", "ndcg_at_10"),
        ("recall", "sla_recall_at_50_delta"),
        ("latency_ms", "p95_latency"),
        ("calibrator_ms", "calibrator_p99"),
        ("confidence", "aece_tau"),
        ("error", "errors"),
        ("file_credits", "file_credit"),
    ],
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(policy: Policy, column: str, check: str, value: float) -> None:
    asked = judged(policy)
    found = equal_pairs(100)
    getattr(found.hero, column)[7] = value
    with pytest.raises(EvidenceError, match=f"^{column} of 1 of 100 answers is not a number, but {check} needs it; "):
        asked.observe(found)


def test_an_empty_block_is_refused(policy: Policy) -> None:
    asked = judged(policy)
    with pytest.raises(EvidenceError, match=r"^0 pairs, but a look needs at least one"):
        asked.observe(equal_pairs(0))


def test_a_check_without_its_column_stays_open_and_says_why(policy: Policy) -> None:
    missing = missing_inputs(policy, {"latency_ms": "no clock"})
    asked = judged(policy, **missing)
    for percent in policy.ladder.steps:
        if percent > STEP:
            asked.begin_step(percent)
        windows(asked, 4, latency_ms=np.nan)
    cell = asked.cell("within_sla")
    assert (cell.verdict, cell.n, cell.note) == (Verdict.INCONCLUSIVE, 0, "latency_ms is missing: no clock")
    assert set(asked.undecided) == set(missing) >= {"p95_latency", "p99_latency", "within_sla"}


LOSSES = (
    "sla_recall_at_50_delta", "ndcg_at_10", "recall_docstring", "recall_identifier", "recall_error",
    "ndcg_docstring", "ndcg_identifier", "ndcg_error",
)  # fmt: skip


def test_a_left_out_check_is_not_asked(policy: Policy) -> None:
    asked = judged(changed(policy, left_out=dict.fromkeys(LOSSES, "for a test")))
    assert asked.observe(equal_pairs(800, recall=0.0, ndcg=0.0)) == ()


@pytest.mark.parametrize("split", [1, 8])
def test_the_same_pairs_in_other_blocks_are_the_same_evidence(policy: Policy, split: int) -> None:
    asked = judged(policy)
    whole = equal_pairs(800, recall=0.7)
    for rows in np.array_split(np.arange(800), split):
        asked.observe(pairs(whole.hero.rows(rows), whole.baseline.rows(rows)))
    asked.end_window()
    cell = asked.cell("sla_recall_at_50_delta")
    assert (cell.n, cell.windows) == (800, 1)
    assert cell.e_red == judged(policy, [whole]).cell("sla_recall_at_50_delta").e_red
