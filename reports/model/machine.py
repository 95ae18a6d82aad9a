"""How busy was the machine, and who had it? What is said of it beside a decision."""

from __future__ import annotations

from fixtures.systems.waiting import SWITCHES, UNKNOWN
from gates.checks.check import number_of
from gates.release import Outcome
from reports.model.labels import short

_ARMS = ("hero", "baseline")


def machine_words(outcome: Outcome) -> tuple[str, ...]:
    """How much of the clock was waiting, and whose the processors were; nothing where no pair was asked."""
    told = outcome.climbed.machine
    shares = [f"{arm} {_percent(getattr(told, arm))}" for arm in _ARMS if told and getattr(told, arm)]
    if told is None or not shares:
        return ()
    at_most = "at most " if told.waiting == SWITCHES else ""
    words = [f"waiting {at_most}{', '.join(shares)} of the clock"]
    if told.waiting == UNKNOWN:
        words = ["waiting unknown: no clock rolls back"]
    whose = {"others": "other processes had {} of {}", "own_threads": "other threads of its own {} of {}"}
    for name, said in whose.items():
        used = number_of(getattr(told, name))
        if used >= 0.05:
            words.append(said.format(short(f"{used:.1f}"), f"{told.processors} processors"))
    for name in ("steal", "throttled"):
        if number_of(getattr(told, name)) >= 0.001:
            words.append(f"{name} {_percent(getattr(told, name))}")
    return tuple(words)


def _percent(share: str) -> str:
    return f"{short(f'{100 * number_of(share):.1f}')} %"
