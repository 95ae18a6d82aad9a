"""What is measured of an answer, by name: label, unit, scale, direction, and whose word it is."""

from dataclasses import dataclass

from gates.checks.check import Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure(Name):
    """One number of every query, or one made of those of many."""

    key: str
    column: str = ""  # of an arm that holds it query by query; "" where it is made of several
    cost: bool = False  # more is worse
    bounded: bool = True  # within [0, 1], so that a mean of it can be bet on


DEPTH = 50  # ranks of an answer, and so the hits that it may be credited with
IR_MEASURES = "ir-measures"  # who computes what is not built in

MEASURES = {
    measure.key: measure
    for measure in (
        Measure(key="ndcg_at_10", column="ndcg", label="nDCG@10", unit="pt", scale=100, digits=1),
        Measure(key="sla_recall_at_50", column="recall", label="SLA-Recall@50", unit="pt", scale=100, digits=1),
        Measure(key="p95_latency_ms", label="p95 latency", unit="ms", digits=1, brief="p95", cost=True, bounded=False),
        Measure(key="p95_net_ms", label="p95 net of waiting", unit="ms", digits=1, brief="p95 net", cost=True,
                bounded=False),
        Measure(key="cpu_ms", label="CPU time a query", unit="ms", digits=2, brief="CPU time", cost=True,
                bounded=False),
        Measure(key="ece", label="calibration error (ECE)", digits=3, brief="ECE", cost=True),
        Measure(key="file_credit", label="file credit", unit="%", scale=100, digits=1, cost=True),
        Measure(key="recall_at_50", column="found", label="Recall@50", unit="pt", scale=100, digits=1),
        Measure(key="rr_at_10", column="rr_at_10", label="RR@10", unit="pt", scale=100, digits=1),
        Measure(key="success_at_10", column="success_at_10", label="Success@10", unit="pt", scale=100, digits=1),
        Measure(key="zero_results", column="zero_results", label="answers without a hit", unit="%", scale=100,
                digits=1, cost=True),
        Measure(key="latency_ms", column="latency_ms", label="latency", unit="ms", digits=1, cost=True, bounded=False),
    )
}  # fmt: skip

#: What the field calls them.
ALSO = {"nDCG@10": "ndcg_at_10", "R@50": "recall_at_50", "RR@10": "rr_at_10", "Success@10": "success_at_10"}


def is_column(name: str) -> bool:
    """Is it a column that a system answers with, and no measure of ir-measures, which begin with a capital?"""
    return name == name.lower()


def measure_named(name: str) -> Measure:
    """A measure by our name or the field's. Raises ValueError for one that neither we nor ir-measures know."""
    known = MEASURES.get(ALSO.get(name, name))
    if known is not None and known.column:
        return known
    ours = ", ".join([*ALSO, *(m.key for m in MEASURES.values() if m.column)])
    try:
        import ir_measures  # a second that policies without it need not wait
    except ImportError:
        raise ValueError(f"measure {name} is none of {ours}, and {IR_MEASURES} is not installed") from None
    try:
        measure = ir_measures.parse_measure(name)
        tried = [ir_measures.Qrel("q", "d", 1)], [ir_measures.ScoredDoc("q", "d", 1.0)]
        list(ir_measures.iter_calc([measure], *tried))  # one that is known may still not be computed here
    except Exception as error:
        raise ValueError(f"measure {name} is none of {ours}, nor of {IR_MEASURES} ({error})") from None
    if not 1 <= int(measure.params.get("cutoff") or 1) <= DEPTH:
        raise ValueError(f"measure {name} looks deeper than the {DEPTH} ranks of an answer, or at none; name another")
    return Measure(key=name, column=name, label=name, digits=4, source=IR_MEASURES, bounded=not name.startswith("Num"))
