"""Does each check of the battery hold for sound answers, and break for what it is there to find?"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gates.checks.battery import SanityFacts, Side, Snapshot
from gates.checks.registry import keys_of
from gates.policy import Policy
from gates.rule.preflight import judge_battery
from gates.verdicts import Cell, Kind, Verdict
from tests.gates.answers import N, facts, late, side, snapshot
from tests.gates.builders import changed

HALF = np.arange(N) % 2 == 0
LEXICAL, LENS = side("lexical"), side("lens")
ALL_LATE = replace(LEXICAL, within_sla=np.zeros(N, np.bool_), sla_recall=np.zeros(N))
NO_CREDIT = np.zeros(N, dtype=np.int64)
SINGLE = replace(LEXICAL, credits=np.ones(N, dtype=np.int64), file_credits=NO_CREDIT)
LATE_AND_COUNTED = replace(late(LENS, HALF), sla_recall=LENS.recall)
FALLEN_BACK = replace(LEXICAL, decision=np.where(HALF, "budget_exceeded", "fused"))


def battery(policy: Policy, found: Snapshot | None = None, **changes: Any) -> dict[str, Cell]:
    return judge_battery("lexical", policy, snapshot() if found is None else found, facts(**changes), {})


def index(**changes: Any) -> dict[str, Any]:
    sound = facts().index
    assert sound is not None
    return {"index": sound.model_copy(update=changes)}


def oracles(rank: int, times: int = 1) -> dict[str, Any]:
    oracle = {"id": "error-1", "query": "no such table", "expected": "db.py:3-9", "rank": rank}
    return {"oracles": {"within": 1, "asked": [oracle] * times}}


NOWHERE = "error-1 (db.py:3-9 not found)"


def test_sound_answers_are_green_everywhere(policy: Policy) -> None:
    cells = battery(policy)
    assert tuple(cells) == keys_of(Kind.SANITY) == tuple(dict.fromkeys(check for check, *_ in BROKEN))
    assert {cell.verdict for cell in cells.values()} == {Verdict.GREEN}
    told = {(cell.kind, cell.required, cell.on_red, cell.step) for cell in cells.values()}
    assert told == {(Kind.SANITY, "green", "hold", 0)}
    # gates.rule.decide asks for a number of at least one answer
    assert all(cell.n > 0 and math.isfinite(float(cell.observed)) for cell in cells.values())
    assert not any(cell.note for cell in cells.values())


BROKEN: list[tuple[str, dict[str, Side], dict[str, Any], str]] = [
    ("index_integrity", {}, index(damaged=["dense.faiss"]), "dense.faiss changed since the index was built"),
    ("index_integrity", {}, index(counts={"graph": 8, "documents": 9}), "differ in size (documents 9, graph 8)"),
    ("index_integrity", {}, index(found=44), "44 of 50 sampled documents find themselves, but 90% should"),
    ("oracle_queries", {}, oracles(2), "not within rank 1: error-1 (db.py:3-9 at rank 2)"),
    ("oracle_queries", {}, oracles(0, 5), f"{NOWHERE}, {NOWHERE}, {NOWHERE} and 2 more"),
    ("file_only", {"hero": side("lexical", file_credits=LEXICAL.credits)}, {}, "100.0% of 300 credits"),
    ("sla_off", {"hero": ALL_LATE}, {}, "300 answers of lexical are called late or in time wrongly"),
    ("sla_off", {"baseline": LATE_AND_COUNTED}, {}, "of lens count otherwise than their hits and time say"),
    ("pool", {"hero": side("lexical", pooled=4 * N)}, {}, "lexical gives 8.0% of 15,000 pooled hits, but 30% is"),
    ("pool", {"hero": side("lexical", known=np.full(N, 40))}, {}, "20.0% of the hits of lexical lie where no document"),
    ("core_search", {"hero": FALLEN_BACK}, {}, "50.0% of the answers of lexical are its fallback's, at most 5% may"),
    ("stop_rule", {"hero": side("lexical", ndcg=np.zeros(N))}, {}, "mean nDCG of lexical is 0"),
]


@pytest.mark.parametrize(("check", "sides", "more", "said"), BROKEN)
def test_what_is_broken_is_red_and_said_in_a_line(
    policy: Policy, check: str, sides: dict[str, Side], more: dict[str, Any], said: str
) -> None:
    cell = battery(policy, snapshot(**sides), **more)[check]
    assert cell.verdict is Verdict.RED
    assert said in cell.note
    assert "\n" not in cell.note
    assert cell.n > 0
    assert math.isfinite(float(cell.observed))


def test_the_limits_are_the_policys(policy: Policy) -> None:
    half = snapshot(hero=FALLEN_BACK)
    lax = changed(policy, sanity={"core_search": {"share": 0.5}})
    assert battery(policy, half)["core_search"].verdict is Verdict.RED
    assert battery(lax, half)["core_search"].verdict is Verdict.GREEN


def test_what_was_not_looked_at_is_not_evidenced(policy: Policy) -> None:
    missing = {"index_integrity": "index is missing: no index", "file_only": "line_start is missing: no places"}
    why = {"oracles": {"why": "configs/oracles.json: no such file"}}
    cells = judge_battery("lexical", policy, snapshot(), facts(**why), missing)
    notes = {cell.check: cell.note for cell in cells.values() if cell.verdict is Verdict.INCONCLUSIVE}
    assert notes == {**missing, "oracle_queries": "configs/oracles.json: no such file"}
    assert all(cells[check].n == 0 for check in notes)


def test_without_any_answer_nothing_is_evidenced(policy: Policy) -> None:
    nobody = {name: np.asarray(getattr(side("lexical"), name))[:0] for name in ("ndcg", "known", "decision")}
    empty = replace(snapshot(hero=replace(side("lexical"), **nobody)), intent=np.array([], dtype=np.str_), pool=0)
    assert {cell.verdict for cell in battery(policy, empty).values()} == {Verdict.INCONCLUSIVE}


@pytest.mark.parametrize(
    ("check", "hero", "more", "verdict", "note"),
    [
        ("sla_off", late(LEXICAL, np.ones(N, np.bool_)), {}, Verdict.GREEN, ""),  # truly late, and masked so
        ("sla_off", replace(LEXICAL, latency_ms=np.full(N, np.nan)), {}, Verdict.GREEN, ""),
        ("file_only", SINGLE, {}, Verdict.GREEN, "vacuous: no answer has several credits"),
        ("file_only", replace(SINGLE, credits=NO_CREDIT), {}, Verdict.INCONCLUSIVE, None),
        (
            "pool",
            replace(LEXICAL, known=np.full(N, 1)),
            {"places": "judged"},
            Verdict.GREEN,
            "",
        ),  # others: no strangers
    ],
    ids=["late", "no latency", "single credits", "no credit", "only judged documents are known"],
)
def test_what_is_odd_but_not_broken_is_not_red(
    policy: Policy, check: str, hero: Side, more: dict[str, Any], verdict: Verdict, note: str | None
) -> None:
    cell = battery(policy, snapshot(hero=hero), **more)[check]
    assert (cell.verdict, cell.note) == (verdict, cell.note if note is None else note)


def test_facts_that_went_through_an_attestation_give_the_same_cells(policy: Policy) -> None:
    broken = facts(**index(counts={"vectors": 8, "documents": 9, "graph": 9}))
    again = SanityFacts.model_validate_json(broken.model_dump_json())
    cells = [judge_battery("lexical", policy, snapshot(), known, {}) for known in (broken, again)]
    assert cells[0] == cells[1]
