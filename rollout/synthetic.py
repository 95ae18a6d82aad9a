"""A system whose faults are known: what is asked, timed and measured of it must come out as seeded."""

import time
from dataclasses import replace

import numpy as np

from fixtures.systems.protocol import Answer, Query, SearchSystem
from gates.rule.self_test import CALIBRATOR_MS, FAULTS, PAUSE_MS
from rollout.replay import NOTHING


class MadeUp:
    """Answers as another system does, or not at all: the faults of gates.rule.self_test take turns."""

    def __init__(self, system: SearchSystem) -> None:
        self._system, self._asked = system, 0
        self.documents = system.documents
        self.lacks: dict[str, str] = {}  # it says itself how long it took
        self.gaps: dict[str, str] = {}

    def answer(self, query: Query) -> Answer:
        """The next fault's answer, with the time that it took also by its own word."""
        begun = time.perf_counter()
        found = self._faulty(query)
        took = 1000 * (time.perf_counter() - begun) if found.latency_ms is None else found.latency_ms
        return replace(found, server_ms=took)

    def _faulty(self, query: Query) -> Answer:
        fault = FAULTS[self._asked % len(FAULTS)]
        self._asked += 1
        match fault:
            case "failing":
                raise TimeoutError("a query that fails, as it should")
            case "slow":
                time.sleep(PAUSE_MS / 1000)
                return NOTHING
            case "calibrator":
                return replace(NOTHING, calibrator_ns=round(CALIBRATOR_MS * 1e6))
            case "late":
                return replace(self._system.answer(query), latency_ms=np.inf)
            case _:
                return NOTHING
