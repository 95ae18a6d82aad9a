"""Is every change of a signed folder found, whatever was changed, and is nothing found where nothing was?"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from gates.attestation import Attestation
from gates.policy import Policy
from gates.verdicts import Decision
from reports.attestation import chain, statements
from reports.attestation.sealing import prepare, sign_run
from reports.attestation.statements import StatementError
from tests.reports.signed import HERO, KEYS, RUN_ID, SIGNER, bundles, check, signed, trusting, written

LATER = "20261201T111500Z-c0ffee"
PROMOTE, HOLD, ROLLBACK = Decision
#: What lies in a folder besides what is signed.
NOT_SIGNED = {".lock"}


@pytest.fixture(scope="module", params=list(KEYS))
def folder(request: pytest.FixtureRequest, policy: Policy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, the older one in history/; tests that change it put it back as it was."""
    out = tmp_path_factory.mktemp("signed") / "out"
    signed(out, policy, ROLLBACK, signer=KEYS[request.param])
    signed(out, policy, PROMOTE, HOLD, run_id=LATER, signer=KEYS[request.param])
    return out


@pytest.fixture
def out(policy: Policy, tmp_path: Path) -> Path:
    """One run with a promoted and a held hero, which a test may change."""
    signed(tmp_path / "out", policy, PROMOTE, HOLD)
    return tmp_path / "out"


@contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in NOT_SIGNED)


def problems(folder: Path, **options: Any) -> str:
    return "\n".join(check(folder, **options).problems)


def test_what_nobody_touched_verifies(folder: Path) -> None:
    verified = check(folder)
    assert verified.problems == ()
    assert {name: d.attestation.decision for name, d in verified.heroes.items()} == {
        "lexical": "PROMOTE",
        "router": "HOLD",
    }
    kinds = ["run", "decision", "run", "decision", "decision", "svr"]
    assert [s.kind for s in verified.chain.statements] == kinds
    assert verified.chain.head == verified.chain.statements[-1].digest


@settings(max_examples=settings().max_examples * 3 // 2)
@given(data=st.data())
def test_one_flipped_byte_anywhere_is_found(folder: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(files(folder)), label="file")
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1), label="position")
    content[position] ^= data.draw(st.integers(1, 255), label="flip")
    with changed(path, bytes(content)):
        assert problems(folder)


@settings(max_examples=settings().max_examples * 4 // 5)
@given(data=st.data())
def test_another_value_in_canonical_json_is_found_and_breaks_nothing(folder: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([p for p in files(folder) if p.name == "attestation.json"]), label="file")
    document = json.loads(path.read_bytes())
    value = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
    key = data.draw(st.sampled_from(sorted(document)), label="key")
    new = data.draw(value | st.lists(value, max_size=2) | st.dictionaries(st.text(max_size=3), value, max_size=2))
    if new == document[key]:
        return
    with changed(path, rfc8785.dumps({**document, key: new})):
        assert problems(folder)


def test_a_file_that_is_gone_or_was_added_is_found(folder: Path) -> None:
    for path in files(folder):
        if path.parent.name not in ("keys", "bundles") and path.name != "attestation.json":
            path.rename(path.with_name("elsewhere"))
            assert f"{path.name}: cannot be read" in problems(folder)
            path.with_name("elsewhere").rename(path)
    added = folder / "lexical" / "plots" / "more.svg"
    added.touch()
    assert "lexical/plots/more.svg: not attested" in problems(folder)
    added.unlink()
    assert not problems(folder)


def test_rows_that_are_not_those_of_the_file_are_found(out: Path) -> None:
    path = out / "router" / "attestation.json"
    document = json.loads(path.read_bytes())
    document["evidence"][0]["rows"] += 1
    path.write_bytes(rfc8785.dumps(document))
    assert "router/agg.parquet: 3 rows, but 4 are attested" in problems(out)


@pytest.mark.parametrize("dropped", range(6))
def test_a_dropped_statement_is_found(folder: Path, dropped: int) -> None:
    path = bundles(folder)[dropped]
    path.rename(path.with_suffix(".gone"))
    said = problems(folder)
    path.with_suffix(".gone").rename(path)
    assert said if dropped < 5 else "lexical/attestation.json: not signed: bundles/ holds no svr" in said


def test_a_dropped_statement_is_found_though_the_others_close_up(out: Path) -> None:
    _, second, third, fourth = bundles(out)
    second.unlink()
    third.rename(out / "bundles" / "000002-decision-router.sigstore.json")
    fourth.rename(out / "bundles" / "000003-svr-lexical.sigstore.json")
    assert "does not follow from the statement before it" in problems(out)


def test_swapped_statements_are_found(out: Path) -> None:
    _, second, third, _ = bundles(out)
    before = second.read_bytes()
    second.write_bytes(third.read_bytes())
    third.write_bytes(before)
    assert "not what the file's name says" in problems(out)
    second.rename(out / "bundles" / "000002-decision-router.sigstore.json")
    third.rename(out / "bundles" / "000003-decision-lexical.sigstore.json")
    assert "does not follow from the statement before it" in problems(out)


def test_a_cut_off_end_is_found_against_a_head_that_was_written_down(policy: Policy, tmp_path: Path) -> None:
    out, older = tmp_path / "out", tmp_path / "older"
    signed(out, policy, HOLD)
    first = check(out).chain.head
    shutil.copytree(out, older)
    signed(out, policy, PROMOTE, run_id=LATER)
    second = check(out).chain.head
    assert not problems(out, head=second)
    assert not problems(out, head=first), "a chain that has grown holds the older head"
    assert not problems(older), "nothing in the older copy says that there was more"
    assert f"--head={second}: not in the chain" in problems(older, head=second)


def test_a_bundle_of_another_run_is_found(policy: Policy, out: Path, tmp_path: Path) -> None:
    signed(tmp_path / "other", policy, PROMOTE, HOLD, run_id=LATER)
    for mine, other in zip(bundles(out), bundles(tmp_path / "other"), strict=True):
        with changed(mine, other.read_bytes()):
            assert problems(out)
    for mine, other in zip(bundles(out), bundles(tmp_path / "other"), strict=True):
        mine.write_bytes(other.read_bytes())
    assert "attestation.json: not signed: bundles/ holds no run of its run" in problems(out)


def test_older_results_cannot_be_put_back(policy: Policy, out: Path) -> None:
    signed(out, policy, ROLLBACK, run_id=LATER)
    shutil.rmtree(out / "ann")
    for path in (out / "history" / RUN_ID).iterdir():
        path.rename(out / path.name)
    assert f"attestation.json: of run {RUN_ID}, but run {LATER} was signed after it" in problems(out)


def test_a_run_that_has_expired_is_expired_and_not_changed(policy: Policy, out: Path) -> None:
    signed(out, policy, HOLD, run_id=LATER)
    shutil.rmtree(out / "history")
    verified = check(out)
    assert not verified.problems
    assert verified.notes == ("expired: 1 older runs, of which only the statements are left",)


def test_the_chain_is_never_put_away(policy: Policy, out: Path) -> None:
    before = {path.name: path.read_bytes() for path in bundles(out)}
    for hour in range(12, 20):
        signed(out, policy, HOLD, run_id=f"20261201T{hour}1500Z-c0ffee")
    after = {path.name: path.read_bytes() for path in bundles(out)}
    assert before.items() <= after.items()
    assert len(after) == len(before) + 16


def test_a_promotion_without_evidence_is_never_signed(policy: Policy, tmp_path: Path) -> None:
    from reports.attestation.document import attest_heroes, write_attestations

    release = written(tmp_path, policy, PROMOTE)
    seal = prepare(SIGNER, trusting(SIGNER, "decide"), tmp_path, ["lexical"], release.finished_at)
    write_attestations(release, attest_heroes(release, bundles=seal.decisions), (), seal.run)
    with pytest.raises(StatementError, match=r"PROMOTE without agg\.parquet is never signed"):
        sign_run(SIGNER, seal, tmp_path, tmp_path)
    assert bundles(tmp_path) == []
    assert "PROMOTE without agg.parquet" in problems(tmp_path)


def test_a_verification_result_of_anything_but_a_promotion_is_found(out: Path) -> None:
    verified = check(out)
    held = verified.heroes["router"]
    with pytest.raises(StatementError, match="only PROMOTE"):
        statements.svr_statement(held.attestation, held.statement.digest)
    claims = held.attestation.model_copy(update={"decision": PROMOTE})
    forged = statements.svr_statement(claims, held.statement.digest)
    chain.append(out, "svr", "router", forged, SIGNER)
    assert "000005-svr-router.sigstore.json: signed, but attestation.json calls for no such" in problems(out)


def test_a_decision_that_was_signed_otherwise_than_attested_is_found(policy: Policy, tmp_path: Path) -> None:
    signed(tmp_path, policy, HOLD)
    path = tmp_path / "router" / "attestation.json"
    document = {**json.loads(path.read_bytes()), "decision": "ROLLBACK"}
    path.write_bytes(rfc8785.dumps(document))
    said = problems(tmp_path)
    assert "router/attestation.json: not the one that attestation.json names by digest" in said
    assert "router/attestation.json: decision differs" in said
    assert "000002-decision-router.sigstore.json: says another thing than router/attestation.json" in said


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"release_fingerprint": "0" * 64}, "release_fingerprint is not the sha256 of lock_material"),
        ({"policy_digest": "0" * 64}, "policy_digest is not the sha256 of policy"),
        (
            {"budget": {"windows": 12, "of": 44, "max_windows": 1, "waiting": False}},
            "policy is not that of lock_material",
        ),
        ({"artefacts": [{"name": "../attestation.json", "sha256": "0" * 64}]}, "outside of its folder"),
        ({"run_id": "20261201T101500Z-c0ffef"}, "run_id differs from the release's"),
        ({"schema": "hero-gate/attestation/v9"}, "but hero-gate/attestation/v2 is expected"),
        ({"steps": 5}, "steps: 5: Input should be a valid array; run the canary again"),
    ],
)
def test_each_disagreement_is_named(out: Path, what: dict[str, Any], said: str) -> None:
    path = out / "router" / "attestation.json"
    path.write_bytes(rfc8785.dumps({**json.loads(path.read_bytes()), **what}))
    assert said in problems(out)


def test_of_a_release_that_cannot_be_read_nothing_else_is_called_nobodys(out: Path) -> None:
    path = out / "attestation.json"
    path.write_bytes(rfc8785.dumps({**json.loads(path.read_bytes()), "schema": "hero-gate/release/v1"}))
    (problem,) = check(out).problems
    assert "'hero-gate/release/v1', but hero-gate/release/v2 is expected" in problem


def test_a_key_that_is_gone_or_another_is_found(out: Path) -> None:
    key = chain.key_file(out, SIGNER.keyid)
    with changed(key, KEYS["ecdsa"].public.encode()):
        assert f"but the file of that key holds {KEYS['ecdsa'].keyid[:16]}" in problems(out)
    key.unlink()
    assert f"its public key keys/{key.name} is not there" in problems(out)


def test_a_folder_that_is_none_is_no_decision(tmp_path: Path) -> None:
    verified = check(tmp_path / "nothing")
    assert verified.problems
    assert not verified.trusted
    assert verified.words == "by nobody"


def test_the_run_says_what_passed_and_never_what_was_missing(policy: Policy, out: Path) -> None:
    run = chain.read(out).statements[0].predicate
    assert run["result"] == "WARNED"
    promoted = json.loads((out / "lexical" / "attestation.json").read_bytes())
    held = json.loads((out / "router" / "attestation.json").read_bytes())
    lists = [set(run[name]) for name in ("passedTests", "warnedTests", "failedTests", "notRunTests")]
    assert sum(map(len, lists)) == len(set().union(*lists))
    assert set().union(*lists) == {*promoted["tests"]["planned"], *held["tests"]["planned"]}
    missing = promoted["tests"]["passed"][:2]
    promoted["tests"]["missing"] = missing
    outcomes = dict(statements.node_ids(Attestation.read(rfc8785.dumps(promoted), "")))
    assert {outcomes[test] for test in missing} == {"not run"}
    assert outcomes[promoted["tests"]["passed"][2]] == "passed"
    first = promoted["tests"]["passed"][2]
    for cell in promoted["cells"]:
        cell["verdict"] = "INCONCLUSIVE"
    hero = Attestation.read(rfc8785.dumps(promoted), "")
    assert dict(statements.node_ids(hero))[first] == "warned", "pytest passed it, but its evidence is not GREEN"


@pytest.mark.parametrize(("decision", "result"), [(PROMOTE, "PASSED"), (HOLD, "WARNED"), (ROLLBACK, "FAILED")])
def test_a_decision_is_signed_about_its_release_and_its_attestation(
    policy: Policy, tmp_path: Path, decision: Decision, result: str
) -> None:
    signed(tmp_path, policy, decision)
    hero = HERO[decision]
    run, decided, *rest = chain.read(tmp_path).statements
    assert run.predicate["result"] == result
    attested = json.loads((tmp_path / hero / "attestation.json").read_bytes())
    assert decided.content["subject"] == [
        {"name": hero, "digest": {"sha256": attested["release_fingerprint"]}},
        {
            "name": f"{hero}/attestation.json",
            "digest": {"sha256": chain.digest((tmp_path / hero / "attestation.json").read_bytes())},
        },
    ]
    assert decided.predicate["decision"] == decision
    assert decided.predicate["run"] == {"sha256": run.digest}
    assert decided.predicate["decisionFunction"] == {
        "module": "gates.rule.decide",
        "digest": {"sha256": attested["lock_material"]["sources"]["gates"]},
    }
    assert [s.kind for s in rest] == (["svr"] if decision is PROMOTE else [])
    assert attested["bundle"] == decided.file


def test_only_this_runs_signatures_make_it_trusted(policy: Policy, tmp_path: Path) -> None:
    root = trusting(SIGNER, "decide")
    signed(tmp_path, policy, HOLD, signer=KEYS["ecdsa"])
    signed(tmp_path, policy, HOLD, run_id=LATER, root=root)
    assert check(tmp_path, root).trusted
    assert check(tmp_path, root).words == f"by release-ci (key {SIGNER.keyid[:16]}), trusted"
    signed(tmp_path, policy, HOLD, run_id="20261201T121500Z-c0ffee", signer=replace(KEYS["ecdsa"], ephemeral=True))
    verified = check(tmp_path, root)
    assert not verified.trusted
    assert verified.words == "with a key made for this run: UNTRUSTED, nobody vouches for it"


def test_a_ladder_that_never_began_is_signed_as_a_hold_and_never_as_more(policy: Policy, tmp_path: Path) -> None:
    signed(tmp_path / "held", policy, HOLD, began=False)
    verified = check(tmp_path / "held")
    assert not verified.problems
    (subject,) = verified.heroes["router"].statement.content["subject"]
    assert subject["name"] == "router/attestation.json"
    assert verified.heroes["router"].statement.predicate["decisionFunction"] == {"module": "gates.rule.decide"}
    with pytest.raises(StatementError, match="PROMOTE without a release fingerprint"):
        signed(tmp_path / "promoted", policy, PROMOTE, began=False)
    assert bundles(tmp_path / "promoted") == []
