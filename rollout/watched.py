"""How much of each window's clock was waiting, and who had the processors? What is attested of the machine."""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fixtures.systems.machine import Machine
from fixtures.systems.waiting import WaitingClock
from gates.checks.machine import waiting_share
from gates.pairs import Arm, join_arms
from gates.rule.climbed import RunLoad, WindowLoad
from gates.statistics.decimals import decimal


class _Spent(NamedTuple):
    """Seconds of one stretch of the run, or of several."""

    clock: float
    own_threads: float  # of this process, beside the one that asks
    others: float  # of processes that are not this one's children
    steal: float
    throttled: float


class Watched:
    """Follows the machine from window to window."""

    def __init__(self, machine: Machine, clock: WaitingClock) -> None:
        self._machine, self._how = machine, clock.how
        self._windows: list[WindowLoad] = []
        self._spent: list[_Spent] = []
        self._arms: dict[str, list[Arm]] = {"hero": [], "baseline": []}
        self.begin()

    def begin(self) -> None:
        """A window begins now."""
        self._taken, self._used = self._machine.taken(), self._machine.used()

    def end(self, window: int, percent: int, arms: Mapping[str, Sequence[Arm]]) -> None:
        """A window ended; `arms` are the answers of "hero" and "baseline" in it, where there are some."""
        taken, used = self._machine.taken(), self._machine.used()
        clock, own = taken.clock - self._taken.clock, (used.own - self._used.own) - (used.asking - self._used.asking)
        others = (used.everyone - self._used.everyone) - (used.tree - self._used.tree)
        spent = _Spent(
            clock,
            max(own, 0 * own),  # NaN stays NaN
            max(others, 0 * others),
            taken.steal - self._taken.steal,
            taken.throttled - self._taken.throttled,
        )
        self._spent.append(spent)
        for name, answered in arms.items():
            self._arms[name] += answered
        self._windows.append(WindowLoad(window=window, percent=percent, **_told([spent], arms)))

    def record(self) -> RunLoad:
        """What is attested of the climb so far."""
        told = _told(self._spent, self._arms) if self._spent else {}
        return RunLoad(waiting=self._how, processors=os.cpu_count() or 0, windows=tuple(self._windows), **told)


def _told(spent: Sequence[_Spent], arms: Mapping[str, Sequence[Arm]]) -> dict[str, str]:
    clock, *seconds = (sum(column) for column in zip(*spent, strict=True))
    waiting = {name: decimal(waiting_share(join_arms(list(its))), 3) for name, its in arms.items() if its}
    beside = zip(_Spent._fields[1:], seconds, strict=True)
    return {"seconds": decimal(clock, 4), **waiting, **{name: decimal(s / clock, 3) for name, s in beside if clock > 0}}
