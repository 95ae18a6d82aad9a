"""Are the queries that a hero changes told, the most changed first, with what both arms answered; and earlier runs?"""

import shutil
from dataclasses import replace

from gates.attestation import ATTESTATION
from reports.attestation.document import attest_heroes, write_attestations
from reports.model.story import earlier_runs, tell
from tests.reports.conftest import RUN_ID, Judged


def test_every_changed_query_is_told_once_the_most_changed_first(judged: Judged) -> None:
    (story,) = tell(judged("worse"))
    measured = story.measured
    difference = measured.hero.recall - measured.baseline.recall
    assert story.example_metric == "sla_recall_at_50"
    assert len(story.changed) == int((difference != 0).sum())
    sizes = [abs(example.difference) for example in story.changed]
    assert sizes == sorted(sizes, reverse=True)
    assert [e for e in story.changed if e.difference < 0] == list(story.lost_most)
    (same,) = tell(judged("equal"))
    assert same.changed == ()


def test_answers_of_both_arms_stand_with_their_ranks(judged: Judged) -> None:
    (story,) = tell(judged("worse"))
    for example in story.changed:
        ranks = [min(filter(None, (hit.baseline, hit.hero))) for hit in example.hits]
        assert ranks == sorted(ranks)
        for arm, place in (("baseline", example.baseline), ("hero", example.hero)):
            right = [(getattr(hit, arm), hit.where) for hit in example.hits if hit.right and getattr(hit, arm)]
            assert (place.rank, place.where) == min(right, default=(0, ""))
            first = next((hit.where for hit in example.hits if getattr(hit, arm) == 1), "")
            assert place.first == first


def test_without_hits_what_was_measured_is_told_all_the_same(judged: Judged) -> None:
    release = judged("worse")
    (release.artifacts / "worse" / "hits.parquet").unlink()
    (story,) = tell(release)
    assert story.changed
    assert {example.hits for example in story.changed} == {()}
    assert {example.baseline.first for example in story.changed} == {""}


def test_earlier_runs_come_from_the_history_newest_first(judged: Judged) -> None:
    release = judged("worse")
    (outcome,) = release.outcomes
    assert earlier_runs(release, outcome) == ()
    config = {**outcome.climbed.lock_material["config"], "depth": 7}
    material = {**outcome.climbed.lock_material, "config": config}
    older = replace(outcome, climbed=outcome.climbed.model_copy(update={"lock_material": material}))
    for day, one in (("20261129", outcome), ("20261130", older)):
        put_away(replace(release, run_id=f"{day}{RUN_ID[8:]}", outcomes=(one,)))
    newest, oldest = earlier_runs(release, outcome)
    assert (newest.said.run_id[:8], oldest.said.run_id[:8]) == ("20261130", "20261129")
    assert [(one.field, one.locked, one.now) for one in newest.differs] == [("depth", "7", "nothing")]
    assert oldest.differs == ()
    assert newest.said.told == "ROLLBACK"


def test_what_cannot_be_read_of_the_history_tells_nothing(judged: Judged) -> None:
    release = judged("worse")
    put_away(replace(release, run_id=f"20261129{RUN_ID[8:]}"))
    spoiled = release.artifacts / "history" / f"20261130{RUN_ID[8:]}" / "worse" / ATTESTATION
    spoiled.parent.mkdir(parents=True)
    spoiled.write_text("{")
    (run,) = earlier_runs(release, release.outcomes[0])
    assert run.said.run_id.startswith("20261129")


def put_away(release) -> None:
    """Leave the attestation of a run in the history."""
    place = replace(release, artifacts=release.artifacts / "made")
    write_attestations(place, attest_heroes(place))
    home = release.artifacts / "history" / release.run_id
    home.mkdir(parents=True)
    shutil.move(place.artifacts / "worse", home / "worse")
    shutil.rmtree(place.artifacts)
