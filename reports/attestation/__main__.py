"""Which question about signed decisions is asked? `python -m reports.attestation COMMAND ...`."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from gates.errors import GateError
from gates.place import HERE
from reports.attestation.trust import ROLES

_WORD = ("--hero", "--by", "--why", "--ticket", "--until")


def main(arguments: Sequence[str]) -> int:
    """Answer one command; 2 for none that exists, 1 with one line on the error stream where it cannot be done."""
    asked = _parser().parse_args(arguments)
    module = importlib.import_module(f"reports.attestation.{asked.module}")  # each brings what it needs, and no more
    try:
        return int(getattr(module, asked.answer)(asked))
    except GateError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=HERE.typed("python -m reports.attestation"), description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, place: str, what: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=what, description=what)
        module, _, answer = place.partition(".")
        added.set_defaults(module=module, answer=answer)
        return added

    verify = command("verify", "verify.run", "check a folder: signatures, chain, digests, evidence")
    verify.add_argument("--head", default="", help="digest of a statement that must be in the chain")
    verify.add_argument("--require-trusted", action="store_true", help="1 where any statement counts as none")
    replay = command("replay", "replay.run", "judge all evidence of a folder again and compare")
    show = command("show", "show.show", "what was decided, on which evidence, and who vouches for it")
    log = command("log", "show.log", "everything that was signed, in order")
    approve = command("approve", "say.run", "approve a decision")
    override = command("override", "say.run", "lift a freeze window of the policy for a decision")
    for one in (verify, replay, show, log, approve, override):
        one.add_argument("folder", type=Path, metavar="DIR", help="artifacts folder, e.g. reports/out, or a copy of it")
        one.add_argument("--trust", type=Path, help="trust root (default: configs/trusted_keys.json)")
    for one in (approve, override):
        for option in _WORD:
            one.add_argument(option, required=True)
    key = command("key", "trust.new_key", "make a key to sign with, and print what to add to configs/trusted_keys.json")
    key.add_argument("file", type=Path, metavar="FILE", help="where the private key goes; it must not exist")
    key.add_argument("--name", help="how people know the key (default: the file's name)")
    key.add_argument("--may", default="decide", help=f"what it may sign, of {','.join(ROLES)} (default: decide)")
    key.add_argument("--type", choices=("ed25519", "ecdsa"), default="ed25519", help="ecdsa is P-256")
    command("schema", "document.schema", "print the JSON Schema of attestation.json")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
