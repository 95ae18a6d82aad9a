"""Does a evaluator that answers wrongly give itself away before it judges a hero?"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gates.checks import forms
from gates.checks.against import Calibration
from gates.checks.forms import Loss
from gates.pairs import Pairs
from gates.policy import Policy
from gates.rule import self_test as known_answers
from gates.rule import trackers
from gates.rule.evaluator import Evaluator
from gates.rule.self_test import CALIBRATOR_MS, FAULTS, PAUSE_MS, judge_self_test
from gates.rule.trackers import StreamTracker, Thresholds
from gates.verdicts import Cell, Decision, Verdict
from tests.gates.builders import arm, changed, constants, pairs

LACKS = (
    "calibrator_p99", "aece_tau", "confidence_shift", "ece", "calibration_docstring", "calibration_identifier",
    "calibration_error",
)  # fmt: skip
LITTLE = np.where(np.arange(50) == 3, 0.5, 0.0)  # a mean of 1 point
TOO_LITTLE = "the baseline finds too little in 50 answers for a loss to show; see what it answers"


def made_up(**columns: Any) -> Pairs:
    """What a ladder measures of the system with known faults, but for the columns given."""
    baseline, turn = arm(50), np.arange(50) % len(FAULTS)
    late = turn == FAULTS.index("late")
    values = {
        "recall": np.zeros(50),
        "found": np.where(late, baseline.found, 0.0),
        "ndcg": np.where(late, baseline.ndcg, 0.0),
        "error": (turn == FAULTS.index("failing")).astype(np.float64),
        "latency_ms": np.select([late, turn == FAULTS.index("slow")], [np.inf, PAUSE_MS + 0.1], 0.02),
        "calibrator_ms": np.where(turn == FAULTS.index("calibrator"), CALIBRATOR_MS, 0.0),
        **columns,
    }
    return pairs(replace(baseline, **values), baseline)


def known(policy: Policy, found: Pairs | None = None, **missing: str) -> Cell:
    return judge_self_test("lexical", policy, constants(), missing, found or made_up())


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"mode": "letter"},
        {"mode": "warn"},
        {"mode": "letter", "letter": {"red_windows": 3}},
        {"mode": "letter", "letter": {"red_windows": 1}},
        {"heroes": {"one": "one.yaml"}},
        {"slices": {"intents": []}},
        {"ladder": {"steps": [100]}, "gates": {"aece_tau": {"red_above": 0.1, "green_below": [0.3], "bins": 2}}},
        {"left_out": {"sla_recall_at_50_delta": "none", "traffic_share": "none", "p95_latency": "none"}},
        {"error_rates": {"red": 1e-6}},
    ],
    ids=str,
)
def test_a_sound_judge_answers_rightly(policy: Policy, change: dict[str, Any]) -> None:
    cell = known(changed(policy, **change))
    assert (cell.verdict, cell.note) == (Verdict.GREEN, "")


def test_what_is_missing_is_not_asked(policy: Policy) -> None:
    assert known(policy, **dict.fromkeys(LACKS, "recorded")).verdict is Verdict.GREEN


def test_a_system_that_finds_without_answering_is_red(policy: Policy) -> None:
    found = made_up()
    cell = known(policy, replace(found, hero=found.baseline, baseline=found.hero))
    assert cell.verdict is Verdict.RED
    assert "a system without an answer: found something" in cell.note


@pytest.mark.parametrize(
    ("mode", "finds", "verdict", "note"),
    [
        ("evidence", np.zeros(50), Verdict.INCONCLUSIVE, TOO_LITTLE),
        ("letter", np.zeros(50), Verdict.INCONCLUSIVE, TOO_LITTLE),
        ("evidence", LITTLE, Verdict.GREEN, ""),
    ],
    ids=["nothing", "nothing, by the letter", "little"],
)
def test_a_baseline_that_finds_nothing_is_no_mistake_of_the_judge_and_little_is_enough(
    policy: Policy, mode: str, finds: np.ndarray, verdict: Verdict, note: str
) -> None:
    found = made_up(ndcg=np.zeros(50))
    baseline = found.baseline.put(recall=finds, ndcg=finds)
    cell = known(changed(policy, mode=mode), replace(found, baseline=baseline, repeat=baseline.rows(found.repeated)))
    assert (cell.verdict, cell.required, cell.note) == (verdict, "green", note)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"error": np.zeros(50)}, "a failed query is recorded as one"),
        ({"error": np.ones(50)}, "a failed query is recorded as one"),
        ({"latency_ms": made_up().hero.latency_ms / 1000}, "the clock sees a pause of 5.0 ms"),
        ({"latency_ms": made_up().hero.latency_ms * 1000}, "the clock sees a pause of 5.0 ms"),
        ({"calibrator_ms": made_up().hero.calibrator_ms / 1000}, "a calibrator of 2.0 ms takes so long"),
        ({"recall": np.where(np.isinf(made_up().hero.latency_ms), 1.0, 0.0)}, "a late answer finds nothing in time"),
        ({"ndcg": np.zeros(50)}, "a late answer finds nothing in time"),
    ],
    ids=["failures hidden", "all failed", "seconds", "microseconds", "calibrator", "late is found", "nothing measured"],
)
def test_what_is_measured_wrongly_is_red(policy: Policy, columns: dict[str, Any], says: str) -> None:
    cell = known(policy, made_up(**columns))
    assert (cell.verdict, cell.on_red) == (Verdict.RED, "hold")
    assert f"not so: {says}" in cell.note


def test_second_answers_of_somebody_else_are_red(policy: Policy) -> None:
    found = made_up()
    nothing = np.zeros(len(found.repeated))
    cell = known(policy, replace(found, repeat=replace(found.repeat, recall=nothing, ndcg=nothing)))
    assert "not so: the baseline's second answers are the baseline's" in cell.note


def blind(self: StreamTracker, pairs: Pairs, measured: Pairs) -> None:
    """A tracker that sees nothing."""


def forgetful(self: Evaluator, percent: int, *, begin: Callable[..., None] = Evaluator.begin_step) -> None:
    fresh = Evaluator(hero=self.hero, policy=self.policy, constants=constants(), missing=self.missing)
    self._trackers = fresh._trackers
    begin(self, percent)


def turned(self: Calibration, p: Pairs, signs: np.ndarray, *, of: Callable[..., np.ndarray] = Calibration._direction):
    return -of(self, p, signs)


def of_the_same_window(
    self: StreamTracker, pairs: Pairs, measured: Pairs, *, observe: Callable[..., None] = StreamTracker.observe
) -> None:
    if self._moving is not None:
        self.question = self._moving.at(self._moving.learn(self._known, pairs))
    observe(self, pairs, measured)


def intolerant(self: Loss, p: Pairs, *, red: Callable[..., np.ndarray] = Loss.red) -> np.ndarray:
    return red(self, p) + self.tolerated


def lenient(self: Evaluator, *, end: Callable[[Evaluator], tuple[str, ...]] = Evaluator.end_window) -> tuple[str, ...]:
    return end(self) if self._window else ()


def priced_as_one(policy: Policy, *, of: Callable[[Policy], Thresholds] = Thresholds.of) -> Thresholds:
    return replace(of(policy), red=math.log(1 / policy.error_rates.red))


def latched(self: StreamTracker, window: Pairs, *, end: Callable[..., None] = StreamTracker.end_window) -> None:
    shown = self._shown
    end(self, window)
    self._shown = shown or self._shown


#: How the cell tells it -> what is broken, and by what.
MUTANTS: dict[str, tuple[object, str, object]] = {
    "a hero worse in everything: not RED: ": (trackers.StreamTracker, "observe", blind),
    "not RED": (forms, "bet", lambda x: -abs(x).sum() * np.ones(5)),
    "a loss spread over two steps": (Evaluator, "begin_step", forgetful),
    "a hero worse in everything: not RED: calibration": (Calibration, "_direction", turned),
    "more right answers at the same confidence: RED": (Calibration, "_charged", lambda self, p, s: p.hero.correct),
    "a tail fixed beforehand: RED: p95_latency": (StreamTracker, "observe", of_the_same_window),
    "a loss that is tolerated: RED: recall_docstring": (Loss, "red", intolerant),
    "a window looked at twice: it counted": (Evaluator, "end_window", lenient),
    "what is no number: it was taken": (Evaluator, "_refuse_nan", lambda *_: None),
    "evidence for one question: sla_recall_at_50_delta is RED": (Thresholds, "of", priced_as_one),
    "a handful of pairs: GREEN: sla_recall": (StreamTracker, "green", property(lambda self: not self._blocks)),
    "one error: errors: it is forgiven": (StreamTracker, "green", property(lambda self: self._shown)),
    "good pairs, then bad ones: sla_recall_at_50_delta still counts": (StreamTracker, "end_window", latched),
    "wrong for a RED, an open cell": (known_answers, "decide", lambda *_: (Decision.PROMOTE, [])),
    "all GREEN does not promote": (known_answers, "decide", lambda *_: (Decision.HOLD, [])),
}


@pytest.mark.parametrize("says", MUTANTS)
def test_a_broken_judge_is_red(policy: Policy, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    monkeypatch.setattr(*MUTANTS[says])
    cell = known(policy)
    assert (cell.verdict, cell.on_red) == (Verdict.RED, "hold")
    assert cell.note.startswith("the evaluator answers wrongly: ")
    assert says in cell.note


def test_where_nothing_is_enforced_as_much_is_asked(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    says = "evidence for one question: sla_recall_at_50_delta is RED"
    monkeypatch.setattr(*MUTANTS[says])
    assert says in known(changed(policy, mode="warn")).note
