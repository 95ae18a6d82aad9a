"""What does a whole release look like that is small enough to be judged in a second?

Heroes over recorded runs of 800 queries, under a policy with two steps and wide margins: `equal` is promoted,
`worse` finds nothing for two queries in five and is rolled back, `unsure` records no latency and is held (and less of
its confidence: answers equal in all numbers, of another configuration, would stop the run).
"""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from fixtures.lock import lock_material, write_lock
from fixtures.packs import load_hero
from gates.policy import load_policy
from tests import forked
from tests.edits import append, replace

QUERIES = 800
HEROES = ("equal", "worse", "unsure")

POLICY = dedent(
    """
    schema: hero-gate/policy/v1
    mode: evidence
    promotes: true
    baseline: baseline.yaml
    heroes: {HEROES}
    keep_runs: 5
    promotion: {valid_days: 7, approvals: 0}
    ladder:
      steps: [50, 100]
      window: 200
      min_windows: 1
      max_windows: 2
      total_windows: 4
      red_every: 50
      aa_every: 2
      preflight: 100
      calibration_looks_every: 1
    error_rates: {red: 0.01, green: 0.01}
    gates:
      calibrator_p99: {on_red: rollback, limit_ms: 1.0, share: 0.01}
      aece_tau: {on_red: rollback, red_above: 0.1, green_below: [0.5, 0.4], bins: 4}
      confidence_shift: {on_red: rollback, limit: 0.2}
      sla_recall_at_50_delta: {on_red: rollback, sla_ms: 150, margin: 0.2, final_margin: 0.1}
    guards:
      ndcg_at_10: {on_red: rollback, margin: 0.2}
      p95_latency: {on_red: rollback, margin_ms: 5, floor_ms: 5, margin_share: 0}
      p99_latency: {on_red: rollback, margin_ms: 20, floor_ms: 20, margin_share: 0, required: not_red}
      within_sla: {on_red: rollback, sla_ms: 150, share: 0.8}
      errors: {on_red: rollback, rate: 0.1}
      ece: {on_red: hold, limit: 0.1}
      file_credit: {on_red: rollback, limit: 0.2, margin: 0.1}
      spend: {on_red: rollback, cap_ms: 5, slack_ms: 1, share: 0.1}
    slices:
      intents: [all]
      recall: {on_red: rollback}
      ndcg: {on_red: rollback}
      calibration: {on_red: rollback, allowed: 0.1}
    instruments:
      lock: {on_red: hold}
      known_answers: {on_red: hold}
      preflight: {on_red: hold}
      traffic_share: {on_red: hold}
      aa_shadow: {on_red: hold, margin: 0.2}
      aa_dispersion: {on_red: hold}
      machine: {on_red: hold}
    sanity:
      queries: 100
      index_integrity: {on_red: hold, found: 0.9}
      oracle_queries: {on_red: hold}
      file_only: {on_red: hold, share: 0.5}
      sla_off: {on_red: hold}
      pool: {on_red: hold, share: 0.3, unknown: 0.05}
      core_search: {on_red: hold, share: 0.05}
      stop_rule: {on_red: hold, variance: 0.0001, range: 0.02, perfect: 0.99, gain: 0.5}
    letter: {aece_minus_tau: 0.01, tau_floor: 0.015, c_hat: 1.5, recall_lost: 0.0, red_windows: 2}
    left_out:
      calibrator_p99: a recorded run calls no calibrator
      spend: a recorded run does not say what a router spent
      oracle_queries: nobody knows the answers to made-up queries
      index_integrity: a recorded run has no index
    """
)


class Checkout:
    """A checkout in miniature, in which whole gates are run: a process each, as a release does."""

    afresh = False  # does each import all anew? It must where a room is replaced by another

    def __init__(
        self, folder: Path, template: Path | None = None, plugins: Sequence[str] = ("xdist", "allure_pytest")
    ) -> None:
        self.folder, self.out = folder, folder / "reports" / "out"
        self.plugins = [word for plugin in plugins for word in ("-p", plugin)]
        if template:  # else it lies there already
            shutil.copytree(template, folder, dirs_exist_ok=True)

    def gate(self, *arguments: str, hero: str = "equal") -> pytest.RunResult:
        """Run the canary."""
        return self.pytest("-m", "canary", f"--hero={hero}", *arguments)

    def pytest(self, *arguments: str) -> pytest.RunResult:
        """Run pytest, with the installed plugins that the gate works with and no others."""
        command = ["pytest", *self.plugins, *arguments]
        if self.afresh:
            done = subprocess.run([sys.executable, "-m", *command], cwd=self.folder, capture_output=True, text=True)
        else:
            done = forked.run(command, self.folder)
        return pytest.RunResult(done.returncode, done.stdout.splitlines(), done.stderr.splitlines(), duration=0)

    def lock(self) -> None:
        """Lock the heroes again: what a test has changed is what is released."""
        lock(self.folder)

    def also_load(self, plugin: str) -> None:
        """Let a plugin of the tests take part in every process of the run."""
        append(self.folder / "conftest.py", f"\npytest_plugins += ({plugin!r},)\n")
        self.lock()

    def meddle(self, code: str) -> None:
        """Let a conftest.py that nobody locked say this."""
        (self.folder / "suites" / "conftest.py").write_text(dedent(code), encoding="utf-8")

    def stand_in_for_reports(self, plugin: Path) -> None:
        """Let another module be reports.plugin."""
        room = self.folder / "stand_in" / "reports"
        room.mkdir(parents=True)
        (room / "__init__.py").touch()
        shutil.copy(plugin, room / "plugin.py")
        replace(self.folder / "pytest.ini", "pythonpath = ", "pythonpath = stand_in ")
        self.lock()

    def attestation(self, hero: str = "") -> dict[str, Any]:
        """What the last run left on record of a hero, or of the release."""
        path = self.folder / "reports" / "out" / hero / "attestation.json"
        recorded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return recorded

    def decision(self, hero: str = "") -> str:
        """The decision on record."""
        return str(self.attestation(hero)["decision"])


def write_release(folder: Path, root: Path) -> None:
    """Lay out a checkout in miniature: configuration, run files, the real suites, pytest.ini and requirements."""
    (folder / "requirements").mkdir()
    shutil.copy(root / "requirements" / "runtime.lock", folder / "requirements")
    configs = write_checkout(folder, root, QUERIES)
    (configs / "baseline.yaml").write_text(pack("incumbent", "equal"), encoding="utf-8")
    for name in HEROES:
        unsure = name == "unsure"
        (configs / f"{name}.run").write_text(
            run(lost=0.4 if name == "worse" else 0.0, latency=not unsure, digits=3 if unsure else 4)
        )
        (configs / f"{name}.yaml").write_text(pack(name, name), encoding="utf-8")
    declare(configs, HEROES)
    lock(folder)


def write_checkout(folder: Path, root: Path, queries: int) -> Path:
    """The real suites and pytest.ini, and judgements of so many queries; the folder of its configs."""
    shutil.copytree(root / "suites", folder / "suites", ignore=lambda *_: {"__pycache__"})
    for name in ("pytest.ini", "conftest.py"):  # locked, so the same wherever this repository lies: PYTHONPATH finds it
        shutil.copy(root / name, folder)
    configs = folder / "configs"
    configs.mkdir()
    judged = (f"q{q} 0 {_document(q, 0)} {1 + q % 3}\n" for q in range(queries))
    (configs / "qrels.txt").write_text("".join(judged), encoding="utf-8")
    return configs


def lock(folder: Path, root: Path | None = None) -> None:
    """Lock the heroes of the policy in its configs as they are now, by what `make lock` calls."""
    configs = folder / "configs"
    for name in load_policy(configs / "policy.yaml").heroes:
        hero = load_hero(name, configs, foreseen=False)
        collection = hero.baseline_kind.open_collection(lambda _: None)
        write_lock(hero, lock_material(hero, collection, root or folder))


def declare(configs: Path, heroes: Sequence[str]) -> None:
    """Let the policy declare these heroes, each with a pack of its name."""
    listed = ", ".join(f"{name}: {name}.yaml" for name in heroes)
    (configs / "policy.yaml").write_text(POLICY.replace("HEROES", listed), encoding="utf-8")


def pack(name: str, answers: str) -> str:
    """A pack whose system answers from `<answers>.run`."""
    return dedent(
        f"""
        schema: hero-gate/pack/v1
        name: {name}
        owner: Search Engineering
        claim: {{text: as its name says}}
        selected: {{system: recorded, run: {answers}.run, qrels: qrels.txt}}
        """
    )


def run(*, lost: float, latency: bool = True, digits: int = 4, queries: int = QUERIES) -> str:
    """A run file: three hits a query, calibrated confidence, the right document first or second, or not at all."""
    draw = random.Random(7)  # the same for every run: they differ only by what is asked for
    lines = []
    for q in range(queries):
        confidence, first, gone = draw.random(), draw.random(), draw.random() < lost
        milliseconds = f"{draw.uniform(5, 20):.3f}"
        milliseconds = milliseconds if latency else "-"
        right = (0, 1) if first < confidence else (1, 0)
        hits = [_document(q, 9 if gone and d == 0 else d) for d in (*right, 2)]
        lines += [
            f"q{q} Q0 {d} {rank} {10 - rank} tag {milliseconds} {confidence:.{digits}f}\n"
            for rank, d in enumerate(hits)
        ]
    return "".join(lines)


def _document(query: int, number: int) -> str:
    """A place of its own: no two of them overlap."""
    first = 1 + 10 * number
    return f"pkg/m{query}.py:{first}-{first + 8}"
