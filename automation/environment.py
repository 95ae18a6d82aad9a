"""What of this shell's environment do the jobs need, and with which line does a timer give it to them?

cron and systemd start a tick with next to nothing. What an install finds is kept in a file that this user alone can
read, and the line sources it: no secret stands in a crontab or a unit.
"""

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from gates.archive import mark, state_of
from gates.errors import GateError
from reports.alerts.rules import load_alert_rules

_KEPT = re.compile(r"HERO_GATE_\w+|XDG_CACHE_HOME|PATH|SSL_CERT_FILE|(https?|no|all)_proxy", re.IGNORECASE)
#: Scheme of HERO_GATE_SIGNER -> how the variables begin that its service reads.
_OF_SIGNER = {"awskms": "AWS_", "azurekms": "AZURE_", "gcpkms": "GOOGLE_", "hv": "VAULT_"}


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
