"""Which question about signed decisions is asked? `python -m reports.attestation COMMAND ...`."""

import importlib
import json
import sys
from collections.abc import Sequence

from gates.attestation import json_schema
from gates.errors import GateError

#: Command -> (module of this package whose `run(command, arguments)` answers it, what it does).
COMMANDS = {
    "verify": ("verify", "check a folder: signatures, chain, digests, evidence"),
    "replay": ("replay", "judge all evidence of a folder again and compare"),
    "show": ("show", "what was decided, on which evidence, and who vouches for it"),
    "diff": ("show", "in what two runs differ"),
    "log": ("show", "everything that was signed, in order"),
    "approve": ("say", "approve a decision"),
    "override": ("say", "lift a freeze window of the policy for a decision"),
    "key": ("keys", "make a key to sign with"),
    "schema": ("", "print the JSON Schema of attestation.json"),
}


def main(arguments: Sequence[str]) -> int:
    """Answer one command; 2 for none that exists, 1 with one line on the error stream where it cannot be done."""
    command = arguments[0] if arguments else ""
    if command not in COMMANDS:
        asked = command in ("-h", "--help")
        lines = ["usage: python -m reports.attestation COMMAND ... (each has --help)"]
        lines += [f"  {name:9} {what}" for name, (_, what) in COMMANDS.items()]
        print("\n".join(lines), file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    if command == "schema":
        print(json.dumps(json_schema(), indent=1))
        return 0
    module = importlib.import_module(f"reports.attestation.{COMMANDS[command][0]}")
    try:
        return int(module.run(command, arguments[1:]))
    except GateError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
