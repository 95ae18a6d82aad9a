"""What does an attacker reach who can write results, has a key, or can write configs? As docs/threat-model.md says."""

import json
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from gates.attestation import ATTESTATION
from gates.errors import GateError
from gates.verdicts import SEVERITY, Decision
from reports.attestation import chain, sealing, statements
from reports.attestation.people import weighed
from reports.attestation.signing import make_key
from reports.attestation.trust import NO_KEYS
from reports.attestation.verify import verify
from reports.promotion.change import promote, roll_back
from reports.promotion.conditions import Refused, Wanted
from reports.promotion.serving import what_serves
from tests.reports.finished_run import baseline, changes, frozen_now, policy_with

Ask = Callable[..., Wanted]
OWN_KEY = make_key("ed25519")[0]
OUT = Path("reports/out")


@contextmanager
def nothing_changes(checkout: Path) -> Iterator[None]:
    """Whatever is tried: what serves is what served, and nothing says that it is another."""
    before = baseline(checkout)
    yield
    assert (baseline(checkout), changes(checkout)) == (before, ())


def rewritten(path: Path, **changed: object) -> bytes:
    """A document with other values, in canonical JSON as verify asks for."""
    content = rfc8785.dumps({**json.loads(path.read_bytes()), **changed})
    path.write_bytes(content)
    return content


def forged(hero: str, **changed: object) -> None:
    """A run in which this hero is promoted, signed anew as a whole with the attacker's own key."""
    release = json.loads((OUT / ATTESTATION).read_bytes())
    shutil.rmtree(OUT / "bundles")
    heroes = {entry["hero"]: entry for entry in release["heroes"]}
    seal = sealing.prepare(OWN_KEY, NO_KEYS, OUT, list(heroes), release["finished_at"])
    for name, entry in heroes.items():
        said = {"decision": "PROMOTE", "reasons": [], **changed} if name == hero else {}
        content = rewritten(OUT / name / ATTESTATION, bundle=seal.decisions[name], **said)
        told = json.loads(content)
        entry |= {"sha256": sha256(content).hexdigest(), "decision": told["decision"], "reasons": told["reasons"]}
    worst = max((Decision(entry["decision"]) for entry in heroes.values()), key=SEVERITY.index)
    rewritten(OUT / ATTESTATION, heroes=list(heroes.values()), bundle=seal.run, decision=worst)
    sealing.sign_run(OWN_KEY, seal, OUT, OUT)


def add_promotion(hero: str) -> None:
    """A statement that says that this hero was promoted already, and only needs to be let serve."""
    decision = chain.read(OUT).last("decision", hero)
    assert decision is not None
    digests = {"from": sha256(Path("configs/baseline.yaml").read_bytes()).hexdigest(), "to": "0" * 64}
    said = {
        **{name: {"sha256": digest} for name, digest in digests.items()},
        "decision": {"sha256": decision.digest},
        "createdOn": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    statement = statements.said_statement("promotion", hero, said)
    chain.append(OUT, "promotion", hero, statement, OWN_KEY, "by release-ci, trusted")


def say(kind: str, by: str, key: Any = OWN_KEY, at: datetime | None = None) -> None:
    """An approval or an override, as its signer dates it."""
    now = datetime.now(UTC)
    decision = chain.read(OUT).last("decision", "rival")
    assert decision is not None
    told: dict[str, Any] = {
        "by": by,
        "why": "agreed",
        "ticket": "OPS-1",
        "until": (now + timedelta(hours=1)).isoformat(),
    }
    told |= {"createdOn": (at or now).isoformat(timespec="seconds"), "decision": {"sha256": decision.digest}}
    statement = statements.said_statement(kind, "rival", told)
    chain.append(OUT, kind, "rival", statement, key, "by A, trusted")


# ------------------------------------------------------------------------- who can write the artifacts folder only


@pytest.mark.parametrize("asks", [{"approvals": 2}, frozen_now()], ids=["approvals", "freeze"])
def test_a_statement_that_it_was_promoted_already_skips_nothing(copied: Path, asked: Ask, asks: Any) -> None:
    policy_with(**asks)
    add_promotion("rival")
    with nothing_changes(copied), pytest.raises(Refused, match=r"approvals: 0 in force|freeze until"):
        promote(asked(), "rival")


# -------------------------------------------------------------------------------------- who has a key of their own


@pytest.mark.parametrize("hero", ["unsure", "worse"])
@pytest.mark.parametrize("also", ["", "promotion"])
def test_a_forged_decision_is_refused_whatever_else_is_signed(copied: Path, asked: Ask, hero: str, also: str) -> None:
    tests = json.loads((OUT / hero / ATTESTATION).read_bytes())["tests"]
    traffic = {"from_percent": 0, "to_percent": 100, "rolled_back_at_step": None}
    forged(hero, tests={**tests, "missing": []}, traffic=traffic)
    if also:
        add_promotion(hero)
    assert not verify(OUT, asked().root).trusted
    with nothing_changes(copied):
        with pytest.raises(Refused, match="UNTRUSTED, nobody vouches for it"):
            promote(asked(), hero)
        with pytest.raises(Refused, match="not what its evidence gives: "):
            promote(asked(accept_untrusted=True), hero)


def test_approvals_by_keys_that_nobody_knows_count_as_none_and_where_accepted_are_recorded_so(
    copied: Path, asked: Ask
) -> None:
    policy_with(approvals=2, **frozen_now())
    for kind, by in (("approval", "Alice"), ("approval", "Bob"), ("override", "Carol")):
        say(kind, by, make_key("ed25519")[0])
    with nothing_changes(copied), pytest.raises(Refused, match="approvals: 0 in force"):
        promote(asked(), "rival")
    told = promote(asked(accept_untrusted=True), "rival")
    (said,) = changes(copied)
    assert said.predicate["untrustedAccepted"] == ["approval by Alice", "approval by Bob", "override by Carol"]
    assert sum(line.startswith("untrusted ") for line in told) == 3


def test_what_is_dated_ahead_counts_as_none(copied: Path, asked: Ask) -> None:
    policy_with(approvals=1)
    say("approval", "Alice", at=datetime.now(UTC) + timedelta(minutes=30))
    with nothing_changes(copied), pytest.raises(Refused, match="approvals: 0 in force"):
        promote(asked(accept_untrusted=True), "rival")


def test_a_promotion_is_signed_by_who_may_promote(copied: Path, asked: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = asked()
    monkeypatch.delenv("HERO_GATE_SIGNER")
    with nothing_changes(copied), pytest.raises(Refused, match="this promotion would be signed with a key made for"):
        promote(wanted, "rival")
    promote(asked(accept_untrusted=True), "rival")  # with the key again: `asked` sets it


# --------------------------------------------------------------------- who can write configs, but not the trust root


def test_another_pack_policy_or_lock_is_another_release(copied: Path, asked: Ask) -> None:
    policy = Path("configs/policy.yaml")
    text = policy.read_text()
    policy.write_text(text.replace("rate: 0.1}", "rate: 0.09}"))
    with nothing_changes(copied), pytest.raises(Refused, match="not what was attested: policy"):
        promote(asked(), "rival")
    policy.write_text(text)
    lock = Path("configs/locks/rival.lock.json")
    lock.write_bytes(lock.read_bytes().replace(b"FROZEN", b"frozen"))
    with nothing_changes(copied), pytest.raises(Refused, match="its lock_status is 'frozen'"):
        promote(asked(), "rival")


def test_a_chain_of_what_served_that_was_written_by_others_shows(copied: Path, asked: Ask) -> None:
    said = {**asked().change("a", "b"), "decision": {"sha256": "0" * 64}}
    promotion = statements.said_statement("promotion", "rival", said)
    chain.append(Path("configs/state"), "promotion", "rival", promotion, OWN_KEY, "by key, trusted")
    (statement,) = changes(copied)
    assert not weighed(statement, asked().root).trusted
    next(Path("configs/state/bundles/keys").glob("*")).unlink()
    with pytest.raises(Refused, match=r"the chain of what served: bundles/000001-.*keys/.* is not there"):
        promote(asked(), "rival")


def test_what_is_put_there_by_hand_serves_by_no_statement(copied: Path, promoted: Wanted) -> None:
    assert what_serves(promoted)[0].startswith("serves       rival, promoted ")
    path = copied / "configs" / "baseline.yaml"
    path.write_bytes(baseline(copied).replace(b"rival.run", b"worse.run"))
    assert "no statement let it serve" in what_serves(promoted)[0]


@pytest.mark.parametrize(
    "forged",
    [
        {"numbers": "{}", "config_hash": "../../../../elsewhere/trusted_keys"},
        {"kept": "../../../elsewhere/dear.yaml"},
        {"kept": "0001/../../../../elsewhere/dear.yaml"},
    ],
)
@pytest.mark.parametrize("again", [lambda asked: promote(asked, "rival"), roll_back], ids=["promote", "rollback"])
def test_a_journal_by_others_reaches_no_file_outside(
    copied: Path, asked: Ask, forged: dict[str, str], again: Callable[[Wanted], object]
) -> None:
    elsewhere = copied.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "dear.yaml").write_text("dear")
    serves = baseline(copied).decode()
    said = {**asked().change(serves, serves), "by": "somebody else"}
    intent = {"kind": "rollback", "hero": "rival", "before": serves, "after": serves, "kept": "0001-0.yaml"}
    journal = Path("configs/state/journal.json")
    Path("configs/previous/0001").mkdir(parents=True)
    journal.parent.mkdir(exist_ok=True)
    journal.write_text(json.dumps({**intent, "statements": 0, "said": said, **forged}))
    with nothing_changes(copied), pytest.raises(Refused, match=r"journal.json: cannot be read \(ValidationError\)"):
        again(asked())
    assert [(path.name, path.read_text()) for path in elsewhere.iterdir()] == [("dear.yaml", "dear")]


@pytest.mark.parametrize("name", ["baseline.yaml", "state/journal.json", "previous/0009-0.yaml"])
def test_a_pipe_keeps_no_change_waiting(promoted: Wanted, name: str) -> None:
    pipe = Path("configs", name)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits"))
    signal.alarm(20)
    try:
        with pytest.raises(GateError, match=r"not a regular file|journal.json: cannot be read"):
            roll_back(promoted)
        if not name.startswith("previous"):  # of which only a rollback reads
            with pytest.raises(GateError):
                what_serves(promoted)
    finally:
        signal.alarm(0)


def test_approvals_and_freeze_are_as_safe_as_the_policy(copied: Path, asked: Ask) -> None:
    policy_with(approvals=2, **frozen_now())
    with nothing_changes(copied), pytest.raises(Refused, match="approvals: 0 in force"):
        promote(asked(), "rival")
    policy_with(approvals=0, freeze=[])
    promote(asked(), "rival")


def test_without_its_state_a_decision_that_is_still_fresh_can_be_used_again(promoted: Wanted) -> None:
    roll_back(promoted)
    with pytest.raises(Refused, match="promoted already"):
        promote(promoted, "rival")
    shutil.rmtree("configs/state")
    promote(promoted, "rival")


def test_each_line_of_the_threat_model_names_a_test(root: Path) -> None:
    told = (root / "docs" / "threat-model.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in (root / "tests").rglob("test_*.py"))
    lines = [line for line in told.splitlines() if line.startswith("| ") and "| test |" not in line]
    for line in lines:
        named = re.findall(r"`(test_\w+)`", line)
        assert named, line
        assert all(f"def {name}(" in tests for name in named), line
    assert len(lines) == 25
