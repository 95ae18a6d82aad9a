import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gates.documents import read_model
from gates.errors import ConfigError, EvidenceError
from gates.verdicts import Cell, Verdict
from rollout.jobs.check import judge_all
from rollout.jobs.job import Jobs
from rollout.jobs.numbers import Numbers, numbers_text
from rollout.jobs.performance import Compared, PerformanceLimits, ask_incumbent, asked_checks
from rollout.jobs.probe import Probe
from rollout.jobs.settings import read_family
from rollout.jobs.whiskers import WhiskerLimits
from tests.edits import replace
from tests.rollout.jobs.weeks import red

METRICS = ("ndcg_at_10", "sla_recall_at_50", "p95_latency_ms", "ece", "file_credit")
Evaluator = Callable[..., dict[str, Cell]]


def nightly_of(configs: Path) -> Any:
    return read_family(configs, "nightly", performance=PerformanceLimits, whiskers=WhiskerLimits)


@pytest.fixture
def record(configs: Path, probe: Callable[..., Probe], job: Jobs) -> dict[str, Any]:
    """The numbers of the good incumbent."""
    opened, nightly = probe(), nightly_of(configs)
    numbers = ask_incumbent(opened, nightly, job, ()).numbers
    (configs / nightly.numbers).write_text(numbers_text(numbers))
    return numbers.model_dump(mode="json", by_alias=True)


@pytest.fixture
def evaluator(configs: Path, probe: Callable[..., Probe], job: Jobs) -> Evaluator:
    """The cells of a night with a fault, against a record."""

    def judged(numbers: dict[str, Any], **fault: Any) -> dict[str, Cell]:
        opened, nightly = probe(**fault), nightly_of(configs)
        kept = Numbers.model_validate(numbers)
        night = ask_incumbent(opened, nightly, job, kept.bin_edges)
        compared = Compared(opened.served, night, nightly.performance, kept)
        return judge_all(asked_checks(opened.served.policy), opened.served.name, compared)

    return judged


def verdicts(cells: dict[str, Cell]) -> dict[str, Verdict]:
    return {metric: cell.verdict for metric, cell in cells.items()}


def test_a_night_like_the_one_on_record_is_green(record: dict[str, Any], evaluator: Evaluator) -> None:
    assert verdicts(evaluator(record)) == dict.fromkeys(METRICS, Verdict.GREEN)


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        ({"kind": "empty", "share": 0.15}, {"ndcg_at_10", "sla_recall_at_50"}),
        ({"kind": "overconfident", "stretch": 1.6}, {"ece"}),
        ({"kind": "stale", "share": 1.0, "lines": 2}, {"file_credit"}),
    ],
    ids=["lost", "too sure", "lines that lag behind"],
)
def test_each_fault_turns_its_own_numbers_red(
    record: dict[str, Any], evaluator: Evaluator, fault: dict[str, Any], broken: set[str]
) -> None:
    found = evaluator(record, **fault)
    assert broken <= red(found)
    assert "p95_latency_ms" not in red(found)
    assert all("on record" in found[metric].note for metric in broken)


@pytest.mark.parametrize(
    ("metric", "less", "broken"), [("p95_latency_ms", 7, {"p95_latency_ms"}), ("ndcg_at_10", 0.2, set())]
)
def test_slower_answers_alone_turn_latency_red_and_better_ones_nothing(
    record: dict[str, Any], evaluator: Evaluator, metric: str, less: float, broken: set[str]
) -> None:
    metrics = record["suites"]["all"]["metrics"]
    metrics[metric] = {key: value - less for key, value in metrics[metric].items()}
    found = evaluator(record)
    assert red(found) == broken
    assert broken or found[metric].verdict is Verdict.GREEN


@pytest.mark.parametrize(
    ("said", "open_"),
    [({"config_hash": "0" * 16}, set(METRICS)), ({"waited": 0.7}, {"p95_latency_ms"})],
    ids=["of another configuration", "of a busy machine"],
)
def test_what_cannot_be_compared_evidences_nothing(
    record: dict[str, Any], evaluator: Evaluator, said: dict[str, Any], open_: set[str]
) -> None:
    found = verdicts(evaluator({**record, **said}))
    assert {metric for metric, verdict in found.items() if verdict is Verdict.INCONCLUSIVE} == open_
    assert set(found.values()) <= {Verdict.INCONCLUSIVE, Verdict.GREEN}


def test_too_few_answers_evidence_nothing(record: dict[str, Any], evaluator: Evaluator) -> None:
    then = record["suites"]["all"]["metrics"]["ndcg_at_10"]
    then.update(lower=then["value"] - 0.1, upper=then["value"] + 0.1)
    cell = evaluator(record)["ndcg_at_10"]
    assert cell.verdict is Verdict.INCONCLUSIVE
    assert "but should of 0.08" in cell.note


def test_a_pool_below_the_size_is_refused(configs: Path, probe: Callable[..., Probe], job: Jobs) -> None:
    replace(configs / "nightly.yaml", "size: 800", "size: 4000")
    with pytest.raises(EvidenceError, match=r"but performance.queries.size is 4,000"):
        ask_incumbent(probe(), nightly_of(configs), job, ())


def test_a_limit_that_is_never_shown_is_a_mistake(configs: Path) -> None:
    replace(configs / "nightly.yaml", "{margin: 0.02, finds: 0.08}", "{margin: 0.02, finds: 0.02}")
    with pytest.raises(ConfigError, match="less is never shown"):
        nightly_of(configs)
    replace(configs / "nightly.yaml", "{margin: 0.02, finds: 0.02}", "{margin: 0.02, finds: 50}")
    with pytest.raises(ConfigError, match=r"finds: 50.*less than or equal to 0\.5"):
        nightly_of(configs)


def test_numbers_are_read_as_they_were_written(record: dict[str, Any], configs: Path) -> None:
    assert read_model(configs / "baseline.numbers.json", Numbers) == Numbers.model_validate(record)
    (configs / "baseline.numbers.json").write_text(json.dumps({**record, "extra": 1}))
    with pytest.raises(ConfigError, match="extra: unknown key"):
        read_model(configs / "baseline.numbers.json", Numbers)
