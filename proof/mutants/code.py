"""Which faults may the gate's own code have? Each turns a verdict, forgets evidence, or lets something pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from gates.attestation import Attestation
from gates.checks.known_answers import KnownAnswers
from gates.checks.sla_recall import SlaRecall
from gates.pairs import Pairs
from gates.rule.decide import Seen
from gates.rule.trackers import Thresholds
from gates.verdicts import Decision, Verdict
from proof.mutants.mutant import Mutant, instead_of, result_of, seeded

_instead, _result = (partial(decorator, area="gate code") for decorator in (instead_of, result_of))
# where the self-test of the evaluator must see it, before any pair is judged
_unknown, _wrong = (partial(decorator, check=KnownAnswers) for decorator in (_instead, _result))
_LOST = seeded("empty", share=0.1)  # a hero that must not pass
_NOT_RUN = "--deselect=suites/canary/test_guards.py::test_guard[{hero}-errors]"

# --- what the pipeline before this one got wrong ---


@_result("rollout.ladder:Ladder._window", check=SlaRecall, pack=_LOST)
def promotes_despite_violation(red: tuple[str, ...]) -> tuple[str, ...]:
    """Violations are logged, and the ladder climbs on."""
    return ()


@_unknown("gates.rule.trackers:StreamTracker.begin_step")
def history_pruned(begin_step: Any) -> Any:
    """What was seen before the step is forgotten, so a loss spread over steps never counts."""

    def forgets(tracker: Any, *, last: bool) -> None:
        tracker._red = [[type(mixture)(4) for mixture in process] for process in tracker._red]
        begin_step(tracker, last=last)

    return forgets


@_unknown("gates.rule.letter:LetterTracker.end_window", arguments=("--decision-mode=letter",))
def green_between_forgotten(end_window: Any) -> Any:
    """By the letter any two red windows count as consecutive, although a green one lies between."""

    def counts_on(tracker: Any, window: Pairs) -> None:
        before = tracker._in_a_row
        end_window(tracker, window)
        tracker._in_a_row = tracker._in_a_row or before

    return counts_on


@_instead("rollout.ladder:Ladder._window", check="evidence", says="must not be looked at twice")
def polled_twice(window: Any) -> Any:
    """The same window is looked at twice and counts as two."""
    return lambda ladder, percent: window(ladder, percent) or ladder._climb.evaluator.end_window()


@_unknown("gates.rule.evaluator:Evaluator.end_window")
def polled_twice_unnoticed(end_window: Any) -> Any:
    """The same window is looked at twice, and the evaluator does not refuse it."""

    def keeps(evaluator: Any) -> Any:
        window = list(evaluator._window)
        found = end_window(evaluator)
        evaluator._window = window
        return found

    return keeps


# --- what is turned round ---


@_wrong("gates.checks.forms:Loss._lost")
def losses_are_gains(lost: Any) -> Any:
    """What is lost counts as gained."""
    return -lost


@_wrong("rollout.blocks:pairs_of")
def arms_swapped(pairs: Pairs) -> Pairs:
    """The hero's answers are judged as the baseline's."""
    return replace(pairs, hero=pairs.baseline, baseline=pairs.hero)


@_unknown("rollout.replay:replay_block", pack=_LOST)
def baseline_asked_for_both(replay_block: Any) -> Any:
    """The hero is never asked: the baseline is compared with itself."""
    return lambda queries, hero, baseline, *more: replay_block(queries, baseline, baseline, *more)


@_wrong("gates.rule.trackers:Thresholds.of")
def thresholds_swapped(right: Thresholds) -> Thresholds:
    """RED is asked for with the evidence of GREEN and the other way round."""
    return replace(right, red=right.green, green=right.red)


# --- what lets something pass ---


@_unknown("gates.rule.decide:decide", pack=_LOST)
def red_does_not_decide(decide: Any) -> Any:
    """A RED cell of a step is listed, and nothing follows."""

    def lenient(planned: Any, seen: Mapping[Any, Seen], **more: Any) -> Any:
        red = [key for key, one in seen.items() if one.cell is not None and one.cell.verdict is Verdict.RED and key[1]]
        return decide([key for key in planned if key not in red], seen, **more)

    return lenient


@_unknown("gates.rule.decide:decide", arguments=(_NOT_RUN,))
def missing_passes(decide: Any) -> Any:
    """A check that reported nothing is passed over."""
    return lambda planned, seen, **more: decide([key for key in planned if key in seen], seen, **more)


@_instead("gates.plugin:decide", check="evidence", says="not every planned check", arguments=(_NOT_RUN,))
def plan_from_collection(decide: Any) -> Any:
    """What was not collected was not planned; the self-test tries another `decide`."""
    return lambda planned, seen, **more: decide([key for key in planned if key in seen], seen, **more)


@_unknown("gates.rule.trackers:StreamTracker.green")
def undecided_is_green(green: Any) -> Any:
    """Whatever was looked at once is GREEN."""
    return property(lambda tracker: not tracker._blocks and not tracker.busy)


@_instead("gates.plugin:EXIT", check="evidence", says="status", pack=_LOST)
def exit_status_is_zero(statuses: Any) -> Any:
    """The page says ROLLBACK, the pipeline reads success."""
    return dict.fromkeys(statuses, 0)


@_result("reports.attestation.document:attest", check="evidence", says="attest", pack=_LOST)
def attested_as_promoted(attestation: Attestation) -> Attestation:
    """The exit status says ROLLBACK, the attestation PROMOTE."""
    return attestation.model_copy(update={"decision": Decision.PROMOTE})


@_instead("gates.handover:settle", check=SlaRecall, pack=_LOST)
def blind_item(settle: Any) -> Any:
    """The test of a gate passes whatever the evidence says."""
    return lambda cell: None if cell.step else settle(cell)


CODE = tuple(mutant for mutant in list(globals().values()) if isinstance(mutant, Mutant))
