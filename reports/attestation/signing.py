"""How are bytes signed, and is a signature good? DSSE in Sigstore bundles v0.3, keys by securesystemslib URI.

Imported only where something is signed or verified: cryptography costs a third of a second.
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import (
    SIGNER_FOR_URI_SCHEME,
    CryptoSigner,
    Key,
    SecretsHandler,
    Signature,
    SSlibKey,
)
from securesystemslib.signer import Signer as KeyHolder

from gates.errors import GateError

SIGNER = "HERO_GATE_SIGNER"
PUBLIC_KEY = "HERO_GATE_PUBLIC_KEY"
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
_PROBE = "application/vnd.hero-gate.probe"  # no payload type of a statement: a probe can be taken for none
_LOCAL = ("file2", "env")  # the public key follows from the private one


class SigningError(GateError):
    """It cannot be signed, or is not signed as it says; one line, which never holds a URI or a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key that signs, and the public half that goes beside what it signed."""

    keyid: str  # sha256 of the public key's SubjectPublicKeyInfo, hex
    public: str  # PEM
    ephemeral: bool  # made for this run: nobody can vouch for it
    holder: KeyHolder = field(repr=False)

    def sign(self, payload: bytes) -> bytes:
        """A Sigstore bundle over a statement's bytes."""
        try:
            signature = Envelope(payload, PAYLOAD_TYPE, {}).sign(self.holder)
        except Exception as error:  # a KMS client raises what it likes
            raise SigningError(f"{SIGNER}: cannot sign ({type(error).__name__}); see that the key answers") from None
        return bundle_bytes(payload, self.keyid, bytes.fromhex(signature.signature))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a bundle holds; nothing of it is checked yet but its form."""

    payload: bytes
    keyid: str
    signature: bytes


class EnvSigner(CryptoSigner):
    """A PEM private key in an environment variable, for CI secrets: `env:NAME`."""

    SCHEME = "env"

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> CryptoSigner:
        """As securesystemslib asks of every signer."""
        if not isinstance(public_key, SSlibKey):
            raise SigningError(f"{SIGNER}: a public key of a kind that env: cannot use")
        pem = os.environ[priv_key_uri.partition(":")[2]].encode()
        return CryptoSigner(load_pem_private_key(pem, None), public_key)


SIGNER_FOR_URI_SCHEME[EnvSigner.SCHEME] = EnvSigner


def open_signer(environ: Mapping[str, str] = os.environ) -> Signer:
    """The key that HERO_GATE_SIGNER names, tried once; without it an ed25519 key that lives as long as this process.

    Raises SigningError with one line that repeats no URI: what follows the scheme may be a secret.
    """
    uri = environ.get(SIGNER, "").strip()
    if not uri:
        return make_key("ed25519", ephemeral=True)[0]
    scheme = uri.partition(":")[0]
    if scheme not in SIGNER_FOR_URI_SCHEME:
        known = ", ".join(f"{name}:" for name in sorted(SIGNER_FOR_URI_SCHEME))
        raise SigningError(f"{SIGNER}: begins with no scheme of a signer; expected one of {known} or no signer at all")
    try:
        public = _public_key(uri, environ)
        named = _named(public)
        holder = KeyHolder.from_priv_key_uri(uri, named)
        probe = Envelope(b"{}", _PROBE, {})
        probe.sign(holder)
        probe.verify([named], 1)
    except SigningError:
        raise
    except KeyError:
        raise SigningError(f"{SIGNER}={scheme}:...: that variable is not set; put a PEM private key in it") from None
    except Exception as error:  # a KMS client raises what it likes, and may repeat its credentials
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise SigningError(
            f"{SIGNER}={scheme}:...: {why}; expected a PEM private key (PKCS8, no passphrase) or a key service that "
            "answers; without the variable a key is made for the run"
        ) from None
    return Signer(keyid=named.keyid, public=_pem(public), ephemeral=False, holder=holder)


def bundle_bytes(payload: bytes, keyid: str, signature: bytes) -> bytes:
    """The one way to write a bundle, so that a reader can write it again and compare bytes."""
    return rfc8785.dumps(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": _base64(bytes.fromhex(keyid))}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": _base64(payload),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"keyid": keyid, "sig": _base64(signature)}],
            },
        }
    )


def read_bundle(content: bytes) -> Sealed:
    """Take a bundle apart. Raises SigningError where it is not, byte for byte, as `bundle_bytes` writes it."""
    try:
        document: dict[str, Any] = json.loads(content)
        envelope = document["dsseEnvelope"]
        (signature,) = envelope["signatures"]
        sealed = Sealed(
            payload=base64.b64decode(envelope["payload"]),
            keyid=base64.b64decode(document["verificationMaterial"]["publicKey"]["hint"]).hex(),
            signature=base64.b64decode(signature["sig"]),
        )
        same = bundle_bytes(sealed.payload, sealed.keyid, sealed.signature) == content
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SigningError("not a Sigstore bundle with one signature; put the file back as it was written") from None
    if not same:
        raise SigningError("not the bytes that were written (format, hint and key id must agree); put the file back")
    return sealed


def check_signature(sealed: Sealed, public: bytes) -> None:
    """Raise SigningError unless the key of this PEM, byte for byte, signed the payload."""
    key = read_public_key(public)
    if key.keyid != sealed.keyid:
        raise SigningError(f"is signed with key {sealed.keyid[:16]}, but the file of that key holds {key.keyid[:16]}")
    signature = Signature(sealed.keyid, sealed.signature.hex())
    try:
        Envelope(sealed.payload, PAYLOAD_TYPE, {sealed.keyid: signature}).verify([key], 1)
    except VerificationError:
        raise SigningError(f"the signature is not that of key {sealed.keyid[:16]} over this statement") from None


def read_public_key(pem: bytes) -> SSlibKey:
    """A public key under the id that bundles call it by. Raises SigningError unless it is one in plain PEM."""
    return _named(_read(pem))


def _read(pem: bytes) -> PublicKeyTypes:
    try:
        public = load_pem_public_key(pem)
    except Exception as error:  # cryptography raises several kinds
        raise SigningError(
            f"not a public key in PEM ({type(error).__name__}); openssl pkey -pubout writes one"
        ) from None
    if _pem(public).encode() != pem:
        raise SigningError("not a public key in plain PEM; openssl pkey -pubin writes it as expected")
    return public


def make_key(kind: str, *, ephemeral: bool = False) -> tuple[Signer, bytes]:
    """A new key pair, "ed25519" or "ecdsa" (P-256): the signer, and the private half as PEM (PKCS8)."""
    private = generate_private_key(SECP256R1()) if kind == "ecdsa" else Ed25519PrivateKey.generate()
    public = private.public_key()
    holder = CryptoSigner(private, _named(public))
    signer = Signer(keyid=holder.public_key.keyid, public=_pem(public), ephemeral=ephemeral, holder=holder)
    return signer, holder.private_bytes


def _public_key(uri: str, environ: Mapping[str, str]) -> PublicKeyTypes:
    """The public half: of a local key it follows, of a key service it is in the file HERO_GATE_PUBLIC_KEY."""
    scheme, _, rest = uri.partition(":")
    if scheme in _LOCAL:
        pem = environ[rest].encode() if scheme == EnvSigner.SCHEME else Path(rest).read_bytes()
        return load_pem_private_key(pem, None).public_key()
    file = environ.get(PUBLIC_KEY, "")
    if not file:
        raise SigningError(f"{SIGNER}={scheme}:...: needs {PUBLIC_KEY}=FILE, the public key in PEM, beside it")
    return _read(Path(file).read_bytes())


def _named(public: PublicKeyTypes) -> SSlibKey:
    """The key under its id: sha256 over the DER of its SubjectPublicKeyInfo, as Sigstore's hints are."""
    p256 = isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1)
    if not (p256 or isinstance(public, Ed25519PublicKey)):
        raise SigningError("a key of another kind; ed25519 or ECDSA P-256 is expected")
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SSlibKey.from_crypto(public, hashlib.sha256(der).hexdigest())


def _pem(public: PublicKeyTypes) -> str:
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
