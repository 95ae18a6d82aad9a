"""What may stand in an attestation.json? `schema` prints docs/attestation.schema.json."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gates.attestation import json_schema


def run(command: str, arguments: Sequence[str]) -> int:
    """`schema`: it takes no argument."""
    print(json.dumps(json_schema(), indent=1))
    return 0
