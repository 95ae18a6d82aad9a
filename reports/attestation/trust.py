"""Whose signature counts, for what, and when? The trust root (configs/trusted_keys.json), and a new key for it."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from gates.documents import Document, read_model
from gates.errors import GateError
from gates.place import HERE

SCHEMA: Literal["hero-gate/trusted-keys/v1"] = "hero-gate/trusted-keys/v1"
TRUSTED_KEYS = HERE.home / "configs" / "trusted_keys.json"
NOBODY = "UNTRUSTED, nobody vouches for it"
Role = Literal["decide", "approve", "promote"]
ROLES: tuple[Role, ...] = get_args(Role)
_VALID = timedelta(days=365)  # a new key


class TrustedKey(Document):
    """A key that somebody vouches for, what it may sign, and from when to when."""

    name: Annotated[str, StringConstraints(pattern=r"^[\w .@+-]{1,40}$")]
    keyid: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    public: str  # PEM
    may: tuple[Role, ...] = Field(min_length=1)
    valid_from: AwareDatetime
    valid_until: AwareDatetime

    @model_validator(mode="after")
    def _is_one_key(self) -> TrustedKey:
        from reports.attestation.signing import read_public_key  # only where a key is listed

        try:
            keyid = read_public_key(self.public.encode()).keyid
        except GateError as error:
            raise ValueError(f"public: {error}") from None
        if keyid != self.keyid:
            raise ValueError(f"keyid {self.keyid[:16]}..., but that of `public` is {keyid}; write that")
        if self.valid_from >= self.valid_until:
            raise ValueError("valid_until is not after valid_from; the key would never count")
        return self


class TrustRoot(Document):
    """All keys that somebody vouches for; none is an answer too."""

    schema_: Literal["hero-gate/trusted-keys/v1"] = Field(alias="schema")
    keys: tuple[TrustedKey, ...]

    @model_validator(mode="after")
    def _are_different(self) -> TrustRoot:
        for what in ("keyid", "name"):
            values = [getattr(key, what) for key in self.keys]
            twice = next((value for value in values if values.count(value) > 1), None)
            if twice is not None:
                raise ValueError(f"keys: {what} {twice[:16]} stands twice; keep one entry a key")
        return self


NO_KEYS = TrustRoot(schema=SCHEMA, keys=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """Does a signature count? And the words in which every page says so, after "signed"."""

    trusted: bool
    words: str


def read_trust(path: Path | None = None) -> TrustRoot:
    """The trust root in a file; without one, that of where one is, which may be absent. Raises ConfigError."""
    if path is None and not TRUSTED_KEYS.exists():
        return NO_KEYS
    return read_model(path or TRUSTED_KEYS, TrustRoot)  # JSON, which is YAML


def weigh(root: TrustRoot, keyid: str, role: Role, at: datetime | None, *, ephemeral: bool) -> Vouched:
    """Does a signature by this key count for this role, made when its statement says that it was?"""
    known = next((key for key in root.keys if key.keyid == keyid), None)
    if known is None:
        whose = "a key made for this run" if ephemeral else f"key {keyid[:16]}"
        return Vouched(trusted=False, words=f"with {whose}: {NOBODY}")
    why = ""
    if role not in known.may:
        why = f"may {' and '.join(known.may)}, not {role}"
    elif at is None:
        why = "the statement does not say when it was made"
    elif not known.valid_from <= at <= known.valid_until:
        why = f"valid {known.valid_from:%Y-%m-%d} to {known.valid_until:%Y-%m-%d}, signed {at:%Y-%m-%d}"
    if why:
        return Vouched(trusted=False, words=f"by {known.name} (key {keyid[:16]}): UNTRUSTED, {why}")
    return Vouched(trusted=True, words=f"by {known.name} (key {keyid[:16]}), trusted")


def new_key(asked: argparse.Namespace) -> int:
    """`key`: make a key to sign with; write a private key, print what to add to configs/trusted_keys.json."""
    from reports.attestation import signing

    may = asked.may.split(",")
    wrong = [role for role in may if role not in ROLES]
    if wrong:
        raise GateError(f"--may={asked.may}: {wrong[0]!r} is no role; there are {', '.join(ROLES)}")
    signer, private = signing.make_key(asked.type)
    try:  # a new file that only its owner can read, at no moment otherwise
        with os.fdopen(os.open(asked.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(private)
    except FileExistsError:
        raise GateError(f"{asked.file}: exists, and a key is never overwritten; name another file") from None
    except OSError as error:
        raise GateError(f"{asked.file}: cannot be written ({error.strerror}); name another file") from None
    now = datetime.now(UTC).replace(microsecond=0)
    entry = {
        "name": asked.name or asked.file.stem,
        "keyid": signer.keyid,
        "public": signer.public,
        "may": may,
        "valid_from": now.isoformat(),
        "valid_until": (now + _VALID).isoformat(),
    }
    print(f"private key in {asked.file}: keep it out of the repository; sign with {signing.SIGNER}=file2:{asked.file}")
    there = TRUSTED_KEYS.exists()
    what = "add to `keys` of" if there else "write as"
    print(f"{what} configs/trusted_keys.json, after a review as for code:")
    print(json.dumps(entry if there else {"schema": SCHEMA, "keys": [entry]}, indent=2))
    return 0
