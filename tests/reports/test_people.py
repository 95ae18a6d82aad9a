"""Does what a person says count only where it is signed by a key that may, in time, about this very decision?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gates.errors import GateError
from gates.policy import Policy
from gates.verdicts import Decision
from reports.attestation import chain, say, statements
from reports.attestation.people import said_of
from reports.attestation.signing import Signer
from reports.attestation.trust import NO_KEYS, TrustRoot
from tests.reports.signed import KEYS, NOW, SIGNER, bundles, check, signed, trusting

SAID = {"by": "Ann", "why": "read it", "ticket": "OPS-1", "until": "2026-12-09"}
ANN = KEYS["ecdsa"]
ROOT = trusting(ANN, "approve", name="ann")


@pytest.fixture
def out(policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two decisions, where Ann's key signs what is said."""
    monkeypatch.setattr(say, "open_signer", lambda: ANN)
    signed(tmp_path / "out", policy, Decision.PROMOTE, Decision.HOLD)
    return tmp_path / "out"


def decision(out: Path, hero: str = "lexical") -> str:
    return check(out).heroes[hero].statement.digest


def problems(out: Path) -> list[str]:
    return list(check(out).problems)


def by(
    out: Path, *, now: datetime = NOW, root: TrustRoot = ROOT, accept: bool = False, hero: str = "lexical"
) -> Sequence[str]:
    """Who has said something that counts."""
    return [word.by for word in said_of(chain.read(out), decision(out, hero), now, root, accept) if word.counts]


@pytest.mark.parametrize("kind", ["approval", "override"])
def test_what_is_said_with_a_key_that_may_counts_until_its_end(out: Path, kind: str) -> None:
    word = say.say(out, kind, "lexical", SAID, ROOT, NOW)
    assert (word.statement.kind, word.by, word.why, word.ticket) == (kind, "Ann", "read it", "OPS-1")
    assert word.until == datetime(2026, 12, 9, 23, 59, 59, tzinfo=UTC)
    assert word.counts
    assert not check(out).problems
    assert by(out) == ["Ann"]
    assert by(out, now=datetime(2026, 12, 9, 23, 59, 59, tzinfo=UTC)) == [], "an expired word counts as none"
    assert by(out, hero="router") == [], "it is about one decision only"


def test_one_that_nobody_vouches_for_counts_only_where_that_is_accepted(out: Path) -> None:
    say.say(out, "approval", "lexical", SAID, ROOT, NOW)
    for root in (NO_KEYS, trusting(ANN, "decide", "promote")):
        assert by(out, root=root) == []
        assert by(out, root=root, accept=True) == ["Ann"]
        (word,) = said_of(chain.read(out), decision(out), NOW, root)
        assert "UNTRUSTED" in word.words
    assert by(out, root=NO_KEYS, accept=True, now=NOW + timedelta(days=30)) == [], "expired is expired"


def test_what_was_said_of_an_older_decision_does_not_count_for_the_next(policy: Policy, out: Path) -> None:
    say.say(out, "approval", "lexical", SAID, ROOT, NOW)
    signed(out, policy, Decision.PROMOTE, run_id="20261201T111500Z-c0ffee")
    assert by(out) == []
    assert not check(out).problems


@pytest.mark.parametrize("until", ["", "never", "2026-12-09T00:00:00", 5])
def test_a_word_without_an_end_counts_as_none(out: Path, until: object) -> None:
    said = {**SAID, "until": until, "createdOn": NOW.isoformat(), "decision": {"sha256": decision(out)}}
    statement = statements.said_statement("approval", "lexical", said)
    chain.append(out, "approval", "lexical", statement, ANN)
    assert by(out, accept=True) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"until": "soon"}, "--until=soon: not a day or time"),
        ({"until": "2026-12-09T10:00"}, "a time without its zone"),
        ({"until": "2026-12-01"}, "not in the future"),
        ({"by": " \n "}, "--by: 0 characters"),
        ({"why": "x" * 301}, "--why: 301 characters"),
        ({"ticket": ""}, "--ticket: 0 characters"),
    ],
)
def test_each_mistake_is_one_line_and_nothing_is_signed(out: Path, changed: dict[str, str], said: str) -> None:
    before = bundles(out)
    with pytest.raises(GateError) as raised:
        say.say(out, "approval", "lexical", {**SAID, **changed}, ROOT, NOW)
    assert str(raised.value).startswith(said) or said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert bundles(out) == before


def test_only_a_folder_that_verifies_can_be_spoken_about(out: Path) -> None:
    with pytest.raises(GateError, match=r"--hero=ann: no decision about it .* there are lexical, router"):
        say.say(out, "approval", "ann", SAID, ROOT, NOW)
    with chain.owned(out), pytest.raises(GateError, match="a run or another command is writing there"):
        say.say(out, "approval", "lexical", SAID, ROOT, NOW)
    (out / "index.html").write_text("PROMOTE")
    with pytest.raises(GateError, match=r"does not verify, so nothing is added: index\.html: sha256"):
        say.say(out, "approval", "lexical", SAID, ROOT, NOW)


def test_the_newest_words_can_be_cut_off_only_before_a_pinned_head(out: Path) -> None:
    say.say(out, "approval", "lexical", SAID, ROOT, NOW)
    head = check(out).chain.head
    bundles(out)[-1].unlink()
    assert problems(out) == [f"bundles/keys/{ANN.keyid[:16]}.pub.pem: not attested; take it away"], (
        "of no statement now"
    )
    chain.key_file(out, ANN.keyid).unlink()
    assert problems(out) == []
    assert check(out, head=head).problems


def test_a_changed_word_counts_as_none(out: Path) -> None:
    say.say(out, "approval", "lexical", SAID, ROOT, NOW)
    path = bundles(out)[-1]
    other: Signer = replace(SIGNER, ephemeral=True)
    statement = chain.read(out).statements[-1]
    path.write_bytes(other.sign(statement.payload))
    assert by(out, accept=True) == []
    assert any("names another key than the one that signed it" in problem for problem in check(out).problems)
