"""Does a promotion change the baseline only when everything holds, and does a rollback bring back the same bytes?"""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from fixtures.packs import load_hero
from reports.attestation.verify import verify
from reports.promotion.change import promote, roll_back
from reports.promotion.conditions import Refused, Wanted
from tests.reports.finished_run import baseline, call, canary, changes, frozen_now, policy_with

TRUSTED = ("--trust=trusted.json",)


@pytest.fixture
def change(copied: Path) -> Callable[..., tuple[int, str]]:
    """`python -m reports.promotion` in a copy of the finished checkout, with its key: exit status and what it says."""

    def run(*arguments: str, **environ: str) -> tuple[int, str]:
        key = {"HERO_GATE_SIGNER": f"file2:{copied / 'key.pem'}", **environ}
        done = call(copied, "reports.promotion", *arguments, **key)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


def test_a_promotion_changes_the_baseline_and_a_rollback_brings_the_same_bytes_back(
    copied: Path, change: Callable[..., tuple[int, str]]
) -> None:
    before = baseline(copied)
    fingerprint = canary_fingerprint(copied)
    status, told = change("promote", "--hero=rival", "--by=R. Manager", *TRUSTED)
    assert status == 0, told
    assert "stale     equal, unsure, worse" in told or "stale     " in told
    promoted = yaml.safe_load(baseline(copied))
    assert (promoted["name"], promoted["selected"]["run"]) == ("incumbent", "rival.run")
    (kept,) = (copied / "configs" / "previous").iterdir()
    assert kept.read_bytes() == before

    # a canary of another hero runs against the new baseline, and its old lock no longer fits
    status = canary(copied, hero="equal").returncode
    attested = json.loads((copied / "reports" / "out" / "equal" / "attestation.json").read_text())
    new = load_hero("equal", copied / "configs", foreseen=False).subject.baseline_config_hash
    assert (status, attested["baseline_config_hash"]) == (10, new)
    assert any("baseline_config" in reason for reason in attested["reasons"])

    status, told = change("rollback", "--why=drill", *TRUSTED)
    assert status == 0, told
    assert baseline(copied) == before
    assert not (copied / "configs" / "previous").exists()
    assert canary_fingerprint(copied) == fingerprint
    assert [s.kind for s in changes(copied)] == ["promotion", "rollback"]


def test_the_way_back_that_a_promotion_prints_names_the_same_baseline(
    copied: Path, change: Callable[..., tuple[int, str]]
) -> None:
    """Of two folders of configs: without it, the other one's last promotion would come off."""
    shutil.copytree(copied / "configs", copied / "others")
    before = baseline(copied)
    status, told = change("promote", "--hero=rival", "--configs=others", *TRUSTED)
    assert status == 0, told
    assert "; ./hero-gate rollback --configs=others brings the old baseline back" in told
    status, told = change("promote", "--hero=rival", *TRUSTED)
    assert status == 0, told
    assert "; make rollback brings the old baseline back" in told
    promoted = baseline(copied)
    assert change("rollback", "--configs=others", *TRUSTED)[0] == 0
    assert (copied / "others" / "baseline.yaml").read_bytes() == before
    assert baseline(copied) == promoted


def canary_fingerprint(checkout: Path) -> str:
    """The release that a canary of `rival` would be about."""
    lock = json.loads((checkout / "configs" / "locks" / "rival.lock.json").read_text())
    hero = load_hero("rival", checkout / "configs", foreseen=False)
    assert lock["material"]["baseline_config_hash"] == hero.subject.baseline_config_hash
    return str(lock["fingerprint"])


@pytest.mark.parametrize(
    ("hero", "why"),
    [
        ("worse", "ROLLBACK, but only PROMOTE is promoted: "),
        ("unsure", "HOLD, but only PROMOTE is promoted: "),
        ("equal", "its configuration is the baseline's already"),
        ("nobody", "no such hero"),
    ],
)
def test_who_did_not_earn_it_is_refused(copied: Path, change: Callable[..., object], hero: str, why: str) -> None:
    before = baseline(copied)
    status, told = change("promote", f"--hero={hero}", *TRUSTED)
    assert status == 1
    assert why in told
    assert len(told.strip().splitlines()) == 1
    assert baseline(copied) == before
    assert not (copied / "configs" / "previous").exists()


def test_a_key_that_nobody_vouches_for_is_refused_unless_accepted(
    copied: Path, change: Callable[..., tuple[int, str]]
) -> None:
    status, told = change("promote", "--hero=rival")
    assert status == 1
    assert "UNTRUSTED, nobody vouches for it" in told
    status, told = change("promote", "--hero=rival", "--accept-untrusted")
    assert status == 0
    assert "that is recorded" in told
    (said,) = changes(copied)
    assert said.predicate["untrustedAccepted"] == ["decision", "promoter"]
    assert "accepted untrusted: decision, promoter" in change("serving")[1]
    log = call(copied, "reports.attestation", "log", "configs/state").stdout
    assert "untrustedAccepted decision, promoter" in log


def spoil(checkout: Path, name: str) -> None:
    """One thing that makes a decision one about something else."""
    configs, out = checkout / "configs", checkout / "reports" / "out"
    match name:
        case "baseline":
            run = configs / "equal.run"
            run.write_text(run.read_text() + "q0 Q0 pkg/m0.py:91-99 3 1 tag 9.0 0.5\n")
        case "lock":
            (configs / "locks" / "rival.lock.json").unlink()
        case "attestation":
            path = out / "worse" / "attestation.json"
            path.write_bytes(path.read_bytes().replace(b'"ROLLBACK"', b'"PROMOTE"'))
        case "evidence":
            path = out / "rival" / "hits.parquet"
            path.write_bytes(path.read_bytes()[:-1] + b"x")
        case "bundle":
            next((out / "bundles").glob("*-decision-rival*")).unlink()


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("baseline", "stale; run the canary again"),
        ("lock", "it is no lock file"),
        ("attestation", "worse/attestation.json"),
        ("evidence", "rival/hits.parquet"),
        ("bundle", "statement is missing"),
    ],
)
def test_what_is_stale_or_tampered_with_is_refused_in_one_line(
    copied: Path, asked: Callable[..., Wanted], what: str, told: str
) -> None:
    before = baseline(copied)
    spoil(copied, what)
    with pytest.raises(Refused) as refused:
        promote(asked(), "rival")
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert baseline(copied) == before


@pytest.mark.parametrize(("days", "why"), [(8, "valid for 7 days: expired"), (-1, "which is yet to come")])
def test_a_decision_has_its_time(copied: Path, asked: Callable[..., Wanted], days: int, why: str) -> None:
    with pytest.raises(Refused, match=why):
        promote(asked(now=datetime.now(UTC) + timedelta(days=days)), "rival")


def test_a_decision_is_used_up_by_its_promotion(copied: Path, asked: Callable[..., Wanted]) -> None:
    elsewhere = shutil.copytree(copied / "reports" / "out", copied / "reports" / "elsewhere")
    promote(asked(), "rival")
    assert verify(copied / "reports" / "out", asked().root).problems == ()
    (said,) = changes(copied)
    assert (said.kind, said.hero, said.predicate["by"]) == ("promotion", "rival", "R. Manager")
    assert {entry["hero"] for entry in said.predicate["stale"]} == {"equal", "unsure", "worse"}
    for artifacts in (Path("reports/out"), elsewhere):
        with pytest.raises(Refused, match="promoted already"):
            promote(asked(artifacts=artifacts), "rival")
    roll_back(asked())
    with pytest.raises(Refused, match="promoted already"):
        promote(asked(), "rival")


def test_what_was_rolled_back_comes_back_only_by_a_new_canary(copied: Path, asked: Callable[..., Wanted]) -> None:
    earlier = shutil.copytree(copied / "reports" / "out", copied / "reports" / "earlier")
    key = {"HERO_GATE_SIGNER": f"file2:{copied / 'key.pem'}"}
    assert canary(copied, hero="rival", **key).returncode == 0  # another decision about the same release
    promote(asked(), "rival")
    roll_back(asked())
    with pytest.raises(Refused, match="promoted since it was decided"):
        promote(asked(artifacts=earlier), "rival")
    assert canary(copied, hero="rival", **key).returncode == 0
    promote(asked(), "rival")
    assert [s.kind for s in changes(copied)] == ["promotion", "rollback", "promotion"]
    with (copied / "configs" / "baseline.yaml").open("a") as file:
        file.write("# by hand: no statement let this serve, so the rollback does not know of what it is one\n")
    roll_back(asked())
    with pytest.raises(Refused, match="promoted since it was decided"):
        promote(asked(artifacts=earlier), "rival")


def say(checkout: Path, kind: str, by: str, key: str = "key.pem") -> None:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    command = ("reports.attestation", kind, "reports/out", "--hero=rival", f"--by={by}", "--why=agreed")
    signer = {"HERO_GATE_SIGNER": f"file2:{checkout / key}"}
    done = call(checkout, *command, "--ticket=OPS-1", f"--until={until}", *TRUSTED, **signer)
    assert done.returncode == 0, done.stderr


def test_a_freeze_window_blocks_a_promotion_but_no_rollback(finished: Path, copied: Path, promoted: Wanted) -> None:
    policy_with(**frozen_now())
    roll_back(promoted)
    assert baseline(copied) == baseline(finished)


def test_an_override_lifts_a_freeze_window(copied: Path, asked: Callable[..., Wanted]) -> None:
    asked()
    policy_with(**frozen_now(hours=2))
    with pytest.raises(Refused, match=r"freeze until .* \(incident\)"):
        promote(asked(), "rival")
    say(copied, "override", "Head of Search")
    with pytest.raises(Refused, match="freeze until"):  # an expired word counts as none
        promote(asked(now=datetime.now(UTC) + timedelta(minutes=90)), "rival")
    promote(asked(), "rival")
    (said,) = changes(copied)
    assert len(said.predicate["freezeLiftedBy"]) == 1


def test_the_policy_may_ask_for_approvals_by_different_people(copied: Path, asked: Callable[..., Wanted]) -> None:
    asked()
    policy_with(approvals=2)
    say(copied, "approve", "A")
    say(copied, "approve", "B")  # with the key of A
    with pytest.raises(Refused, match="approvals: 1 in force, but the policy asks for 2"):
        promote(asked(), "rival")
    say(copied, "approve", "B", key="second.pem")
    promote(asked(), "rival")


def test_without_a_promotion_there_is_nothing_to_roll_back_to(copied: Path, asked: Callable[..., Wanted]) -> None:
    before = baseline(copied)
    with pytest.raises(Refused, match="no baseline is kept there"):
        roll_back(asked())
    assert baseline(copied) == before


@pytest.mark.parametrize("broken", ["state/bundles/000001-promotion-rival.sigstore.json", "baseline.yaml", "trusted"])
def test_nothing_that_is_broken_stands_in_the_way_of_a_rollback(
    finished: Path, copied: Path, promoted: Wanted, change: Callable[..., tuple[int, str]], broken: str
) -> None:
    trusted = "--trust=trusted.json"
    if broken == "trusted":
        trusted = "--trust=nowhere.json"
    elif broken == "baseline.yaml":
        (copied / "configs" / broken).unlink()
    else:
        (copied / "configs" / broken).write_bytes(b"{}")
    status, told = change("rollback", trusted)
    assert baseline(copied) == baseline(finished)
    assert (status, "nothing is signed" in told) == ((1, True) if "bundles" in broken else (0, False))


def test_a_rollback_happens_even_where_it_cannot_be_recorded(
    finished: Path, copied: Path, promoted: Wanted, change: Callable[..., tuple[int, str]]
) -> None:
    before = baseline(finished)
    status, told = change("rollback", HERO_GATE_SIGNER="file2:/nowhere")
    assert (status, baseline(copied)) == (1, before)
    assert "nothing is signed" in told
    status, told = change("promote", "--hero=rival", *TRUSTED)  # as a pipeline does that repeats its steps
    assert (status, baseline(copied)) == (1, before)
    assert "promoted already" in told
    assert [s.kind for s in changes(copied)] == ["promotion", "rollback"], "what was owed to the chain is in it now"
