"""Who wants the baseline changed, and how? `python -m reports.promotion COMMAND`."""

import argparse
import getpass
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from gates.archive import folder
from gates.errors import GateError
from gates.place import HERE
from reports.attestation import trust
from reports.dashboard.writing import write_dashboard
from reports.promotion.change import promote, roll_back, serve_by_exception
from reports.promotion.conditions import Wanted
from reports.promotion.journal import NotRecorded
from reports.promotion.serving import what_serves


def main(arguments: Sequence[str]) -> int:
    """0 when it is done, 1 when it is refused."""
    parser = argparse.ArgumentParser(prog=HERE.typed("python -m reports.promotion"), description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    promoting = commands.add_parser("promote", help="make an attested hero the baseline")
    backing = commands.add_parser("rollback", help="bring the previous baseline back")
    without = "let a hero serve for a while without a PROMOTE: it owes a canary"
    excepting = commands.add_parser("exception", help=without)
    excepting.add_argument("--ticket", required=True, help="where it was asked for")
    excepting.add_argument("--until", required=True, help="a day (to its end, UTC) or a time with its zone")
    for command in (promoting, excepting):
        command.add_argument("--hero", required=True, help="a hero of the policy, or the path of a pack")
        command.add_argument(
            "--accept-untrusted", action="store_true", help="though nobody vouches for a key; recorded"
        )
    telling = commands.add_parser("serving", help="what serves, and by which word of whom")
    for command in (promoting, backing, excepting, telling):
        command.add_argument("--artifacts", type=folder, default=Path("reports/out"))
        command.add_argument("--configs", type=Path, default=Path("configs"))
        command.add_argument("--trust", type=Path, help="trust root (default: configs/trusted_keys.json)")
        command.add_argument("--by", default=getpass.getuser(), help="who does it")
        command.add_argument("--why", default="", help="in a sentence")
    given, status = parser.parse_args(arguments), 0
    try:
        asked = Wanted(
            artifacts=given.artifacts,
            configs=given.configs,
            by=given.by,
            why=given.why,
            root=_trust(given),
            now=datetime.now(UTC),
            accept_untrusted=getattr(given, "accept_untrusted", False),
        )
        told = {
            "promote": lambda: promote(asked, given.hero),
            "rollback": lambda: roll_back(asked),
            "exception": lambda: serve_by_exception(asked, given.hero, given.ticket, given.until),
            "serving": lambda: what_serves(asked),
        }[given.command]()
        print("\n".join(told), flush=True)
    except NotRecorded as error:
        print(error, file=sys.stderr)
        status = 1
    except GateError as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    if given.command != "serving" and (trouble := write_dashboard(asked, given.command)):
        print(trouble, file=sys.stderr)
    return status


def _trust(given: argparse.Namespace) -> trust.TrustRoot:
    """The trust root; a rollback asks nobody, so one that cannot be read is not in its way."""
    try:
        return trust.read_trust(given.trust)
    except GateError:
        if given.command == "rollback":
            return trust.NO_KEYS
        raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
