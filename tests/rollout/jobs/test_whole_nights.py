"""Do whole nights end as they should? Processes as the scheduler starts them, in a checkout in miniature."""

import json
from collections.abc import Callable

import pyarrow.parquet as pq
import pytest

from evidence import history
from tests.edits import replace

Nights = Callable[..., tuple[int, dict[str, dict[str, str]]]]


def test_nights_end_as_they_should(nights: Nights, pytester: pytest.Pytester) -> None:
    out = pytester.path / "reports" / "out"
    ended, found = nights("performance")  # nothing is on record yet
    assert (ended, set(found["performance"].values())) == (10, {"INCONCLUSIVE"})
    assert nights("performance", "--write")[0] == 0

    ended, found = nights("nightly")
    assert ended == 0
    assert {verdict for cells in found.values() for verdict in cells.values()} == {"GREEN"}
    assert set(found) == {"performance", "refresh", "regenerate", "whiskers"}
    spans = (out / "nightly" / "hero_span_v22.csv").read_text().splitlines()
    assert spans[0].startswith("system,suite,ndcg_at_10,ndcg_at_10_ci_lower,ndcg_at_10_ci_upper,sla_recall_at_50")
    assert [line.split(",")[:2] for line in spans[1:]] == [["incumbent", "everything"], ["rival", "everything"]]
    assert (out / "nightly" / "plots" / "ndcg_at_10.svg").stat().st_size > 1000
    assert pq.read_metadata(out / "nightly" / "agg.parquet").num_rows == 1600
    kept = history.read(pytester.path / "configs" / "state" / "metrics")
    assert set(kept["job"]) == {"performance", "whiskers"}
    assert kept["run_id"].nunique() == 3

    ended, found = nights("nightly", kind="empty", share=0.15)  # a night of drift
    assert ended == 20
    assert found["performance"]["sla_recall_at_50"] == "RED"
    rest = {verdict for job, cells in found.items() if job != "performance" for verdict in cells.values()}
    assert rest == {"GREEN"}


def test_a_job_that_cannot_begin_is_broken_and_says_why(nights: Nights, pytester: pytest.Pytester) -> None:
    out = pytester.path / "reports" / "out" / "nightly"
    assert nights("whiskers")[0] == 1
    assert "run -m regenerate first" in json.loads((out / "whiskers.json").read_text())["broken"][0]
    replace(pytester.path / "configs" / "suites.yaml", "size: 800", "size: 8")
    assert nights("refresh")[0] == 1
    assert "greater than or equal to 800" in json.loads((out / "refresh.json").read_text())["broken"][0]
