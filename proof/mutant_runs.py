"""How is a seeded fault run? In a copy of the checkout, by the command that a release is judged with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixtures.packs import Hero, load_hero
from gates.attestation import ATTESTATION, Attestation
from gates.documents import read_yaml
from gates.verdicts import Verdict
from proof.mutant import Edit, FileFault, Mutant

NOT_COPIED = {"tests", "docs", "benchmarks", "proof"}  # what no canary reads
SECONDS = 900  # after which a run is given up


class MutantError(Exception):
    """A fault cannot be seeded. One line: what was found, what is expected, where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one canary left behind."""

    status: int
    decision: str  # "" where none was recorded
    reasons: tuple[str, ...]
    red: frozenset[str]  # checks whose cells are RED
    said: str  # all that it printed
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where mutants are run: a copy of the checkout, and the folder of the policy as --configs names it."""

    checkout: Path
    configs: str


def copy_checkout(root: Path, to: Path) -> None:
    """Copy what git knows or would add, so that a mutated copy is what a commit would be. Raises MutantError."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise MutantError(f"{root}: not a git checkout, but mutants are seeded in what git knows; run in a clone")
    for name in filter(None, listed.stdout.split("\0")):
        if name.partition("/")[0] not in NOT_COPIED and (root / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)


def lock_hero(scene: Scene, hero: str) -> None:
    """Lock the unchanged hero in the copy, so that nothing but a fault can stop it. Raises MutantError."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "lock", "--write"]
    asked = [f"--hero={hero}", f"--configs={scene.configs}"]
    done = subprocess.run([*command, *asked], cwd=scene.checkout, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines() or ["it said nothing"]
        raise MutantError(f"{hero}: cannot be locked: {said[-1]}")


def apply_edit(edit: Edit, checkout: Path) -> None:
    """Change one file. Raises MutantError where its old text does not stand there exactly once."""
    path = checkout / edit.file
    if not edit.old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(edit.new, encoding="utf-8")
        return
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if (found := text.count(edit.old)) != 1:
        raise MutantError(f"{edit.file}: {edit.old.strip()!r} stands there {found} times, but should once")
    path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def run_mutant(mutant: Mutant, scene: Scene, hero: str) -> Run:
    """Seed a fault in a hero (a name or a pack's path, as --hero takes it) and run the canary. Raises MutantError."""
    with tempfile.TemporaryDirectory(prefix="hero-gate-mutant-") as folder:
        place, checkout = Path(folder), scene.checkout
        if mutant.edits:
            checkout = place / "checkout"
            # with its compiled modules, so that only those that are changed are compiled again
            shutil.copytree(scene.checkout, checkout, ignore=shutil.ignore_patterns("*.pyc.*"))
            for edit in mutant.edits:
                apply_edit(edit, checkout)
        asked = hero
        if mutant.pack or mutant.file:
            asked = str(write_pack(mutant, load_hero(_found(hero, checkout), checkout / scene.configs), place))
        if mutant.relock:
            lock_hero(Scene(checkout=checkout, configs=scene.configs), asked)
        name = _name(hero, checkout / scene.configs, checkout) if mutant.arguments else ""
        arguments = [argument.format(hero=name) for argument in mutant.arguments]
        return run_canary(
            checkout, scene.configs, asked, place / "out", arguments=arguments, environment=mutant.environment
        )


def run_canary(
    checkout: Path,
    configs: str,
    hero: str,
    artifacts: Path,
    *,
    arguments: list[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Run:
    """Judge a hero by pytest, as a release is judged, and read what was recorded."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-m", "canary", f"--hero={hero}", f"--configs={configs}"]
    try:
        done = subprocess.run(
            [*command, f"--artifacts={artifacts}", *(arguments or [])],
            cwd=checkout, env={**os.environ, **(environment or {})},
            capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False,
        )  # fmt: skip
        status, said = done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        status, said = -1, f"not finished after {SECONDS} s"
    recorded = [Attestation.read_file(path) for path in artifacts.glob(f"*/{ATTESTATION}")]
    attested = recorded[0] if recorded else None
    return Run(
        status=status,
        decision=str(attested.decision) if attested else "",
        reasons=attested.reasons if attested else (),
        red=frozenset(c.check for c in attested.cells if c.verdict is Verdict.RED) if attested else frozenset(),
        said=said,
        seconds=time.monotonic() - begun,
    )


def write_pack(mutant: Mutant, hero: Hero, folder: Path) -> Path:
    """The hero's pack with the fault in it, in another folder."""
    document = read_yaml(Path(hero.subject.source))
    changed = {}
    if mutant.file is not None:
        path = folder / f"changed-{mutant.file.key}"
        path.write_text("".join(f"{line}\n" for line in changed_lines(mutant.file, hero)), encoding="utf-8")
        changed = {mutant.file.key: str(path)}
        document["selected"] = {**hero.system, **changed}
    if "baseline" in document:  # then paths start from the pack's folder, which is another one now
        document["selected"] = {**_absolute(hero.system, hero.folder), **changed}
        shared = {key: value for key, value in changed.items() if key != "run"}
        document["baseline"] = {**_absolute(hero.baseline_system, hero.folder), **shared}
    pack = folder / "mutant.yaml"
    # JSON is YAML, and has no anchors, which packs may not
    pack.write_text(json.dumps(_merged(document, mutant.pack), indent=1), encoding="utf-8")
    return pack


def changed_lines(fault: FileFault, hero: Hero) -> list[str]:
    """The lines of the file, with the fault."""
    return fault.change((hero.folder / str(hero.system[fault.key])).read_text(encoding="utf-8").splitlines())


def _name(hero: str, configs: Path, checkout: Path) -> str:
    return load_hero(_found(hero, checkout), configs).subject.name


def _found(hero: str, checkout: Path) -> str:
    """A pack's path, from the checkout; a name stays one."""
    return str(checkout / hero) if hero.endswith((".yaml", ".yml")) else hero


def _absolute(system: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A `selected` block whose files are named from the root."""
    return {
        key: str((folder / value).resolve()) if isinstance(value, str) and (folder / value).is_file() else value
        for key, value in system.items()
    }


def _merged(document: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(document)
    for key, value in more.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return merged
