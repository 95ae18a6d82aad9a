"""Which faults may a hero bring along: in its answers, its policy, or in how it is run?"""

from dataclasses import replace
from typing import Any

import numpy as np

from fixtures.systems.faults import FaultySystem
from fixtures.systems.protocol import NOTHING, Query
from gates.checks.calibrator_p99 import CalibratorP99
from gates.checks.errors import Errors
from gates.checks.sla_recall import SlaRecall
from gates.documents import merged
from proof.mutants.mutant import ANSWER, HARMLESS, Mutant, answer_of_hero, instead_of, result_of


def _worse(answer: Any) -> Any:
    asked: list[str] = []

    def worse(system: FaultySystem, query: Query) -> Any:
        asked.append(query.query_id)
        return NOTHING if len(asked) > 1300 and query.query_ord % 10 < 3 else answer(system, query)

    return worse


def _unattainable(document: dict[str, Any]) -> dict[str, Any]:
    limits = {"gates": {SlaRecall.key: {"margin": 0.002, "final_margin": 0.0001}}}
    return merged(document, limits) if "error_rates" in document else document


HEROES: tuple[Mutant, ...] = (
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
    result_of("limit_unattainable", "The policy asks for more than an equal hero could ever show",
              "gates.documents:read_yaml", _unattainable,
              area="policy", check="configuration", says="an equal hero is shown to hold",
              arguments=("--configs=configs",)),  # of the smoke corpus nothing is known beforehand
    Mutant(
        name="limit_loosened_by_pack", area="policy", what="a hero sets its own limit",
        check="configuration", says="unknown key", heroes="any",
        pack={"policy": {"gates": {SlaRecall.key: {"margin": 0.9}}}},
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
)  # fmt: skip
