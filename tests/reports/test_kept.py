"""Does the history keep a canary, and do the numbers of the incumbent come from what was attested?"""

from dataclasses import replace
from pathlib import Path

import pytest

from evidence import history
from gates.documents import read_model
from gates.errors import EvidenceError
from reports.attestation.document import attest, describe_artefacts
from reports.model.story import tell
from reports.render.tables import keep_metrics, write_tables
from rollout.jobs.numbers import Numbers, numbers_of_run, numbers_text
from tests.reports.conftest import Judged


@pytest.fixture
def hero(judged: Judged) -> Path:
    """The folder of a hero with its table and an attestation that names it."""
    release = judged("equal")
    folder = release.artifacts / "equal"
    (outcome,) = release.outcomes
    write_tables(tell(release)[0], folder)
    attestation = attest(release, outcome, artefacts=describe_artefacts(folder))
    (folder / "attestation.json").write_bytes(attestation.content())
    return folder


def test_a_run_is_kept_with_every_number_and_difference(judged: Judged) -> None:
    release = judged("equal", "worse")
    release = replace(release, configs=release.artifacts.parent / "configs")
    stories = tell(release)
    for story in stories:
        write_tables(story, release.artifacts / story.hero)
    assert keep_metrics(release, stories) == ""
    kept = history.read(release.configs / "state" / "metrics")
    assert set(kept["run_id"]) == {release.run_id}
    assert set(kept["system"]) == {"equal", "worse", "incumbent"}
    assert {"ndcg_at_10", "ece", "ndcg_at_10_difference"} <= set(kept["metric"])
    assert kept["ci_lower"].notna().all()
    assert "is kept once" in keep_metrics(release, stories)  # and nothing is raised


def test_the_numbers_of_a_run_are_those_of_its_attested_table(hero: Path, tmp_path: Path) -> None:
    path = tmp_path / "baseline.numbers.json"
    path.write_text(numbers_text(numbers_of_run(hero)))
    read = read_model(path, Numbers)
    assert (read.system, read.source, len(read.bin_edges) > 0) == ("equal", "promotion", True)
    assert set(read.suites["all"].metrics) == {"ndcg_at_10", "sla_recall_at_50", "p95_latency_ms", "ece", "file_credit"}


def test_a_table_that_is_not_the_attested_one_is_refused_and_a_folder_without_one(hero: Path, tmp_path: Path) -> None:
    table = hero / "hero_span_v22.csv"
    table.write_text(table.read_text().replace("equal,all,0.", "equal,all,1."))
    with pytest.raises(EvidenceError, match="not the table that the attestation names"):
        numbers_of_run(hero)
    with pytest.raises(EvidenceError, match="not the folder of a hero"):
        numbers_of_run(tmp_path)
