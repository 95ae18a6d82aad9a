"""How does one get a key to sign with, and what must be added so that others trust it? `key FILE`."""

import argparse
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

from gates.errors import GateError
from reports.attestation.signing import SIGNER, make_key
from reports.attestation.trust import Role

_ROLES = get_args(Role)
_VALID = timedelta(days=365)


def run(command: str, arguments: Sequence[str]) -> int:
    """`key`: write a private key, print what to add to configs/trusted_keys.json."""
    parser = argparse.ArgumentParser(prog=f"python -m reports.attestation {command}", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="where the private key goes; it must not exist")
    parser.add_argument("--name", help="how people know the key (default: the file's name)")
    parser.add_argument("--may", default="decide", help=f"what it may sign, of {','.join(_ROLES)} (default: decide)")
    parser.add_argument("--type", choices=("ed25519", "ecdsa"), default="ed25519", help="ecdsa is P-256")
    asked = parser.parse_args(arguments)
    may = asked.may.split(",")
    wrong = [role for role in may if role not in _ROLES]
    if wrong:
        raise GateError(f"--may={asked.may}: {wrong[0]!r} is no role; there are {', '.join(_ROLES)}")
    signer, private = make_key(asked.type)
    _write_secret(asked.file, private)
    now = datetime.now(UTC).replace(microsecond=0)
    entry = {
        "name": asked.name or asked.file.stem,
        "keyid": signer.keyid,
        "public": signer.public,
        "may": may,
        "valid_from": now.isoformat(),
        "valid_until": (now + _VALID).isoformat(),
    }
    print(f"private key in {asked.file}: keep it out of the repository; sign with {SIGNER}=file2:{asked.file}")
    print("add to `keys` of configs/trusted_keys.json, after a review as for code:")
    print(json.dumps(entry, indent=2))
    return 0


def _write_secret(file: Path, content: bytes) -> None:
    """Write a new file that only its owner can read, at no moment otherwise."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(content)
    except FileExistsError:
        raise GateError(f"{file}: exists, and a key is never overwritten; name another file") from None
    except OSError as error:
        raise GateError(f"{file}: cannot be written ({error.strerror}); name another file") from None
