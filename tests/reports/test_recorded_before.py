"""Do hits and agg that were recorded before checks were objects give the same verdicts and numbers today?

`tests/recorded_before` holds four heroes as commit 308ea3f judged them (policy, facts, evidence and every cell): the
three of tests/recorded_release.py, and `lexical` of configs/smoke. Their attestations, of version 1, are not read.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from gates.rule.climbed import Facts
from gates.rule.decide import Seen, decide, plan
from gates.verdicts import OUTCOME, Cell
from reports.attestation.replay import Evidence, policy_of

#: Check -> field -> what is said today of what was said then: each intended difference, with its reason.
TODAY: dict[str, dict[str, str]] = {}


def as_then(cell: Cell, then: dict[str, Any]) -> dict[str, Any]:
    """What the record says of a cell, said by today's."""
    return {name: str(value) if name == "verdict" else value for name in then for value in (getattr(cell, name),)}


@pytest.mark.parametrize("hero", ["equal", "worse", "unsure", "lexical"])
def test_what_was_recorded_before_is_judged_as_before(hero: str, root: Path) -> None:
    folder = root / "tests" / "recorded_before" / hero
    run, then = (json.loads((folder / name).read_bytes()) for name in ("run.json", "expected.json"))
    policy = policy_of(run["policy"])
    seen = {name: run[name] for name in ("queries", "missing", "sanity", "lock")}
    facts = Facts.model_validate({**then["constants"], **seen, "notes": []})
    again = Evidence(folder, hero, run["baseline"], policy, run["fingerprint"], run["windows"], facts)
    cells = again.evaluator()

    assert again.wrong + again.wrong_at_the_end() == []
    told = {f"{step} {cell.kind} {check}": cell for (step, check), cell in cells.items()}
    assert sorted(told) == sorted(then["cells"])
    for key, was in then["cells"].items():
        assert as_then(told[key], was) == was | TODAY.get(told[key].check, {}), key
    assert {**again.constants.record(), "moved": again.climb.evaluator.moved()} == then["constants"]
    assert [step.model_dump() for step in again.climb.steps] == [step for step in then["steps"] if step["windows"]]
    planned = plan(hero, policy)
    came = {key: Seen(cells[key[1:]], OUTCOME[cells[key[1:]].verdict]) for key in planned}
    decision, reasons = decide(planned, came, promotes=policy.promotes, strays=())
    assert (str(decision), list(reasons)) == (then["decision"], then["reasons"])
