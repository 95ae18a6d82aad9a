"""Do the values of a canary cross a process whole, and does the worst decision win?"""

import pytest

from gates.names import sentence
from gates.policy import Policy
from gates.verdicts import Because, Cell, Decision, Verdict
from tests.gates.builders import cell, release


@pytest.mark.parametrize("verdict", Verdict)
def test_a_cell_survives_its_json(verdict: Verdict) -> None:
    original = cell(verdict, note="zwölf", ended="held at 5 %")
    assert Cell.from_json(original.to_json()) == original


@pytest.mark.parametrize("wrong", [("GREEN", "GREENISH"), ('"gate"', '"door"')])
def test_a_verdict_or_kind_that_does_not_exist_is_refused(wrong: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        Cell.from_json(cell().to_json().replace(*wrong))


def test_a_sentence_says_what_is_known_and_no_more() -> None:
    assert sentence(cell(Verdict.NOT_REACHED, ended="held at 5 %")) == "not reached: held at 5 %"
    assert sentence(cell()) == "GREEN: observed 0.10 pt, limit 2.00 pt, n 3,200"
    told = sentence(cell(headroom="0.5", ci_lower="0", ci_upper="1", e_red="2", e_red_needed="9", note="vacuous"))
    assert sentence(cell(check="no_such_check")) == "GREEN: observed 0.001, limit 0.02, n 3,200"
    assert told.endswith("headroom 0.5, n 3,200, interval [0.00 pt, 100.00 pt], e-red 2 of 9 needed, vacuous")


@pytest.mark.parametrize(
    ("decisions", "worst"),
    [
        ((Decision.PROMOTE, Decision.PROMOTE), Decision.PROMOTE),
        ((Decision.PROMOTE, Decision.HOLD), Decision.HOLD),
        ((Decision.ROLLBACK, Decision.HOLD, Decision.PROMOTE), Decision.ROLLBACK),
        ((), Decision.HOLD),
    ],
)
def test_a_release_is_as_good_as_its_worst_hero(
    policy: Policy, decisions: tuple[Decision, ...], worst: Decision
) -> None:
    assert release(policy, *decisions).decision is worst


@pytest.mark.parametrize(
    ("text", "check", "step", "words"),
    [
        ("aece_tau at 25 %: RED: observed 3", "aece_tau", 25, "RED: observed 3"),
        ("lock: not at 5 %: as locked", "lock", 0, "not at 5 %: as locked"),
        ("ladder: held at 5 %: busy", "ladder", 0, "held at 5 %: busy"),
        ("preflight", "preflight", 0, ""),
    ],
)
def test_a_reason_is_read_as_it_was_worded(text: str, check: str, step: int, words: str) -> None:
    found = Because.read(text)
    assert found == (check, step, words)
    assert ": ".join(filter(None, (found.place, found.words))) == text
