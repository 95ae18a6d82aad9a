"""In what do two runs differ? Configuration, evidence, verdicts and decisions of the heroes of both: `diff RUN RUN`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gates.errors import GateError
from reports.attestation.files import MALFORMED
from reports.attestation.statements import ATTESTATION, SECTIONS, Document
from reports.escaping import clean, cut

_WIDTH = 48


class DiffError(GateError):
    """The two cannot be compared; one line: what, where, and the way out."""


def run(command: str, arguments: Sequence[str]) -> int:
    """`diff`: a line a difference, 0 whether or not there is one. It says what is written, not whether it is signed."""
    parser = argparse.ArgumentParser(prog=f"python -m reports.attestation {command}", description=__doc__)
    parser.add_argument("before", type=Path, metavar="RUN", help="a run's folder: reports/out or one below history/")
    parser.add_argument("after", type=Path, metavar="RUN")
    asked = parser.parse_args(arguments)
    before, after = _heroes(asked.before), _heroes(asked.after)
    for name in sorted(before.keys() | after.keys()):
        if name not in before or name not in after:
            print(f"{name}: only in {asked.before if name in before else asked.after}")
            continue
        try:
            lines = [f"  {line}" for line in differences(before[name], after[name])]
        except MALFORMED as error:
            raise DiffError(f"{name}/{ATTESTATION}: not an attestation ({type(error).__name__}); verify it") from None
        print("\n".join([f"{name}:", *lines] if lines else [f"{name}: no difference"]))
    return 0


def differences(before: Document, after: Document) -> Iterator[str]:
    """What differs between two attestations of a hero."""
    yield from _changes("decision", {"": before["decision"]}, {"": after["decision"]})
    yield from _changes("lock", _flat(before["lock_material"]), _flat(after["lock_material"]))
    yield from _changes("evidence", _evidence(before), _evidence(after))
    yield from _changes("verdict", _verdicts(before), _verdicts(after))


def _changes(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(before.keys() | after.keys()):
        old, new = (json.dumps(side[key]) if key in side else "absent" for side in (before, after))
        if old != new:
            yield f"{what} {clean(key)}: {cut(old, _WIDTH)} > {cut(new, _WIDTH)}".replace(" :", ":")


def _flat(material: Any, path: str = "") -> dict[str, Any]:
    """Nested keys as dotted ones."""
    if not isinstance(material, dict) or not material:
        return {path: material} if path else {}
    found: dict[str, Any] = {}
    for key, value in material.items():
        found |= _flat(value, f"{path}.{key}" if path else key)
    return found


def _evidence(hero: Document) -> dict[str, Any]:
    """The content of the evidence, however it is encoded, and how much of it there is."""
    return {f"{entry['name']} {key}": entry[key] for entry in hero["evidence"] for key in ("logical_sha256", "rows")}


def _verdicts(hero: Document) -> dict[str, Any]:
    found = {f"{gate['gate']} at {s['percent']} %": gate["verdict"] for s in hero["steps"] for gate in s["gates"]}
    for section, key in SECTIONS.items():
        found |= {cell[key]: cell["verdict"] for cell in hero.get(section, ())}
    return found


def _heroes(folder: Path) -> dict[str, Document]:
    """The attestations of a run's folder, by hero."""
    found = {}
    for path in sorted(folder.glob(f"*/{ATTESTATION}")):
        try:
            found[path.parent.name] = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise DiffError(f"{path}: cannot be read ({type(error).__name__}); verify {folder}") from None
    if not found:
        raise DiffError(f"{folder}: holds no <hero>/{ATTESTATION}; name a run's folder, such as reports/out")
    return found
