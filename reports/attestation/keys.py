"""How does one get a key to sign with, and what must be added so that others trust it? `key FILE`."""

import argparse
import json
import os
from datetime import UTC, datetime, timedelta

from gates.errors import GateError
from reports.attestation.signing import SIGNER, make_key
from reports.attestation.trust import ROLES, SCHEMA, TRUSTED_KEYS

_VALID = timedelta(days=365)


def run(asked: argparse.Namespace) -> int:
    """`key`: write a private key, print what to add to configs/trusted_keys.json."""
    may = asked.may.split(",")
    wrong = [role for role in may if role not in ROLES]
    if wrong:
        raise GateError(f"--may={asked.may}: {wrong[0]!r} is no role; there are {', '.join(ROLES)}")
    signer, private = make_key(asked.type)
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
    print(f"private key in {asked.file}: keep it out of the repository; sign with {SIGNER}=file2:{asked.file}")
    there = TRUSTED_KEYS.exists()
    what = "add to `keys` of" if there else "write as"
    print(f"{what} configs/trusted_keys.json, after a review as for code:")
    print(json.dumps(entry if there else {"schema": SCHEMA, "keys": [entry]}, indent=2))
    return 0
