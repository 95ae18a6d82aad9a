"""Which checks are objects of this folder? Evaluator, planning, simulation and reports loop over them by form."""

from __future__ import annotations

from gates.checks.check import Check
from gates.checks.confidence import CalibrationSlice, ConfidenceShift
from gates.checks.errors import Errors
from gates.checks.file_credit import FileCredit
from gates.checks.losses import Ndcg, NdcgSlice, RecallSlice, SlaRecall
from gates.checks.rates import CalibratorP99, Spend, WithinSla
from gates.checks.tails import P95Latency, P99Latency
from gates.verdicts import Kind

CHECKS: tuple[Check, ...] = (
    CalibratorP99(), ConfidenceShift(), SlaRecall(), Ndcg(), P95Latency(), P99Latency(), WithinSla(), Errors(),
    FileCredit(), Spend(), RecallSlice(), NdcgSlice(), CalibrationSlice(),
)  # fmt: skip

BY_KEY = {check.key: check for check in CHECKS if check.kind is not Kind.SLICE}
BY_INTENT = {check.key: check for check in CHECKS if check.kind is Kind.SLICE}
