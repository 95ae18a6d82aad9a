"""Is a policy that an equal hero could not meet refused with the way out, and does the plan foresee what happens?"""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gates.checks.question import bet_against_loss
from gates.errors import ConfigError
from gates.planning.attainability import ENOUGH, Growth, growth, require_attainable, tasks
from gates.planning.characteristics import Atoms, Characteristics, rates_of, read_characteristics
from gates.planning.power import foresee, plan_lines
from gates.policy import Policy
from gates.statistics.eprocess import bet, log_evidence
from gates.verdicts import Kind
from tests.gates import stored
from tests.gates.builders import changed

CHURN = Atoms(value=np.array([-0.1, 0.0, 0.1]), weight=np.array([0.05, 0.9, 0.05]))


@pytest.fixture
def known(policy: Policy, tmp_path: Path) -> Characteristics:
    return read_characteristics(stored.write(tmp_path / "c.json", stored.document(policy)))


def margin(lost: Atoms, of: float) -> Growth:
    return growth(Atoms(value=(of - lost.value) / (1 + of), weight=lost.weight))


def test_the_pairs_foreseen_suffice_and_not_by_much() -> None:
    """Against the production stream, drawn 400 times."""
    need, draw = math.log(100), np.random.default_rng(3)
    foreseen = math.ceil(margin(CHURN, 0.01).pairs(need))
    reached = []
    for _ in range(400):
        lost = draw.choice(CHURN.value, foreseen, p=CHURN.weight)
        reached.append(log_evidence(bet_against_loss(lost, 0.01)) >= need)
    assert np.mean(reached) >= 0.97
    third = draw.choice(CHURN.value, foreseen // 3, p=CHURN.weight)
    assert log_evidence(bet_against_loss(third, 0.01)) < need


def test_the_chance_grows_with_the_pairs() -> None:
    chances = [margin(CHURN, 0.01).chance(n, math.log(100)) for n in (100, 400, 1_000, 4_000)]
    assert chances == sorted(chances)
    assert chances[0] < 0.01 < 0.99 < chances[-1]


def test_what_does_not_grow_is_never_shown() -> None:
    assert math.isinf(margin(CHURN, 1e-9).pairs(math.log(100)))
    assert math.isinf(growth(Atoms(value=np.array([-0.1]), weight=np.array([1.0]))).pairs(1.0))


def test_the_projects_policy_is_attainable(policy: Policy, known: Characteristics) -> None:
    found = tasks(policy, known.streams)
    assert 1 - sum(1 - task.chance for task in found) >= ENOUGH
    asked = {task.check for task in found}
    assert {*policy.asked(Kind.GATE), "ndcg_at_10", "p95_latency", "p99_latency", "within_sla", "errors"} <= asked
    assert asked.isdisjoint({"ece", "file_credit", "spend"})
    require_attainable("policy.yaml", policy, known)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"gates": {"aece_tau": {"red_above": 0.01, "green_below": [0.06, 0.05, 0.04, 0.01]}}},
            [r"aece_tau at 100 %: .* gates\.aece_tau\.green_below\[3\] 0\.02\d would do"],
        ),
        (
            {"guards": {"errors": {"rate": 0.0001}}},
            [r"errors over the canary: .* 62,143 pairs \(58 windows more\) or guards\.errors\.rate 0\.00\d+ would do"],
        ),
        (
            {"gates": {"sla_recall_at_50_delta": {"margin": 0.001, "final_margin": 0.0005}}},
            [rf"sla_recall_at_50_delta {where}: .* would do" for where in ("at each step", "over the canary")],
        ),
        (
            {"gates": {"calibrator_p99": {"limit_ms": 0.005}}},
            [r"calibrator_p99 at each step: .*; no number of pairs would do"],
        ),
        ({"ladder": {"min_windows": 1, "max_windows": 1, "total_windows": 4}}, [r"aece_tau at 5 %", "errors"]),
    ],
    ids=["calibration", "errors", "recall", "calibrator", "short ladder"],
)
def test_an_unattainable_policy_is_refused_all_at_once(
    policy: Policy, known: Characteristics, change: dict[str, Any], says: list[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        require_attainable("policy.yaml", changed(policy, **change), known)
    assert all(line.startswith("policy.yaml: ") for line in refused.value.mistakes)
    for pattern in says:
        assert any(re.search(pattern, line) for line in refused.value.mistakes), refused.value.mistakes


def test_a_p99_that_an_equal_hero_hardly_holds_must_not_be_required(policy: Policy, tmp_path: Path) -> None:
    content = stored.document(policy)
    content["streams"]["tails"][1]["flags"] = [[-1, 0.01], [0, 0.983], [1, 0.007]]
    known = read_characteristics(stored.write(tmp_path / "heavy.json", content))
    with pytest.raises(ConfigError) as refused:
        require_attainable("policy.yaml", policy, known)
    (line,) = refused.value.mistakes
    assert line.startswith("policy.yaml: p99_latency over the canary: an equal hero is shown to hold with probability")
    assert line.endswith("guards.p99_latency.required not_red would do")
    require_attainable("policy.yaml", changed(policy, guards={"p99_latency": {"required": "not_red"}}), known)


def test_what_is_left_out_need_not_be_attainable(policy: Policy, known: Characteristics) -> None:
    short = {"guards": {"errors": {"rate": 1e-5}}, "left_out": {"errors": "for a test"}}
    require_attainable("policy.yaml", changed(policy, **short), known)


def test_a_loss_that_is_foreseen_is_found(policy: Policy, known: Characteristics) -> None:
    """Of the size that half of the canaries find, about half of 60 drawn ones do."""
    found = next(f for f in foresee(policy, known.streams) if f.check == "ndcg_at_10")
    assert list(found.sizes) == sorted(found.sizes)
    draw, need, reached = np.random.default_rng(4), math.log(6300), 0
    for _ in range(60):
        lost = draw.choice(CHURN.value, found.pairs, p=CHURN.weight) + found.sizes[0] / 100
        reached += log_evidence(bet(lost)) - math.log(2) >= need
    assert 15 <= reached <= 55


def test_a_slice_finds_less_than_the_whole(policy: Policy, known: Characteristics) -> None:
    size = {found.check: found.sizes[1] for found in foresee(policy, known.streams)}
    assert size["sla_recall_at_50_delta"] < size["recall_docstring"] < size["recall_error"]
    assert size["ece"] < size["aece_tau"] < size["calibration_docstring"] < size["calibration_error"]


def test_the_plan_fits_a_terminal(policy: Policy, known: Characteristics) -> None:
    lines = plan_lines("lexical", policy, known.streams)
    assert lines[0].startswith("plan of lexical: 12,800 to 19,200 pairs, 16 to 24 windows; replay 0.4 to 0.6 min")
    assert max(map(len, lines)) <= 100
    assert sum("aece_tau at" in line for line in lines) == 4


def test_rates_count_for_what_they_were_simulated_with(policy: Policy, known: Characteristics, tmp_path: Path) -> None:
    assert rates_of(policy, known)["false_rollback_upper"] == "0.0004"
    for mode in ("letter", "warn"):
        assert rates_of(changed(policy, mode=mode), known) == rates_of(policy, known)
    assert rates_of(changed(policy, guards={"ece": {"limit": 0.02}}), known) == {}
    other = stored.document(policy, sources_digest="0" * 64)
    assert rates_of(policy, read_characteristics(stored.write(tmp_path / "other.json", other))) == {}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda d: d.update(schema="v9"), "schema 'v9', but should be hero-gate/characteristics/v2"),
        (lambda d: d.pop("rates"), "KeyError('rates')"),
        (lambda d: d["streams"].pop("tails"), "KeyError('tails')"),
        (lambda d: d["streams"].update(ndcg_lost=[[0, 0.5]]), "should be pairs of value and weight"),
        (lambda d: d["streams"].update(ndcg_lost=[]), "should be pairs of value and weight"),
        (lambda d: d["streams"].update(ndcg_lost="x"), "could not convert"),
        *((content, "") for content in ("", "{", "[]", None)),
    ],
    ids=["schema", "no rates", "no stream", "weights", "empty", "text", "nothing", "cut", "a list", "no file"],
)
def test_a_bad_file_is_one_line(policy: Policy, tmp_path: Path, spoil: Any, says: str) -> None:
    content, path = stored.document(policy), tmp_path / "c.json"
    if callable(spoil):
        spoil(content)
        stored.write(path, content)
    elif spoil is not None:
        path.write_text(spoil)
    with pytest.raises(ConfigError) as refused:
        read_characteristics(path)
    (line,) = refused.value.mistakes
    assert line.startswith(f"{path}: no characteristics (")
    assert line.endswith("make characteristics")
    assert says in line
