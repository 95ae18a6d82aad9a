"""Do people read the numbers that decide as they are, never rounded over a threshold?"""

import pytest

from gates.checks.registry import BY_INTENT
from gates.names import check_name, check_of, slice_parts
from gates.policy import Policy
from gates.verdicts import Kind
from reports.model.labels import evidence_words, limit_words
from tests.reports.handmade import by_letter


@pytest.mark.parametrize(
    ("e", "words"),
    [("99.6", "99"), ("100", "100"), ("6480.9", "6,480"), ("9.96", "9.9"), ("4.2", "4.2"), ("1.20e25", "1.20e25")],
)
def test_evidence_is_never_rounded_up(e: str, words: str) -> None:
    assert evidence_words(e) == words


def test_every_check_that_a_policy_can_ask_has_a_name(policy: Policy) -> None:
    asked = [one.key for one in policy.known]
    assert len({check_name(check).heading for check in asked}) == len(asked)
    assert not [check for check in asked if check_name(check).label == check]


def test_what_a_system_tells_of_itself_is_marked(policy: Policy) -> None:
    asked = policy.asked(Kind.GATE, Kind.GUARD)
    marked = [check for check in asked if check_name(check).heading.endswith("(self-reported)")]
    assert marked == ["calibrator_p99", "spend"]
    assert check_name("spend").named == "spend over the cap (self-reported)"
    assert check_name("spend").head == "spend over the cap, %"  # a narrow row says it beside the limit


def test_an_intent_called_error_is_not_taken_for_the_gate(policy: Policy) -> None:
    assert slice_parts("calibration_error") == ("calibration", "error")
    assert check_of("calibration_error") is BY_INTENT["calibration"]
    assert check_name("calibration_error").label == "calibration lost, intent error"
    assert slice_parts("calibrator_p99") == slice_parts("ece") == ("", "")


def test_by_the_letter_limits_and_names_are_its_own(policy: Policy) -> None:
    assert limit_words("aece_tau", policy, ()) == "0.06 0.05 0.04 0.035"
    assert limit_words("aece_tau", by_letter(policy), ()) == "0.01"
    assert limit_words("sla_recall_at_50_delta", by_letter(policy), ()) == "0"
    assert check_name("aece_tau", mode="letter").label == "AECE - tau"
    assert check_name("sla_recall_at_50_delta", mode="letter").show("0.00016") == "0.02"  # .0 would look kept
