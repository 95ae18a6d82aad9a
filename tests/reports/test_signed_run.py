"""Does a whole gate sign what it decided, only that, only at its end, and never with a secret in what it leaves?"""

from pathlib import Path

import pytest

from gates.archive import take
from reports.attestation import chain
from reports.attestation.chain import Chain
from reports.attestation.signing import make_key
from reports.attestation.trust import NO_KEYS
from tests.recorded_release import Checkout
from tests.reports.finished_run import UNDRAWN
from tests.reports.signed import check, trusting

USAGE_ERROR = 4
SECRETS = {"AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI", "GITHUB_TOKEN": "ghp_16C7e42F292c", "NPM_TOKEN": "npm_8d0f6f"}


@pytest.fixture(autouse=True)
def no_signer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HERO_GATE_SIGNER", raising=False)


def kinds(whole: Chain) -> list[tuple[str, str]]:
    return [(statement.kind, statement.hero) for statement in whole.statements]


def pages(checkout: Checkout) -> dict[str, str]:
    return {name: (checkout.out / name).read_text(encoding="utf-8") for name in ("index.html", "summary.md")}


def test_every_decision_of_a_run_is_signed_and_verifies(in_two_processes: Path) -> None:
    checkout, said = Checkout(in_two_processes), (in_two_processes.parent / "stdout").read_text(encoding="utf-8")
    verified = check(checkout.out)
    assert verified.problems == ()
    heroes = list(verified.heroes)
    promoted = [hero for hero in heroes if checkout.decision(hero) == "PROMOTE"]
    assert sorted(heroes) == ["equal", "unsure", "worse"]
    assert kinds(verified.chain) == [
        ("run", ""), *(("decision", hero) for hero in heroes), *(("svr", hero) for hero in promoted)
    ]  # fmt: skip
    words = "with a key made for this run: UNTRUSTED, nobody vouches for it"
    assert verified.words == words
    assert f"  signed    {words}" in said.splitlines()
    command = "./hero-gate verify reports/out"
    assert command in said
    for text in pages(checkout).values():
        assert words in text
        assert command in text
        assert all(f"bundles/{verified.heroes[hero].statement.file}" in text for hero in heroes)
    keys = list((checkout.out / "bundles" / "keys").iterdir())
    assert [key.name for key in keys] == [f"{verified.chain.statements[0].keyid[:16]}.pub.pem"]


def test_no_secret_is_in_anything_that_a_run_leaves(whole_checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    signer, private = make_key("ecdsa")
    secrets = {**SECRETS, "RELEASE_KEY": private.decode(), "HERO_GATE_SIGNER": "env:RELEASE_KEY"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    trusted = trusting(signer, "decide").model_dump_json(by_alias=True)
    (whole_checkout.folder / "configs" / "trusted_keys.json").write_text(trusted)
    run = whole_checkout.gate(hero="worse")
    assert f"  signed    by release-ci (key {signer.keyid[:16]}), trusted" in run.outlines
    verified = check(whole_checkout.out, trusting(signer, "decide"))
    assert verified.trusted
    assert check(whole_checkout.out, NO_KEYS).problems == ()
    assert "trusted" in pages(whole_checkout)["summary.md"]
    assert "UNTRUSTED" not in pages(whole_checkout)["index.html"]
    lines = [line for line in private.decode().splitlines() if "-----" not in line]
    hidden = [*SECRETS.values(), *lines, "PRIVATE KEY", "env:RELEASE_KEY", "RELEASE_KEY"]
    left = [path for path in whole_checkout.out.rglob("*") if path.is_file()]
    assert len(left) > 20
    for path in left:
        content = path.read_bytes()
        assert not [secret for secret in hidden if secret.encode() in content], path
    assert not [secret for secret in hidden if secret in str(run.outlines + run.errlines)]


@pytest.mark.parametrize(
    ("signer", "said"),
    [
        ("file2:nowhere/SECRET.pem", "HERO_GATE_SIGNER=file2:...: No such file or directory; expected a PEM private"),
        ("SECRET", "HERO_GATE_SIGNER: begins with no scheme of a signer; expected one of"),
        ("env:SECRET", "HERO_GATE_SIGNER=env:...: that variable is not set"),
        ("awskms:SECRET", "HERO_GATE_SIGNER=awskms:...: needs HERO_GATE_PUBLIC_KEY=FILE"),
    ],
)
def test_a_signer_that_cannot_sign_is_told_before_anything_runs(
    signer: str, said: str, whole_checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = take(whole_checkout.out) / "allure-results" / "old-result.json"
    old.parent.mkdir()
    old.write_text("{}")
    monkeypatch.setenv("HERO_GATE_SIGNER", signer)
    run = whole_checkout.gate(hero="worse")
    assert run.ret == USAGE_ERROR
    (told,) = [line for line in run.errlines if line.strip()]
    assert told.startswith(f"ERROR: {said}")
    assert "SECRET" not in told
    assert old.exists()
    assert not (whole_checkout.out / "attestation.json").exists()


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        ("bundles", "bundles: a file, but signed statements go to a folder of that name"),
        ("bundles/keys", "keys: cannot be written"),
        ("bundles/000001-run.sigstore.json", "not a signed statement, so none can follow it"),
    ],
)
def test_a_chain_that_cannot_grow_is_told_before_anything_runs(
    prepare: str, said: str, whole_checkout: Checkout
) -> None:
    path = take(whole_checkout.out) / prepare
    path.parent.mkdir(exist_ok=True)
    path.write_text("here")
    run = whole_checkout.gate(hero="worse")
    assert run.ret == USAGE_ERROR
    assert said in "".join(run.errlines)
    assert path.read_text() == "here"


def test_a_trust_root_with_a_mistake_is_told_before_anything_runs(whole_checkout: Checkout) -> None:
    (whole_checkout.folder / "configs" / "trusted_keys.json").write_text('{"keys": []}')
    run = whole_checkout.gate(hero="worse")
    assert run.ret == USAGE_ERROR
    assert "trusted_keys.json: schema: missing; add it" in "".join(run.errlines)


def test_what_cannot_be_signed_at_the_end_is_held(whole_checkout: Checkout) -> None:
    (whole_checkout.folder / "breaks.py").write_text(
        "from reports.attestation import sealing\n"
        "from reports.attestation.signing import SigningError\n"
        "def sign(*_):\n"
        "    raise SigningError('HERO_GATE_SIGNER: cannot sign (Timeout)')\n"
        "sealing.sign_run = sign\n"
    )
    run = whole_checkout.gate(*UNDRAWN, "-p", "breaks", hero="worse")
    assert run.ret == 3
    (said,) = run.errlines
    assert said.startswith("exit status 3: SigningError: HERO_GATE_SIGNER: cannot sign (Timeout) (breaks.py:4); ")
    assert_nothing_is_decided(whole_checkout)


@pytest.mark.parametrize("lies", [("ROLLBACK",), ("ROLLBACK", "HOLD")], ids=["of the decision", "of all"])
def test_what_the_second_look_refuses_is_never_signed(whole_checkout: Checkout, lies: tuple[str, ...]) -> None:
    (whole_checkout.folder / "lies.py").write_text(
        "def pytest_configure():\n"
        "    from reports import plugin\n"
        "    write = plugin.write_attestations\n"
        "    def lying(release, attested, *signed):\n"
        "        for hero, told in attested.items():\n"
        f"            for decision in {lies!r}:\n"
        '                told = told.replace(f\'"decision":"{decision}"\'.encode(), b\'"decision":"PROMOTED"\')\n'
        "            attested = {**attested, hero: told}\n"
        "        write(release, attested, *signed)\n"
        "    plugin.write_attestations = lying\n"
    )
    run = whole_checkout.gate(*UNDRAWN, "-p", "lies", hero="worse")
    assert run.ret == 3
    (said,) = run.errlines
    assert said.startswith("exit status 3: EvidenceError: worse: decided ROLLBACK, attested PROMOTED ")
    assert chain.read(whole_checkout.out).statements == ()
    assert not list(whole_checkout.out.glob("*.html"))
    if lies == ("ROLLBACK",):
        assert whole_checkout.decision("worse") == "HOLD"
    else:  # where not even a HOLD can be recorded, nothing is
        assert not [*whole_checkout.out.glob("attestation.json"), *whole_checkout.out.glob("*/attestation.json")]


def test_a_run_that_is_killed_leaves_nothing_signed(whole_checkout: Checkout) -> None:
    (whole_checkout.folder / "dies.py").write_text(
        "import os\n"
        "def pytest_configure():\n"
        "    from reports import plugin\n"
        "    write = plugin.write_attestations\n"
        "    def dying(release, attested, *signed):\n"
        "        write(release, attested, *signed)\n"
        "        if signed:\n"
        "            os._exit(9)\n"
        "    plugin.write_attestations = dying\n"
    )
    whole_checkout.gate(*UNDRAWN, "-p", "dies")
    assert_nothing_is_decided(whole_checkout, "equal")
    verified = check(whole_checkout.out)
    assert verified.heroes == {}
    said = [problem.partition(": ")[2].partition(":")[0] for problem in verified.problems]
    assert set(said) == {"not signed", "not attested; take it away"}  # the evidence of a decision that is none
    assert said.count("not signed") == 2
    assert whole_checkout.gate(*UNDRAWN, hero="worse").ret == 20
    verified = check(whole_checkout.out)
    assert not verified.problems
    assert len(verified.notes) == 2, "the other is of alerts.jsonl"
    assert "not signed, since its run did not finish" in verified.notes[0]


def assert_nothing_is_decided(checkout: Checkout, hero: str = "worse") -> None:
    """The disk says HOLD wherever it is read, and nothing of the run is signed."""
    assert (checkout.decision(), checkout.decision(hero)) == ("HOLD", "HOLD")
    assert not [name for name in ("index.html", "summary.md") if (checkout.out / name).exists()]
    shown = (path.read_bytes() for path in (checkout.out / "allure-results").glob("*"))
    assert not any(b"Promotion decision" in content for content in shown)
    assert chain.read(checkout.out).statements == ()
