"""Are error rates told as they were simulated: bounds never rounded down, and none where there are none?"""

from gates.policy import Policy
from gates.release import Subject
from gates.verdicts import Decision
from reports.model.circumstances import NOT_SIMULATED, rates_words, wrong_words
from tests.reports import handmade


def subject(policy: Policy, **rates: str) -> Subject:
    _, story = handmade.release(policy, Decision.PROMOTE)
    return handmade.with_rates(story, **rates).outcome.subject


def test_bounds_are_rounded_up_and_what_speaks_for_the_gate_down(policy: Policy) -> None:
    said = rates_words(subject(policy, **handmade.RATES))
    assert said == (
        "equal hero rolled back <= 0.037 %, 1-point loss promoted <= 0.05 %, equal hero promoted 97.1 % "
        "(10,000 simulated releases)"
    )


def test_large_rates_are_whole(policy: Policy) -> None:
    said = wrong_words(subject(policy, false_rollback_upper="0.9991", missed_loss_upper="0.121"))
    assert said == "equal hero rolled back <= 100 %, 1-point loss promoted <= 13 %"


def test_by_the_letter_its_own_rate_is_told_and_no_other(policy: Policy) -> None:
    letter = handmade.by_letter(policy)
    assert wrong_words(subject(letter, **handmade.RATES)) == ""
    said = rates_words(subject(letter, **handmade.RATES, letter_false_rollback="0.9871"))
    assert said == "an equal hero is rolled back with probability 0.98 (10,000 simulated releases)"


def test_nothing_simulated_is_said(policy: Policy) -> None:
    assert wrong_words(subject(policy)) == ""
    assert rates_words(subject(policy)) == rates_words(subject(handmade.by_letter(policy))) == NOT_SIMULATED
