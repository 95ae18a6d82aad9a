"""How is a seeded fault run, and was it caught by the check that must? Being held for another reason is luck.

Each is run by the command that a release is judged with; where the configs are ours, in a copy of them.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fixtures.packs import Hero, load_hero
from fixtures.systems.kinds import SystemKind
from gates.attestation import ATTESTATION, Attestation
from gates.checks.registry import BY_INTENT, BY_KEY
from gates.documents import merged, read_yaml
from gates.errors import ConfigError
from gates.policy import load_policy
from gates.verdicts import Verdict
from proof.mutants.mutant import NAMED, REFUSALS, Mutant

SECONDS = 900  # after which a run is given up

#: The only reason of a good hero on a corpus that proves nothing about production: as good as a promotion.
NEVER_PROMOTES = "policy: promotes is false, so the best decision is HOLD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one canary left behind."""

    status: int
    decision: str  # "" where none was recorded
    reasons: tuple[str, ...]
    red: frozenset[str]  # checks whose cells are RED
    said: str  # all that it printed
    seconds: float


class Score(NamedTuple):
    """Whether a fault was caught, and what the run said."""

    caught: bool
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where mutants are run: in which checkout, and the folder of the policy as --configs names it."""

    checkout: Path
    configs: str

    @property
    def asked(self) -> tuple[str, str]:
        """Options of every run: the policy by its own rule, enforced where it only warns."""
        rule = load_policy(self.checkout / self.configs / "policy.yaml").rule
        return f"--configs={self.configs}", f"--decision-mode={rule}"


def lock_hero(scene: Scene, hero: str) -> None:
    """Lock the unchanged hero, so that nothing but a fault can stop it. Raises ConfigError."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "lock", "--write"]
    asked = [f"--hero={hero}", *scene.asked]
    done = subprocess.run([*command, *asked], cwd=scene.checkout, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines() or ["it said nothing"]
        raise ConfigError([f"{hero}: cannot be locked: {said[-1]}"])


def run_mutant(mutant: Mutant, scene: Scene, hero: str) -> Run:
    """Seed a fault in a hero (a name or a pack's path, as --hero takes it) and run the canary. Raises ConfigError."""
    with tempfile.TemporaryDirectory(prefix="hero-gate-mutant-") as folder:
        place = Path(folder)
        named = str(scene.checkout / hero) if hero.endswith((".yaml", ".yml")) else hero
        unchanged = load_hero(named, scene.checkout / scene.configs)
        asked = str(write_pack(mutant, unchanged, place)) if mutant.pack else hero
        arguments = [argument.format(hero=unchanged.subject.name) for argument in mutant.arguments]
        environment = {name: value.format(folder=place) for name, value in mutant.environment.items()}
        if mutant.patch:
            arguments, environment = ["-p", "proof.mutants.plugin", *arguments], {**environment, NAMED: mutant.name}
        return run_canary(scene, asked, place / "out", arguments, environment)


def run_canary(
    scene: Scene, hero: str, artifacts: Path, arguments: Sequence[str], environment: Mapping[str, str]
) -> Run:
    """Judge a hero by pytest, as a release is judged, and read what was recorded."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-m", "canary", f"--hero={hero}", *scene.asked]
    try:
        done = subprocess.run(
            [*command, f"--artifacts={artifacts}", *arguments],
            cwd=scene.checkout, env={**os.environ, **environment},
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
    document = read_yaml(Path(hero.subject.source.partition(":")[0]))  # whichever row of its grid it is
    if "changes" in document:  # a fault is seeded into the whole of what it is
        document = {key: value for key, value in document.items() if key not in ("changes", "grid")}
        document["selected"] = dict(hero.system_kind.block)
    if "baseline" in document:  # then paths start from the pack's folder, which is another one now
        document |= {"selected": _absolute(hero.system_kind), "baseline": _absolute(hero.baseline_kind)}
    pack = folder / "mutant.yaml"
    # JSON is YAML, and has no anchors, which packs may not
    pack.write_text(json.dumps(merged(document, mutant.pack), indent=1), encoding="utf-8")
    return pack


def _absolute(kind: SystemKind) -> dict[str, Any]:
    """Its `selected` block, whose files are named from the root."""
    return {
        key: str(kind.path(key).resolve()) if isinstance(value, str) and kind.path(key).is_file() else value
        for key, value in kind.block.items()
    }


def promoted(run: Run) -> bool:
    """Would anyone who reads the exit status or the attestation release this hero?"""
    return run.status == 0 or run.decision == "PROMOTE" or run.reasons == (NEVER_PROMOTES,)


def score(mutant: Mutant, run: Run) -> Score:
    """Caught when the run did not promote, and the named check is RED or gave the expected reason."""
    if promoted(run):
        return Score(False, "promoted")
    if mutant.check in run.red:
        return Score(True, f"{mutant.check} is RED")
    if found := next((check for check in sorted(run.red) if check.startswith(_slices(mutant.check))), ""):
        return Score(True, f"{found}, a slice of {mutant.check}, is RED")
    if mutant.says and (line := _said(mutant, run)):
        return Score(True, line)
    return Score(False, f"stopped, but by: {first_reason(run)}")


def _slices(check: str) -> tuple[str, ...]:
    """How the keys of its slices begin: they ask its question on one intent, and may be RED a look earlier."""
    known = BY_KEY.get(check)
    same = (s for s in BY_INTENT.values() if known and (s.decides, s.measure) == (known.decides, known.measure))
    return tuple(f"{one.key}_" for one in same)


def first_reason(run: Run) -> str:
    """Why a run did not promote, in its own words."""
    lines = [line for line in run.said.splitlines() if line.startswith(("ERROR", "E  "))] or run.said.splitlines()
    return next(iter(run.reasons), "") or next((line for line in lines if line.strip()), "it said nothing")


def _said(mutant: Mutant, run: Run) -> str:
    """The reason or refusal that holds the expected words; a check's own reason where a check is named."""
    if mutant.check not in REFUSALS:
        return next((r for r in run.reasons if r.startswith(mutant.check) and mutant.says in r), "")
    lines = run.reasons if run.decision else run.said.splitlines()
    return next((line for line in lines if mutant.says in line), "")
