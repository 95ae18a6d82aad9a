"""With which line does this machine tick, and what of this shell's environment does that line give to the jobs?

Exactly one line of the user's crontab, marked with its checkout; all others stay byte for byte. Times are no business
of cron: it fires every minute in whatever zone the machine lives (Debian's ignores CRON_TZ), and the tick knows the
schedule's own zone. The target's verifier is crontab itself, which refuses a table with a mistake and leaves the old
one. cron and systemd start a tick with next to nothing: what an install finds is kept in a file that this user alone
can read, and the line sources it: no secret stands in a crontab or a unit.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from gates.archive import mark, state_of
from gates.errors import GateError
from gates.place import HERE
from reports.alerts.rules import load_alert_rules

_KEPT = re.compile(r"HERO_GATE_\w+|XDG_CACHE_HOME|PATH|SSL_CERT_FILE|(https?|no|all)_proxy", re.IGNORECASE)
#: Scheme of HERO_GATE_SIGNER -> how the variables begin that its service reads.
_OF_SIGNER = {"awskms": "AWS_", "azurekms": "AZURE_", "gcpkms": "GOOGLE_", "hv": "VAULT_"}


def install(root: Path, command: str) -> str:
    """Put the line in that runs this command every minute; says what was done. Raises GateError if crontab refuses."""
    new = f"* * * * * {command} {_marker(root)}".replace("%", "\\%")  # cron reads % as a line's end
    old = _crontab("-l")
    kept = _without(old, root)
    if kept and not kept.endswith(b"\n"):
        kept += b"\n"
    table = kept + new.encode() + b"\n"
    if sorted(old.splitlines()) == sorted(table.splitlines()):
        return f"the crontab ticks already: {new}"
    _crontab("-", table)
    return f"added to the crontab: {new}"


def uninstall(root: Path) -> str:
    """Take the line of this checkout out; says what was done."""
    old = _crontab("-l")
    kept = _without(old, root)
    if kept == old:
        return f"the crontab has no line for {root}"
    _crontab("-", kept)
    return f"removed from the crontab: the line for {root}"


def _marker(root: Path) -> str:
    return f"# hero-gate tick {root}"


def _without(table: bytes, root: Path) -> bytes:
    ours = _marker(root).replace("%", "\\%").encode()
    return b"".join(text for text in table.splitlines(keepends=True) if not text.rstrip().endswith(ours))


def _crontab(argument: str, table: bytes | None = None) -> bytes:
    """The table of `crontab -l`, or b"" of `crontab -`, which puts this one in its place. Raises GateError."""
    try:
        done = subprocess.run(["crontab", argument], input=table, capture_output=True, check=False)
    except FileNotFoundError:
        raise GateError(
            "crontab: no such command; install cron (Debian: apt-get install cron), or run "
            f"{HERE.typed('python -m automation emit')}"
        ) from None
    if done.returncode == 0 or (argument == "-l" and b"no crontab for" in done.stderr):
        return done.stdout
    said = done.stderr.decode("utf-8", "replace").strip().replace("\n", " ") or f"exit status {done.returncode}"
    raise GateError(f"crontab {argument}: {said}; nothing was changed")


def kept_by(schedule: Path) -> Path:
    """The file of a schedule: not below the artifacts folder, which may be removed, nor among what is locked."""
    return state_of(schedule.parent) / "tick.env"


def needed(configs: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """What is to be kept. Raises GateError where a variable that the configuration names is not set."""
    scheme, _, rest = environment.get("HERO_GATE_SIGNER", "").partition(":")
    delivery = load_alert_rules(configs).delivery
    named = {"HERO_GATE_SIGNER": rest} if scheme == "env" else {}
    if delivery.apprise is not None:
        named[str(configs / "alerts.yaml")] = delivery.apprise.urls_env
    for who, name in named.items():
        if not environment.get(name):
            raise GateError(f"{name} is not set, but {who} names it: export it, then install again")
    of_signer = _OF_SIGNER.get(scheme, "\0")
    return {
        name: value
        for name, value in sorted(environment.items())
        if _KEPT.fullmatch(name) or name in named.values() or name.startswith(of_signer)
    }


def keep(path: Path, variables: Mapping[str, str]) -> None:
    """Write the file that the line sources, for this user alone."""
    mark(path.parent)  # git shows nothing of it: there may be secrets among them
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def line(root: Path, words: Sequence[str], ledger: Path, kept: Path) -> str:
    """What a timer's shell does. It makes the log's folder anew where somebody removed it."""
    folder, log, here, file = map(shlex.quote, map(str, (ledger.parent, ledger.parent / "tick.log", root, kept)))
    tick = f"set -a && . {file} && set +a && exec {shlex.join(words)}"
    text = f"mkdir -p {folder} && cd {here} && {{ {tick}; }} >> {log} 2>&1"
    if "\n" in text:
        raise GateError(f"{text!r}: a path with a line break cannot stand in a timer; move the checkout")
    return text
