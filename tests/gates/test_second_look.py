"""Is a promotion that does not follow from its cells, or that somebody hears otherwise, found before it is attested?"""

from dataclasses import replace
from typing import Any

import pytest

from gates.policy import Policy
from gates.rule.decide import plan
from gates.rule.second_look import contradictions, unheard
from gates.verdicts import Cell, Decision, Verdict
from tests.gates.builders import cell, changed, release


def cells(policy: Policy) -> tuple[Cell, ...]:
    return tuple(cell(step=step, check=check) for _, step, check in plan("lexical", policy))


def test_a_promotion_that_follows_is_left_alone(policy: Policy) -> None:
    assert contradictions(release(policy, Decision.PROMOTE, cells=cells(policy))) == []
    enough = tuple(
        replace(c, required="not_red", verdict=Verdict.INCONCLUSIVE) if c.check == "ece" else c for c in cells(policy)
    )
    assert contradictions(release(policy, Decision.PROMOTE, cells=enough)) == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda told: told[1:], "not every planned check has a cell: index_integrity"),
        (lambda told: (), "not every planned check has a cell: "),
        (lambda told: (replace(told[0], verdict=Verdict.RED), *told[1:]), "index_integrity is RED"),
        (lambda told: (replace(told[0], verdict=Verdict.INCONCLUSIVE), *told[1:]), "index_integrity is INCONCLUSIVE"),
        (lambda told: (replace(told[0], verdict=Verdict.NOT_REACHED), *told[1:]), "index_integrity is NOT_REACHED"),
        (lambda told: (replace(told[0], n=0), *told[1:]), "index_integrity is GREEN"),
    ],
    ids=["one missing", "none", "red", "open", "not reached", "of no pairs"],
)
def test_a_promotion_that_does_not_follow_is_told(policy: Policy, spoil: Any, says: str) -> None:
    found = contradictions(release(policy, Decision.PROMOTE, cells=spoil(cells(policy))))
    assert len(found) == 1
    assert found[0].startswith("lexical: PROMOTE, but ")
    assert says in found[0]
    assert contradictions(release(policy, Decision.HOLD, cells=spoil(cells(policy)))) == []


def test_a_policy_that_never_promotes_does_not(policy: Policy) -> None:
    never = changed(policy, promotes=False)
    found = contradictions(release(never, Decision.PROMOTE, cells=cells(never)))
    assert found == ["lexical: PROMOTE, but the policy never promotes"]


P, H, R = Decision.PROMOTE, Decision.HOLD, Decision.ROLLBACK


@pytest.mark.parametrize(
    ("decisions", "status", "attested", "wrong"),
    [
        ((P,), 0, {"lexical": "PROMOTE"}, 0),
        ((R,), 20, {"lexical": "ROLLBACK"}, 0),
        ((P, H, R), 20, {"lexical": "PROMOTE", "router": "HOLD", "ann": "ROLLBACK"}, 0),
        ((P, H), 10, {"lexical": "PROMOTE", "router": "HOLD"}, 0),
        ((H,), 3, {"lexical": "HOLD"}, 0),  # pytest's own statuses promote nothing
        ((R,), 0, {"lexical": "ROLLBACK"}, 1),
        ((P, H), 0, {"lexical": "PROMOTE", "router": "HOLD"}, 1),
        ((R,), 20, {"lexical": "PROMOTE"}, 1),
        ((P,), 0, {}, 1),
        ((R,), 0, {"lexical": "PROMOTE"}, 2),
    ],
)
def test_everybody_hears_what_was_decided(
    policy: Policy, decisions: tuple[Decision, ...], status: int, attested: dict[str, str], wrong: int
) -> None:
    assert len(unheard(release(policy, *decisions), status, attested)) == wrong


@pytest.mark.parametrize("decision", [P, H, R])
@pytest.mark.parametrize("status", [0, 10, 20])
def test_where_nothing_is_enforced_every_decision_ends_with_0(policy: Policy, decision: Decision, status: int) -> None:
    warns = replace(release(policy, decision), mode="warn")
    said = [f"exit status {status}, but {decision} ends with status 0"] if status else []
    assert unheard(warns, status, {"lexical": decision}) == said
