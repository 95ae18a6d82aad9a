"""What does a judged release look like? Each hero of the miniature checkout, climbed once and left on disk."""

import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.parts import merge_parts
from fixtures.packs import load_hero
from gates.release import Outcome, Release
from gates.rule.climbed import read_climbed
from gates.rule.decide import Seen, decide, plan
from gates.verdicts import OUTCOME, Verdict
from rollout.battery import Battery
from rollout.ladder import Ladder
from tests.once import made_once
from tests.recorded_release import HEROES
from tests.reports.finished_run import asked, copied, finished, here, in_two_processes, promoted, rival_serves  # noqa: F401 - fixtures
from tests.reports.handmade import run_of

RUN_ID = "20261201T101500Z-c0ffee"
Judged = Callable[..., Release]


@pytest.fixture(autouse=True)
def fonts(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One font cache for all gates of these tests: pytester gives each a home of its own, and finding fonts is slow."""
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path_factory.getbasetemp() / "matplotlib"))


@pytest.fixture(scope="session")
def climbed(release_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release over all heroes of the miniature checkout, judged without pytest, with its evidence merged."""

    def judge(folder: Path) -> None:
        outcomes = [_judge(name, release_template, folder) for name in HEROES]
        release = run_of(*outcomes, run_id=RUN_ID, artifacts=folder / "out", run_folder=folder / "run")
        (folder / "release.pickle").write_bytes(pickle.dumps(release))

    folder = made_once(tmp_path_factory, "judged", judge)
    release: Release = pickle.loads((folder / "release.pickle").read_bytes())  # noqa: S301 - written here
    return release


@pytest.fixture
def judged(climbed: Release, tmp_path: Path) -> Judged:
    """A copy of that release over the heroes named, whose artifacts a test may change."""

    def copy(*heroes: str) -> Release:
        for name in heroes:
            shutil.copytree(climbed.artifacts / name, tmp_path / "out" / name)
        outcomes = tuple(o for o in climbed.outcomes if o.subject.name in heroes)
        return replace(climbed, artifacts=tmp_path / "out", outcomes=outcomes)

    return copy


def _judge(name: str, checkout: Path, folder: Path) -> Outcome:
    hero = load_hero(name, checkout / "configs")
    policy = hero.subject.policy
    battery = Battery(hero, folder / "run" / name, RUN_ID, checkout, lambda line: None)
    ladder = Ladder(battery, folder / "run" / name, RUN_ID, lambda line: None)
    planned = plan(name, policy)
    cells = [ladder.gate(step, check) if step else ladder.whole(check) for _, step, check in planned]
    seen = {cell.key: Seen(cell, OUTCOME[cell.verdict]) for cell in cells}
    decision, reasons = decide(planned, seen)
    merge_parts(folder / "run" / name, folder / "out" / name)
    ids = {cell.key: f"suites/canary/test_gates.py::test_gate[{'-'.join(map(str, cell.key))}]" for cell in cells}
    return Outcome(
        subject=replace(hero.subject, source=f"configs/{name}.yaml"),
        decision=decision,
        reasons=tuple(reasons),
        cells=tuple(cells),
        planned=tuple(ids.values()),
        passed=tuple(ids[c.key] for c in cells if c.verdict is Verdict.GREEN),
        missing=(),
        not_reached=tuple(ids[c.key] for c in cells if c.verdict is Verdict.NOT_REACHED),
        climbed=read_climbed(folder / "run" / name),
    )
