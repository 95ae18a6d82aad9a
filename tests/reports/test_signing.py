"""Which keys sign, what does each mistake say before anything has run, and does no message repeat a secret?"""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from reports.attestation.signing import (
    SigningError,
    bundle_bytes,
    check_signature,
    make_key,
    open_signer,
    read_bundle,
)

PAYLOAD = b'{"_type":"https://in-toto.io/Statement/v1"}'


def pem(kind: str) -> bytes:
    """A private key of a kind that is not signed with."""
    private = generate_rsa(65537, 2048) if kind == "rsa" else generate_private_key(SECP384R1())
    hidden = BestAvailableEncryption(b"secret") if kind == "encrypted" else NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)


def test_without_a_signer_a_key_is_made_that_nobody_has_seen() -> None:
    first, second = open_signer({}), open_signer({"HERO_GATE_SIGNER": " "})
    assert first.ephemeral
    assert first.keyid != second.keyid
    check_signature(read_bundle(first.sign(PAYLOAD)), first.public.encode())


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
@pytest.mark.parametrize("scheme", ["file2", "env"])
def test_a_named_key_signs(kind: str, scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, private = make_key(kind)
    (tmp_path / "key.pem").write_bytes(private)
    monkeypatch.setenv("RELEASE_KEY", private.decode())
    uri = f"file2:{tmp_path / 'key.pem'}" if scheme == "file2" else "env:RELEASE_KEY"
    opened = open_signer({"HERO_GATE_SIGNER": uri, "RELEASE_KEY": private.decode()})
    assert (opened.keyid, opened.public, opened.ephemeral) == (made.keyid, made.public, False)
    sealed = read_bundle(opened.sign(PAYLOAD))
    assert sealed.payload == PAYLOAD
    check_signature(sealed, made.public.encode())
    with pytest.raises(SigningError, match="the signature is not that of key"):
        check_signature(read_bundle(bundle_bytes(PAYLOAD + b" ", sealed.keyid, sealed.signature)), made.public.encode())
    assert "key" not in repr(opened).replace("keyid", "").replace("PUBLIC KEY", "")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"HERO_GATE_SIGNER": "SECRET"}, "begins with no scheme of a signer"),
        ({"HERO_GATE_SIGNER": "-----BEGIN PRIVATE KEY-----\nSECRET"}, "begins with no scheme of a signer"),
        ({"HERO_GATE_SIGNER": "file2:/nowhere/SECRET"}, "No such file or directory"),
        ({"HERO_GATE_SIGNER": "file2:{empty}"}, "expected a PEM private key"),
        ({"HERO_GATE_SIGNER": "file2:{encrypted}"}, "no passphrase"),
        ({"HERO_GATE_SIGNER": "file2:{rsa}"}, "ed25519 or ECDSA P-256 is expected"),
        ({"HERO_GATE_SIGNER": "file2:{p384}"}, "ed25519 or ECDSA P-256 is expected"),
        ({"HERO_GATE_SIGNER": "env:SECRET"}, "that variable is not set"),
        ({"HERO_GATE_SIGNER": "env:KEY", "KEY": "SECRET"}, "expected a PEM private key"),
        ({"HERO_GATE_SIGNER": "awskms:SECRET"}, "needs HERO_GATE_PUBLIC_KEY=FILE"),
        ({"HERO_GATE_SIGNER": "awskms:SECRET", "HERO_GATE_PUBLIC_KEY": "{empty}"}, "not a public key in PEM"),
        ({"HERO_GATE_SIGNER": "awskms:SECRET", "HERO_GATE_PUBLIC_KEY": "{public}"}, "a key service that answers"),
        ({"HERO_GATE_SIGNER": "gnupg:SECRET", "HERO_GATE_PUBLIC_KEY": "{public}"}, "expected"),
    ],
)
def test_each_mistake_is_one_line_that_repeats_nothing_secret(
    environ: Mapping[str, str], said: str, tmp_path: Path
) -> None:
    places = {name: tmp_path / f"SECRET-{name}" for name in ("empty", "encrypted", "rsa", "p384", "public")}
    places["empty"].touch()
    places["public"].write_text(make_key("ed25519")[0].public)
    for kind in ("encrypted", "rsa", "p384"):
        places[kind].write_bytes(pem(kind))
    with pytest.raises(SigningError) as raised:
        open_signer({name: value.format(**places) for name, value in environ.items()})
    message = str(raised.value)
    assert said in message
    assert "\n" not in message
    assert "SECRET" not in message
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_a_bundle_is_written_in_one_way_only() -> None:
    signer, _ = make_key("ed25519")
    content = signer.sign(PAYLOAD)
    document = json.loads(content)
    assert document["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    for other in (content + b"\n", json.dumps(document).encode(), b"", b"[]", b"{}", b"[" * 9999):
        with pytest.raises(SigningError):
            read_bundle(other)
