"""Does every combination of verdict and outcome lead to the decision that the rules name?"""

from itertools import product
from typing import Any

import pytest

from gates.policy import Policy
from gates.rule.decide import Key, Seen, decide, plan
from gates.verdicts import OUTCOME, Decision, Kind, Verdict
from tests.gates.builders import cell, changed

OUTCOMES = ("passed", "failed", "skipped", "error", "xfailed", "xpassed", "reported twice", "missing")
KEY = ("lexical", 5, "sla_recall_at_50_delta")
OTHER = ("lexical", 0, "ndcg_at_10")
SHOWN = [Verdict.GREEN, Verdict.RED]
FINE = Seen(cell(step=0, check="ndcg_at_10"), "passed")


def decided(one: Seen | None, **options: Any) -> Decision:
    """The decision about a hero whose other item is as good as can be."""
    seen = {OTHER: FINE} if one is None else {OTHER: FINE, KEY: one}
    return decide((KEY, OTHER), seen, **options)[0]


def expected(verdict: Verdict, outcome: str, required: str, on_red: str) -> Decision:
    """The truth table in words: RED does what the policy says of it, all else must agree and suffice."""
    if verdict is Verdict.RED:
        return Decision.ROLLBACK if on_red == "rollback" else Decision.HOLD
    agrees = outcome == OUTCOME[verdict]
    enough = verdict is Verdict.GREEN or (verdict is Verdict.INCONCLUSIVE and required == "not_red")
    return Decision.PROMOTE if agrees and enough else Decision.HOLD


@pytest.mark.parametrize("verdict", Verdict)
def test_the_whole_table(verdict: Verdict) -> None:
    for outcome, required, on_red in product(OUTCOMES, ("green", "not_red"), ("rollback", "hold")):
        seen = Seen(cell(verdict, required=required, on_red=on_red), outcome)
        case = (verdict, outcome, required, on_red)
        assert (case, decided(seen)) == (case, expected(*case))


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_without_evidence_is_held(outcome: str) -> None:
    assert decided(Seen(None, outcome)) is Decision.HOLD


@pytest.mark.parametrize(
    ("planned", "strays", "reason"),
    [
        ((KEY, OTHER), (), "sla_recall_at_50_delta at 5 %: missing, no evidence"),
        ((OTHER,), ("suites/test_more.py",), "plan: suites/test_more.py failed, but was not planned"),
        ((), (), "plan: nothing was planned"),
    ],
    ids=["planned and not seen", "not planned and failed", "nothing planned"],
)
def test_what_was_not_asked_as_planned_is_held(planned: tuple[Key, ...], strays: tuple[str, ...], reason: str) -> None:
    assert decide(planned, {OTHER: FINE}, strays=strays) == (Decision.HOLD, [reason])


def test_what_was_seen_but_not_planned_decides_nothing() -> None:
    stray = Seen(cell(Verdict.RED, step=25), "failed")
    assert decide((OTHER,), {OTHER: FINE, ("lexical", 25, KEY[2]): stray})[0] is Decision.PROMOTE


@pytest.mark.parametrize(
    ("wrong", "verdicts"),
    [
        *((observed, SHOWN) for observed in ({"observed": "nan"}, {"observed": ""}, {"observed": "inf"})),
        *((of, [*SHOWN, Verdict.INCONCLUSIVE]) for of in ({"n": 0}, {"hero": "ann"}, {"step": 25}, {"check": "ece"})),
    ],
)
def test_a_verdict_from_nothing_or_of_another_cell_is_held(wrong: dict[str, Any], verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        assert decided(Seen(cell(verdict, required="not_red", **wrong), OUTCOME[verdict])) is Decision.HOLD, verdict


@pytest.mark.parametrize(
    ("verdict", "ended", "decision"),
    [
        (Verdict.NOT_REACHED, "rolled back at 5 % by aece_tau", Decision.ROLLBACK),
        (Verdict.NOT_REACHED, "held at 5 %: all 24 windows used up", Decision.HOLD),
        (Verdict.GREEN, "held at 100 %: all 648 queries used up", Decision.HOLD),
    ],
)
def test_how_a_ladder_ended_decides_whatever_was_selected(verdict: Verdict, ended: str, decision: Decision) -> None:
    seen = Seen(cell(verdict, ended=ended), OUTCOME[verdict])
    found, reasons = decide((KEY, OTHER), {OTHER: FINE, KEY: seen})
    assert (found, f"ladder: {ended}" in reasons) == (decision, verdict is Verdict.GREEN or "rolled" in ended)


def test_a_policy_that_does_not_promote_holds_at_best() -> None:
    good, bad = Seen(cell(), "passed"), Seen(cell(Verdict.RED), "failed")
    assert decided(good) is Decision.PROMOTE
    assert decided(good, promotes=False) is Decision.HOLD
    assert decided(bad, promotes=False) is Decision.ROLLBACK


def test_what_rolls_back_is_told_first() -> None:
    seen = {KEY: Seen(cell(Verdict.RED), "failed"), OTHER: Seen(None, "error")}
    _, reasons = decide((OTHER, KEY), seen)
    assert [reason.partition(":")[0] for reason in reasons] == ["sla_recall_at_50_delta at 5 %", "ndcg_at_10"]


def test_the_plan_is_the_policys(policy: Policy) -> None:
    keys = plan("lexical", policy)
    first, last = len(policy.asked(Kind.SANITY)), len(policy.asked(Kind.GUARD, Kind.SLICE, Kind.INSTRUMENT))
    gates = len(policy.ladder.steps) * len(policy.asked(Kind.GATE))
    assert len(keys) == len(set(keys)) == first + gates + last
    assert (keys[0], keys[first]) == (("lexical", 0, "index_integrity"), ("lexical", 5, "calibrator_p99"))
    left_out = changed(policy, left_out={"file_credit": "no places", "aece_tau": "no confidence"})
    assert set(keys) - set(plan("lexical", left_out)) == {
        ("lexical", 0, "file_credit"),
        *(("lexical", step, "aece_tau") for step in (5, 25, 50, 100)),
    }
