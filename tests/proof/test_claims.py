"""Is a promise called kept only when it is?"""

from typing import Any

import pytest

from proof.pages.claims import LOSSES, of_seeds, of_world


@pytest.mark.parametrize(
    ("seen", "kept"),  # never promoted, stopped by its check
    [
        ({}, [True, True]),
        ({"red": {"errors": 99, "ece": 1}}, [True, False]),  # in every order
        ({"decisions": {"ROLLBACK": 99, "PROMOTE": 1}}, [False, True]),
        # a false alarm of an instrument that held the release is no evidence
        ({"decisions": {"ROLLBACK": 99, "HOLD": 1}, "red": {"errors": 99, "aa_shadow": 1}}, [True, True]),
        ({"red": {"errors": 99, "aa_shadow": 1}}, [True, False]),
        ({"decisions": {"ROLLBACK": 99, "HOLD": 1}, "red": {"errors": 99}}, [True, False]),
        # what the battery stops must not be promoted either
        ({"check": "stop_rule", "red": {"ndcg_at_10": 100}}, [True]),
        ({"check": "stop_rule", "decisions": {"ROLLBACK": 99, "PROMOTE": 1}}, [False]),
    ],
)
def test_a_bad_hero_is_never_promoted_and_stopped_by_its_check(seen: dict[str, Any], kept: list[bool]):
    bad = {"n": 100, "decisions": {"ROLLBACK": 100}, "red": {"errors": 100}, "check": "errors", **seen}
    found = of_seeds({"good": {}, "bad": {"failing": bad}})
    assert [claim["holds"] for claim in found] == kept


@pytest.mark.parametrize(
    ("k", "n", "holds"),
    [(9, 10_000, True), (1, 100, False), (150, 10_000, False)],  # 1 of 100: too few to show what is promised
)
def test_a_rate_must_be_shown_to_be_small(k: int, n: int, holds: bool):
    other = {"what": "", "promoted": 0, "n": 1_000, "promoted_of": {}}
    rows = {f"model-{cell}": other for cell in (*LOSSES, "ce-0.0175")}
    rows["model-aa"] = {"releases_rolled_back": k, "releases": n}
    assert next(of_world("model", "models", rows))["holds"] is holds
