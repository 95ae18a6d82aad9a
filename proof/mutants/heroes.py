"""Which faults may a hero bring along: in its answers, its recorded files, its policy, or in how it is run?"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from fixtures.packs import merged
from fixtures.systems.faults import FaultySystem
from fixtures.systems.protocol import Query
from gates.checks.aa_shadow import AaShadow
from gates.checks.calibrator_p99 import CalibratorP99
from gates.checks.errors import Errors
from gates.checks.known_answers import KnownAnswers
from gates.checks.p95_latency import P95Latency
from gates.checks.sla_recall import SlaRecall
from gates.checks.stop_rule import StopRule
from gates.checks.traffic_share import TrafficShare
from proof.mutants.mutant import ANSWER, HARMLESS, FileFault, Mutant, answer_of_hero, instead_of, result_of
from rollout.replay import NOTHING

_POLICY = "gates.documents:read_yaml"


def _worse(answer: Any) -> Any:
    asked: list[str] = []

    def worse(system: FaultySystem, query: Query) -> Any:
        asked.append(query.query_id)
        return NOTHING if len(asked) > 1300 and query.query_ord % 10 < 3 else answer(system, query)

    return worse


def _policy(more: Mapping[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda document: merged(document, more) if "error_rates" in document else document


RUN = (
    # --- answers that no fault of a pack gives ---
    answer_of_hero("one_document_twice", "An answer names its best document twice, to be credited twice",
                   lambda answer: replace(answer, doc_ord=np.r_[answer.doc_ord[:1], answer.doc_ord[:-1]]),
                   every=10, area="hero", check=Errors, heroes="any"),
    answer_of_hero("calibrator_is_slow", "One call in five takes 2 ms longer",
                   lambda answer: replace(answer, calibrator_ns=answer.calibrator_ns + 2_000_000),
                   every=5, area="calibrator", check=CalibratorP99, heroes="timed"),
    answer_of_hero("confidence_is_nan", "The confidence of some answers is no number",
                   lambda answer: replace(answer, confidence=float("nan")),
                   every=50, area="data", check="evidence", says="is not a number", heroes="any"),
    instead_of("loss_comes_late", "The hero gets worse only when it serves everybody", ANSWER, _worse,
               area="hero", check=SlaRecall, pack=HARMLESS),
    # --- policies, packs and runs ---
    result_of("limit_unattainable", "The policy asks for more than an equal hero could ever show", _POLICY,
              _policy({"gates": {SlaRecall.key: {"margin": 0.002, "final_margin": 0.0001}}}),
              area="policy", check="configuration", says="an equal hero is shown to hold",
              arguments=("--configs=configs",)),  # of the smoke corpus nothing is known beforehand
    result_of("error_rates_raised",
              "A bad hero passes every second time, and the report still promises one in a hundred", _POLICY,
              _policy({"error_rates": {"green": 0.5}}),
              area="policy", check="configuration", says="error_rates"),
    Mutant(
        name="limit_loosened_by_pack", area="policy", what="a hero sets its own limit",
        check="configuration", says="unknown key", heroes="any",
        pack={"policy": {"gates": {SlaRecall.key: {"margin": 0.9}}}},
    ),
    Mutant(
        name="instruments_left_out_by_pack", area="policy", what="a hero asks for no test of the measuring",
        check="configuration", says="left_out", heroes="any",
        pack={"policy": {"left_out": {KnownAnswers.key: "no", AaShadow.key: "no", TrafficShare.key: "no"}}},
    ),
    Mutant(
        name="calibrator_of_its_own", area="calibrator", what="the hero brings a calibrator fitted elsewhere",
        check="configuration", says="both must share it", hero="lexical",
        pack={"selected": {"calibrator": "../calib_v22.json"}},
    ),
    Mutant(
        name="corpus_cannot_be_had", area="index", what="the corpus is not in the cache, and there is no network",
        check="collection", says="pip could not download its wheels",
        environment={"HERO_GATE_CACHE": "{folder}/cache", "PIP_NO_INDEX": "1"},
    ),
    Mutant(
        name="check_deselected", area="gate code", what="a check is not run",
        check=Errors.key, says="missing, no evidence", heroes="any",
        arguments=("--deselect=suites/canary/test_guards.py::test_guard[{hero}-errors]",),
    ),
    Mutant(
        name="battery_deselected", area="gate code", what="the climb begins although nobody looked at the battery",
        check=StopRule.key, says="missing, no evidence", heroes="any",
        arguments=("--deselect=suites/sanity/test_sanity.py",),
    ),
)  # fmt: skip

# --- recorded runs: copies of the files that a user's pack names ---


def _column(number: int, change: Callable[[str], str], every: int = 1) -> Callable[[list[str]], list[str]]:
    """One of the run's columns changed in the lines of every n-th query."""

    def changed(lines: list[str]) -> list[str]:
        place: dict[str, int] = {}
        found = []
        for line in lines:
            fields = line.split()
            is_run = len(fields) > number and not line.startswith("# ")
            if is_run and place.setdefault(fields[0], len(place)) % every == 0:
                fields[number] = change(fields[number])
            found.append(" ".join(fields) if is_run else line)
        return found

    return changed


def _late(latency: str) -> str:
    return latency if latency == "-" else str(float(latency) + 100)


def _next_judged(lines: list[str]) -> list[str]:
    """Each query with the judgements of the next one."""
    judged = [line.split() for line in lines if line.strip() and not line.startswith("# ")]
    queries = list(dict.fromkeys(fields[0] for fields in judged))
    following = dict(zip(queries, [*queries[1:], *queries[:1]], strict=True))
    return [" ".join([following[fields[0]], *fields[1:]]) for fields in judged]


def _recorded(name: str, area: str, what: str, check: str, change: Any, says: str = "", key: str = "run") -> Mutant:
    fault = FileFault(key=key, change=change)
    return Mutant(name=name, area=area, what=what, check=check, says=says, file=fault, heroes="recorded")


RECORDED = (
    _recorded("run_is_late", "hero", "every recorded answer took 100 ms longer", P95Latency.key, _column(6, _late)),
    _recorded(
        "run_is_cut", "data", "the last quarter of the run was not written", SlaRecall.key,
        lambda lines: lines[: len(lines) * 3 // 4],
    ),
    _recorded(
        "run_repeats_itself", "data", "the run was appended to itself", "evidence",
        lambda lines: [*lines, *lines], "is ranked twice",
    ),
    _recorded(
        "run_without_clock", "clock", "some answers have no latency", P95Latency.key,
        _column(6, lambda _: "-", every=50), "latency_ms is missing",
    ),
    _recorded(
        "run_with_one_latency", "clock", "every answer took the same time: the clock stood still", "evidence",
        _column(6, lambda _: "7.5"), "the clock stands still",
    ),
    _recorded(
        "run_judged_by_the_next", "data", "each query is judged by the next one's judgements", StopRule.key,
        _next_judged, key="qrels",
    ),
)  # fmt: skip

HEROES = (*RUN, *RECORDED)
