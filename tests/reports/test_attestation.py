"""Does an attestation say what was decided, byte for byte the same for the same run, and whose evidence it is?"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import rfc8785

from evidence.digests import file_digest, logical_digest
from gates.policy import Policy
from gates.release import Release
from gates.verdicts import Decision
from reports.attestation.__main__ import main
from reports.attestation.document import attest, attest_heroes, describe_evidence, write_attestations
from reports.model.story import tell
from tests.reports import handmade
from tests.reports.conftest import Judged


def attested(release: Release, hero: str) -> dict[str, Any]:
    """What is on record of a hero after the release was told in full."""
    stories = tell(release)
    evidence = {story.hero: describe_evidence(release.artifacts / story.hero) for story in stories}
    write_attestations(release, attest_heroes(release, stories, evidence))
    content: dict[str, Any] = json.loads(path(release, hero).read_bytes())
    return content


def path(release: Release, hero: str) -> Path:
    return release.artifacts / hero / "attestation.json"


def test_the_same_run_gives_the_same_canonical_bytes(judged: Judged) -> None:
    release = judged("equal")
    content = attested(release, "equal")
    first = path(release, "equal").read_bytes()
    attested(release, "equal")
    assert path(release, "equal").read_bytes() == first == rfc8785.dumps(content)


@pytest.mark.parametrize(("hero", "decision"), [("equal", "PROMOTE"), ("worse", "ROLLBACK"), ("unsure", "HOLD")])
def test_it_names_decision_reasons_and_traffic(judged: Judged, hero: str, decision: str) -> None:
    content = attested(judged(hero), hero)
    assert content["decision"] == decision
    assert bool(content["reasons"]) == (decision != "PROMOTE")
    assert content["traffic"]["to_percent"] == (100 if decision == "PROMOTE" else 0)
    assert content["traffic"]["rolled_back_at_step"] == (50 if decision == "ROLLBACK" else None)
    assert content["exposure"] == "replay"
    assert content["bundle"] is None


def test_evidence_is_named_by_digests_of_bytes_and_of_content(judged: Judged) -> None:
    release = judged("equal")
    content = attested(release, "equal")
    assert [entry["name"] for entry in content["evidence"]] == ["agg.parquet", "hits.parquet"]
    for entry in content["evidence"]:
        file = release.artifacts / "equal" / entry["name"]
        assert entry["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert entry["logical_sha256"] == logical_digest(file)
        assert entry["rows"] == pq.read_table(file).num_rows


def test_the_release_binds_each_hero_by_digest(judged: Judged) -> None:
    release = judged("equal", "worse")
    attested(release, "equal")
    content = json.loads((release.artifacts / "attestation.json").read_bytes())
    assert content["decision"] == "ROLLBACK"
    digests = {entry["hero"]: entry["sha256"] for entry in content["heroes"]}
    assert digests == {hero: file_digest(path(release, hero)) for hero in ("equal", "worse")}


def test_a_rollback_in_the_middle_leaves_the_others_as_they_were_recorded(judged: Judged) -> None:
    release = judged("equal", "worse")
    started = tuple(
        replace(o, decision=Decision.HOLD, reasons=("run started, not finished",)) for o in release.outcomes
    )
    worse = tuple(o for o in release.outcomes if o.subject.name == "worse")
    for outcomes in (started, worse):
        some = replace(release, outcomes=outcomes)
        write_attestations(some, attest_heroes(some))
    content = json.loads((release.artifacts / "attestation.json").read_bytes())
    assert {entry["hero"]: entry["decision"] for entry in content["heroes"]} == {"equal": "HOLD", "worse": "ROLLBACK"}


def test_before_the_end_there_is_neither_gain_nor_evidence(policy: Policy, tmp_path: Path) -> None:
    release, _ = handmade.release(policy, Decision.HOLD)
    begun = replace(release, artifacts=tmp_path)
    write_attestations(begun, attest_heroes(begun))
    content = json.loads((tmp_path / "router" / "attestation.json").read_bytes())
    assert content["gains"] == content["evidence"] == []


def test_a_claim_is_told_of_the_measure_that_it_is_about(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.PROMOTE)
    subject = replace(story.outcome.subject, claim="less CPU time", claim_metric="cpu_ms")
    outcome = replace(story.outcome, subject=subject)
    gains = attest(release, outcome, replace(story, outcome=outcome)).gains
    assert [gain.metric for gain in gains if gain.claim] == ["cpu_ms"]


def test_slices_and_instruments_are_recorded_as_guards_are(judged: Judged) -> None:
    cells = attested(judged("equal"), "equal")["cells"]
    slices = [cell for cell in cells if cell["kind"] == "slice"]
    assert [cell["check"] for cell in slices] == ["recall_all", "ndcg_all", "calibration_all"]
    assert {cell["required"] for cell in slices} == {"not_red"}
    instruments = {cell["check"] for cell in cells if cell["kind"] == "instrument"}
    assert instruments >= {"known_answers", "traffic_share", "aa_dispersion"}
    assert all(set(cell) == set(cells[0]) for cell in cells)


@pytest.mark.parametrize("waits", [False, True])
def test_the_budget_says_what_was_used_and_whether_traffic_is_missing(policy: Policy, waits: bool) -> None:
    release, story = handmade.waiting(policy) if waits else handmade.release(policy, Decision.HOLD)
    subject = replace(story.outcome.subject, windows=44)  # as --max-windows=11 gives
    content = attest(release, replace(story.outcome, subject=subject))
    step = policy.ladder.max_windows  # as the policy is written
    assert content.budget.model_dump() == {"windows": 12, "of": 44, "max_windows": step, "waiting": waits}
    assert content.mode == "evidence"


def test_error_rates_are_recorded_as_they_were_simulated_and_none_otherwise(policy: Policy) -> None:
    release, story = handmade.release(policy, Decision.PROMOTE)
    assert attest(release, story.outcome).characteristics == handmade.RATES
    assert attest(release, handmade.with_rates(story).outcome).characteristics == {}


def test_the_letter_is_recorded(policy: Policy, tmp_path: Path) -> None:
    release, _ = handmade.release(handmade.by_letter(policy), Decision.PROMOTE)
    release = replace(release, artifacts=tmp_path)
    write_attestations(release, attest_heroes(release))
    for file in (tmp_path / "attestation.json", tmp_path / "lexical" / "attestation.json"):
        assert json.loads(file.read_bytes())["mode"] == "letter"


def test_the_published_schema_is_the_models(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    printed = capsys.readouterr().out
    assert (root / "docs" / "attestation.schema.json").read_text(encoding="utf-8") == printed, (
        "python -m reports.attestation schema > docs/attestation.schema.json"
    )
    assert {"hero-gate/attestation/v2", "hero-gate/release/v2"} <= set(printed.split('"'))


@pytest.mark.parametrize("command", ["verify", "replay", "show"])
def test_version_1_is_refused_in_a_line(
    command: str, policy: Policy, tmp_path: Path, capsys: pytest.CaptureFixture[str], root: Path
) -> None:
    release, _ = handmade.release(policy, Decision.HOLD)
    write_attestations(replace(release, artifacts=tmp_path), attest_heroes(release))
    for file in (tmp_path / "attestation.json", tmp_path / "router" / "attestation.json"):
        file.write_bytes(rfc8785.dumps({**json.loads(file.read_bytes()), "schema": "hero-gate/attestation/v1"}))
    assert main([command, str(tmp_path)]) == 1
    said = "".join(capsys.readouterr())
    assert "/v1', but hero-gate/" in said
    way_out = "/v2 is expected; read it with the release that wrote it, or run the canary again"
    assert way_out in said
    assert way_out in (root / "docs" / "migration.md").read_text(encoding="utf-8")
