"""Is it told everywhere how busy the machine was, and who had it?"""

from dataclasses import replace
from typing import Any

import pytest

from fixtures.systems.waiting import SWITCHES
from gates.policy import Policy
from gates.release import Outcome
from gates.verdicts import Decision
from reports.attestation.document import attest
from reports.model.circumstances import machine_words
from reports.render.pages import render_page, render_summary
from reports.render.terminal import WIDTH, ending
from tests.reports import handmade


def with_machine(policy: Policy, **told: Any) -> Outcome:
    _, story = handmade.release(policy, Decision.HOLD)
    return handmade.climbed(story.outcome, machine=handmade.MACHINE.model_copy(update=told))


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
    ],
    ids=["others", "nobody", "it does not say", "unknown", "by switches", "itself and those above", "nothing asked"],
)  # fmt: skip
def test_waiting_and_whose_it_was_are_put_in_words(
    policy: Policy, told: dict[str, Any], words: tuple[str, ...]
) -> None:
    assert machine_words(with_machine(policy, **told)) == words


def test_a_ladder_that_says_nothing_of_it_has_no_words(policy: Policy) -> None:
    assert machine_words(handmade.climbed(with_machine(policy), machine=None)) == ()


def test_it_stands_in_terminal_page_summary_and_attestation(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.HOLD)
    outcome = handmade.climbed(story.outcome, machine=handmade.BUSY)
    story, words = replace(story, outcome=outcome), "waiting hero 41.3 %, baseline 38.7 % of the clock"
    lines = ending(release, (story,), handmade.SEAL)
    assert f"  machine   {words}" in lines
    assert max(map(len, lines)) <= WIDTH
    assert words in render_page(release, [story], {}, {}, handmade.SEAL)
    assert f"Machine: {words}; other processes had 1.8 of 2" in render_summary(release, [story], handmade.SEAL)
    assert attest(release, outcome).machine == handmade.BUSY
