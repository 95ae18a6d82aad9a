"""How busy was the machine, and who had it? What is said of it beside a decision."""

from __future__ import annotations

from fixtures.systems.waiting import SWITCHES, UNKNOWN
from gates.checks.name import number_of
from gates.release import Outcome
from reports.model.labels import short

_ARMS = ("hero", "baseline")


def machine_words(outcome: Outcome) -> tuple[str, ...]:
    """How much of the clock was waiting, and whose the processors were; nothing where no pair was asked."""
    told = outcome.ladder.get("machine", {})
    shares = [f"{arm} {_percent(told[arm])}" for arm in _ARMS if told.get(arm)]
    if not shares:
        return ()
    at_most = "at most " if told["waiting"] == SWITCHES else ""
    words = [f"waiting {at_most}{', '.join(shares)} of the clock"]
    if told["waiting"] == UNKNOWN:
        words = ["waiting unknown: no clock rolls back"]
    whose = {"others": "other processes had {} of {}", "own_threads": "other threads of its own {} of {}"}
    for name, said in whose.items():
        if number_of(told.get(name, "")) >= 0.05:
            words.append(said.format(short(f"{number_of(told[name]):.1f}"), f"{told['processors']} processors"))
    for name in ("steal", "throttled"):
        if number_of(told.get(name, "")) >= 0.001:
            words.append(f"{name} {_percent(told[name])}")
    return tuple(words)


def _percent(share: str) -> str:
    return f"{short(f'{100 * number_of(share):.1f}')} %"
