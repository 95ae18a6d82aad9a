"""Who wants the baseline changed, and how? `python -m reports.promotion promote | rollback`."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from gates.errors import GateError
from reports.attestation import trust
from reports.promotion.change import promote, roll_back
from reports.promotion.conditions import Wanted
from reports.promotion.journal import NotRecorded


def main(arguments: Sequence[str]) -> int:
    """`promote` and `rollback`: 0 when done, 1 when refused."""
    parser = argparse.ArgumentParser(prog="python -m reports.promotion", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    promoting = commands.add_parser("promote", help="make an attested hero the baseline")
    promoting.add_argument("--hero", required=True, help="a hero of the policy, or the path of a pack")
    promoting.add_argument("--accept-untrusted", action="store_true", help="though nobody vouches for a key; recorded")
    backing = commands.add_parser("rollback", help="bring the previous baseline back")
    for command in (promoting, backing):
        command.add_argument("--artifacts", type=Path, default=Path("reports/out"))
        command.add_argument("--configs", type=Path, default=Path("configs"))
        command.add_argument("--trust", type=Path, help="trust root (default: configs/trusted_keys.json)")
        command.add_argument("--by", default=getpass.getuser(), help="who does it")
        command.add_argument("--why", default="", help="in a sentence")
    given = parser.parse_args(arguments)
    try:
        asked = Wanted(
            artifacts=given.artifacts,
            configs=given.configs,
            by=given.by,
            why=given.why,
            root=trust.read_trust(given.trust),
            now=datetime.now(UTC),
            accept_untrusted=given.command == "promote" and given.accept_untrusted,
        )
        told = promote(asked, given.hero) if given.command == "promote" else roll_back(asked)
    except GateError as error:
        print(error if isinstance(error, NotRecorded) else f"refused: {error}", file=sys.stderr)
        return 1
    print("\n".join(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
