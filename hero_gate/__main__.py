"""Which command is asked of the gate? `hero-gate COMMAND ...`, in a checkout `./hero-gate`; it ends as that ends."""

import difflib
import os
import sys
from collections.abc import Sequence

from gates.extras import lacking
from gates.place import HERE
from gates.status import MISTAKE

#: Command -> (what Python is to run, what it does). What follows the command on the line is passed on.
COMMANDS = {
    "demo": ("hero_gate.demo", "three made-up heroes and what the gate says of them: start here"),
    "compare": ("hero_gate.compare", "A.run B.run --qrels Q: is one run file better than another? no YAML, seconds"),
    "init": ("hero_gate.init", "A.run B.run --qrels Q: the same as configs of your own, to lock, judge and promote"),
    "pipeline": ("hero_gate.pipeline", "all five phases, from sanity to reports, promoting what the policy lets it"),
    "canary": ("pytest -m canary", "decide about a hero, --hero=NAME: 0 PROMOTE, 10 HOLD, 20 ROLLBACK"),
    "plan": ("pytest -m canary --plan", "what a canary needs and would find; runs nothing"),
    "sanity": ("pytest -m sanity", "the battery before the climb, alone"),
    "select": ("pytest -m select", "compare the systems of a hero's grid; --write selects the best"),
    "lock": ("pytest -m lock --write", "freeze what is released of a hero"),
    "promote": ("reports.promotion promote", "make an attested hero the baseline"),
    "rollback": ("reports.promotion rollback", "bring the previous baseline back"),
    "exception": ("reports.promotion exception", "let a hero serve for a while without a PROMOTE"),
    "serving": ("reports.promotion serving", "what serves, and by whose word"),
    "dashboard": (
        "automation dashboard",
        "write the page of what serves, what is due and what needs a person",
    ),
    "verify": ("reports.attestation verify", "check a folder of results: signatures, chain, digests, evidence"),
    "replay": ("reports.attestation replay", "judge its evidence again and compare"),
    "show": ("reports.attestation show", "what was decided there, and who vouches for it"),
    "report": ("reports.render.allure_page", "the Allure results of the last canary as one HTML file"),
    "approve": ("reports.attestation approve", "approve a decision"),
    "override": ("reports.attestation override", "lift a freeze window of the policy for a decision"),
    "key": ("reports.attestation key", "make a key to sign with, and print what to trust of it"),
    "log": ("reports.attestation log", "everything that was signed there, in order"),
    "documents": ("reports.documents", "what people read of it who were not there: twelve documents, signed"),
    "nightly": ("pytest -m nightly", "the four jobs of a night"),
    "weekly": ("pytest -m weekly", "the four jobs of a week"),
    "continuous": ("pytest -m continuous", "one round of what is probed all day"),
    "emergency": (
        "pytest -c suites/continuous/emergency.ini suites/continuous/test_emergency.py",
        "the emergency tripwire alone",
    ),
    "jobs": ("automation", "when the jobs run: list, status, install, tick"),
    "alerts": ("automation.outbox", "what is firing, and what waits to be told: show, flush, close"),
    "lens": ("lens", "search from the terminal, fit the calibrator, make oracles"),
    "pytest": ("pytest", "what checks and jobs are made of: -m MARKER, e.g. -m drift --write"),
}


def main(arguments: Sequence[str]) -> int:
    """Become the command that is asked for. Returns 0 after --help, 4 with a line where there is no such command."""
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        print(HERE.typed("usage: ./hero-gate COMMAND ... (each has --help; --version: what runs, for which folder)"))
        print("\n".join(f"  {command:11} {what}" for command, (_, what) in COMMANDS.items()))
        return 0
    if name == "--version":
        print(f"hero-gate of commit {HERE.commit}; code in {HERE.house}, configs and results in {HERE.home}")
        return 0
    if name not in COMMANDS:
        near = " or ".join(difflib.get_close_matches(name, COMMANDS, cutoff=0.7))
        way_out = f"did you mean {near}?" if near else "--help lists all"
        print(f"hero-gate {name}: no such command; {way_out}", file=sys.stderr)
        return MISTAKE
    if name == "lens" and (gone := lacking("lens")):
        print(f"hero-gate {name}: {gone}", file=sys.stderr)
        return MISTAKE
    module, *words = *COMMANDS[name][0].split(), *arguments[1:]
    os.environ.update(HERE.environment(os.environ))
    # in place of this process: what guards a command's exit status finds nothing around it
    os.execv(sys.executable, [sys.executable, "-m", module, *(HERE.session(words) if module == "pytest" else words)])


def door() -> int:
    """The command `hero-gate` of an installed tool."""
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(door())
