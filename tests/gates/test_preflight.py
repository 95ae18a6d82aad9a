"""Is an incumbent that is out of its own limits found before a hero is judged against it?"""

from typing import Any

import numpy as np
import pytest

from gates.errors import EvidenceError
from gates.policy import Policy
from gates.rule.preflight import fix_constants, judge_preflight
from gates.verdicts import Cell, Verdict
from tests.gates.builders import arm

N = 800
INTENT = np.where(np.arange(N) % 8 == 0, 2, np.arange(N) % 2).astype(np.int8)  # a hundred queries of the third
HARDLY = "not shown within limits: within_sla"


def preflight(policy: Policy, missing: dict[str, str] | None = None, **columns: Any) -> Cell:
    answers = arm(N, **columns)
    constants = fix_constants(policy, answers, INTENT, 22)
    return judge_preflight("lexical", policy, answers, constants, missing or {})


@pytest.mark.parametrize(
    ("columns", "verdict", "note"),
    [
        ({}, Verdict.GREEN, ""),
        ({"error": np.arange(N) % 10 == 0}, Verdict.RED, "incumbent out of limits: errors"),
        ({"calibrator_ms": 2.0}, Verdict.RED, "incumbent out of limits: calibrator_p99"),
        ({"latency_ms": 200.0}, Verdict.RED, "incumbent out of limits: within_sla"),
        ({"file_credits": 1.0}, Verdict.RED, "incumbent out of limits: file_credit"),
        ({"correct": 0.0}, Verdict.RED, "incumbent out of limits: aece_tau"),
        ({"latency_ms": np.where(np.arange(N) % 20 == 0, 200.0, 10.0)}, Verdict.INCONCLUSIVE, HARDLY),
    ],
    ids=["sound", "errors", "calibrator", "late", "file credit", "calibration", "hardly in time"],
)
def test_an_incumbent_out_of_a_limit_is_named(
    policy: Policy, columns: dict[str, Any], verdict: Verdict, note: str
) -> None:
    cell = preflight(policy, **columns)
    assert (cell.verdict, cell.note, cell.n, cell.step, cell.on_red) == (verdict, note, N, 0, "hold")


def test_what_cannot_be_asked_is_not_asked(policy: Policy) -> None:
    cell = preflight(policy, {"within_sla": "no latency", "aece_tau": "no confidence"}, latency_ms=200.0, correct=0.0)
    assert (cell.verdict, cell.unit) == (Verdict.GREEN, "share of errors")


def test_the_constants_are_the_baselines(policy: Policy) -> None:
    answers = arm(N)
    found = fix_constants(policy, answers, INTENT, 22)
    assert found.median_confidence == np.median(answers.confidence)
    assert found.q95_ms == np.quantile(answers.latency_ms, 0.95, method="inverted_cdf")
    assert (len(found.bin_edges), len(found.signs), found.seed) == (9, 10, 22)


def test_without_confidence_there_are_no_bins(policy: Policy) -> None:
    found = fix_constants(policy, arm(N, confidence=np.nan), INTENT, 22)
    assert (found.bin_edges, found.signs, found.slice_edges) == ((), (), ((), (), ()))


def test_an_intent_with_few_answers_is_binned_as_all_are(policy: Policy) -> None:
    answers = arm(N, confidence=np.linspace(0, 1, N) * np.where(INTENT == 0, 0.5, 1.0))
    one, other, few = fix_constants(policy, answers, INTENT, 22).slice_edges
    assert few == pytest.approx(np.quantile(answers.confidence, [0.25, 0.5, 0.75]))
    assert one == pytest.approx(np.quantile(answers.confidence[INTENT == 0], [0.25, 0.5, 0.75]))
    assert one != other != few


def test_what_the_incumbent_waited_for_is_no_latency_of_its_own(policy: Policy) -> None:
    found = fix_constants(policy, arm(N, latency_ms=40.0, wait_ms=30.0), INTENT, 22)
    assert set(found.baseline_ms) == {10.0}


def test_no_answers_fix_nothing(policy: Policy) -> None:
    with pytest.raises(EvidenceError, match="0 preflight answers"):
        fix_constants(policy, arm(0), INTENT[:0], 22)
