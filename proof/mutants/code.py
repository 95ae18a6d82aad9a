"""Which faults may the gate's own code have? Each turns a verdict, forgets evidence, or lets something pass."""

from dataclasses import replace
from functools import partial
from typing import Any

from gates.checks.known_answers import KnownAnswers
from gates.checks.sla_recall import SlaRecall
from gates.pairs import Pairs
from gates.verdicts import Decision
from proof.mutants.mutant import Mutant, instead_of, result_of, seeded

_instead, _result = (partial(kind, area="gate code") for kind in (instead_of, result_of))
# where the self-test of the evaluator must see it, before any pair is judged
_unknown, _wrong = (partial(kind, check=KnownAnswers) for kind in (_instead, _result))
_LOST = seeded("empty", share=0.1)  # a hero that must not pass
_NOT_RUN = "--deselect=suites/canary/test_guards.py::test_guard[{hero}-errors]"


def _forgets(begin_step: Any) -> Any:
    def forgets(tracker: Any, *, last: bool) -> None:
        tracker._red = [[type(mixture)(4) for mixture in process] for process in tracker._red]
        begin_step(tracker, last=last)

    return forgets


def _counts_on(end_window: Any) -> Any:
    def counts_on(tracker: Any, window: Pairs) -> None:
        before = tracker._in_a_row
        end_window(tracker, window)
        tracker._in_a_row = tracker._in_a_row or before

    return counts_on


def _of_what_came(decide: Any) -> Any:
    return lambda planned, seen, **more: decide([key for key in planned if key in seen], seen, **more)


CODE: tuple[Mutant, ...] = (
    # --- what the pipeline before this one got wrong ---
    _result("promotes_despite_violation", "Violations are logged, and the ladder climbs on",
            "rollout.ladder:Ladder._window", lambda red: (), check=SlaRecall, pack=_LOST),
    _unknown("history_pruned", "What was seen before the step is forgotten, so a loss spread over steps never counts",
             "gates.rule.trackers:StreamTracker.begin_step", _forgets),
    _unknown("green_between_forgotten",
             "By the letter any two red windows count as consecutive, although a green one lies between",
             "gates.rule.letter:LetterTracker.end_window", _counts_on, arguments=("--decision-mode=letter",)),
    _instead("polled_twice", "The same window is looked at twice and counts as two", "rollout.ladder:Ladder._window",
             lambda window: lambda ladder, step: window(ladder, step) or ladder._climb.evaluator.end_window(),
             check="evidence", says="must not be looked at twice"),
    # --- what is turned round ---
    _wrong("losses_are_gains", "What is lost counts as gained", "gates.checks.forms:Loss._lost", lambda lost: -lost),
    _wrong("arms_swapped", "The hero's answers are judged as the baseline's", "rollout.comparison:pairs_of",
           lambda pairs: replace(pairs, hero=pairs.baseline, baseline=pairs.hero)),
    _wrong("thresholds_swapped", "RED is asked for with the evidence of GREEN and the other way round",
           "gates.rule.trackers:Thresholds.of", lambda right: replace(right, red=right.green, green=right.red)),
    # --- what lets something pass ---
    _instead("plan_from_collection", "What was not collected was not planned",
             "gates.plugin:decide", _of_what_came, arguments=(_NOT_RUN,),
             check="evidence", says="not every planned check"),
    _unknown("undecided_is_green", "Whatever was looked at once is GREEN", "gates.rule.trackers:StreamTracker.green",
             lambda green: property(lambda tracker: not tracker._blocks and not tracker.busy)),
    _instead("exit_status_is_zero", "The page says ROLLBACK, the pipeline reads success", "gates.plugin:EXIT",
             lambda statuses: dict.fromkeys(statuses, 0), check="evidence", says="status", pack=_LOST),
    _result("attested_as_promoted", "The exit status says ROLLBACK, the attestation PROMOTE",
            "reports.attestation.document:attest",
            lambda attested: attested.model_copy(update={"decision": Decision.PROMOTE}),
            check="evidence", says="attest", pack=_LOST),
    _instead("blind_item", "The test of a gate passes whatever the evidence says", "gates.handover:settle",
             lambda settle: lambda cell: None if cell.step else settle(cell), check=SlaRecall, pack=_LOST),
)  # fmt: skip
