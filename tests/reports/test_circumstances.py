"""Is it told how busy the machine was and who had it, and how often the rule errs: bounds never rounded down?"""

from dataclasses import replace
from typing import Any

import pytest

from fixtures.systems.waiting import SWITCHES
from gates.policy import Policy
from gates.release import Outcome
from gates.verdicts import Decision
from reports.attestation.document import attest
from reports.model.circumstances import NOT_SIMULATED, machine_words, rates_words
from reports.render.terminal import WIDTH
from tests.reports import handmade


def with_machine(policy: Policy, **told: Any) -> Outcome:
    _, story = handmade.release(policy, Decision.HOLD)
    machine = handmade.MACHINE.model_copy(update=told) if told != {"machine": None} else None
    return handmade.climbed(story.outcome, machine=machine)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, ("waiting hero 2.1 %, baseline 1.9 % of the clock", "other processes had .1 of 2 processors")),
        ({"others": "0.04"}, ("waiting hero 2.1 %, baseline 1.9 % of the clock",)),
        ({"others": ""}, ("waiting hero 2.1 %, baseline 1.9 % of the clock",)),
        (
            {"hero": "1", "baseline": "1", "waiting": "unknown", "others": ""},
            ("waiting unknown: no clock rolls back",),
        ),
        ({"waiting": SWITCHES, "others": ""}, ("waiting at most hero 2.1 %, baseline 1.9 % of the clock",)),
        (
            {"others": "", "own_threads": "0.9", "steal": "0.011", "throttled": "0.31"},
            (
                "waiting hero 2.1 %, baseline 1.9 % of the clock", "other threads of its own .9 of 2 processors",
                "steal 1.1 %", "throttled 31.0 %",
            ),
        ),
        ({"hero": "", "baseline": ""}, ()),
        ({"machine": None}, ()),
    ],
    ids=["others", "nobody", "unsaid", "unknown", "by switches", "itself and those above", "nothing asked", "not told"],
)  # fmt: skip
def test_waiting_and_whose_it_was_are_put_in_words(
    policy: Policy, told: dict[str, Any], words: tuple[str, ...]
) -> None:
    assert machine_words(with_machine(policy, **told)) == words


def test_it_stands_in_terminal_page_summary_and_attestation(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.HOLD)
    outcome = handmade.climbed(story.outcome, machine=handmade.BUSY)
    story, words = replace(story, outcome=outcome), "waiting hero 41.3 %, baseline 38.7 % of the clock"
    lines = handmade.lines_of(release, story)
    assert f"  machine   {words}" in lines
    assert max(map(len, lines)) <= WIDTH
    assert words in handmade.page_of(release, story)
    assert f"Machine: {words}; other processes had 1.8 of 2" in handmade.summary_of(release, story)
    assert attest(release, outcome).machine == handmade.BUSY


@pytest.mark.parametrize(
    ("letter", "rates", "said"),
    [
        (
            False, handmade.RATES,
            "equal hero rolled back <= 0.037 %, 1-point loss promoted <= 0.05 %, equal hero promoted 97.1 % "
            "(10,000 simulated releases)",
        ),
        (
            False, {"false_rollback_upper": "0.9991", "missed_loss_upper": "0.121"},
            "equal hero rolled back <= 100 %, 1-point loss promoted <= 13 %",
        ),
        (
            True, {**handmade.RATES, "letter_false_rollback": "0.9871"},
            "an equal hero is rolled back with probability 0.98 (10,000 simulated releases)",
        ),
        (True, handmade.RATES, NOT_SIMULATED),
        (True, {}, NOT_SIMULATED),
        (False, {}, NOT_SIMULATED),
    ],
)  # fmt: skip
def test_bounds_are_rounded_up_and_what_speaks_for_the_gate_down(
    policy: Policy, letter: bool, rates: dict[str, str], said: str
) -> None:
    _, story = handmade.release(handmade.by_letter(policy) if letter else policy, Decision.PROMOTE)
    assert rates_words(handmade.with_rates(story, **rates).outcome.subject) == said
