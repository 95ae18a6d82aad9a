"""Turns the items' evidence into one decision per hero, on the controller only, and sets the exit status.

0 promote, 1 rollback, 10 hold; 2 to 5 stay pytest's own (3: an internal error, ours included).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.expression import Expression
from filelock import FileLock, Timeout

from gates import archive
from gates.decide import Key, Seen, agrees, decide, item_id, plan
from gates.release import Amiss, Outcome, Release, Subject
from gates.verdicts import Cell, Decision, Verdict

RUN_ID = pytest.StashKey[str]()
EXIT = {Decision.PROMOTE: 0, Decision.ROLLBACK: 1, Decision.HOLD: 10}
INTERNAL_ERROR = 3
TOLD = "told"  # the user property of a text that an item wants to be printed
#: Without one of these nothing is measured or recorded.
GATE = "release-gate"  # the name under which a canary's controller is registered
NEEDED = ("fixtures.plugin", "rollout.plugin", "reports.plugin")


def artifacts(config: pytest.Config) -> Path:
    """Where people look for this run's results."""
    return config.rootpath / str(config.getoption("--artifacts"))


def run_folder(config: pytest.Config) -> Path:
    """Where the workers leave this run's evidence until it is merged."""
    return artifacts(config) / ".runs" / config.stash[RUN_ID]


def is_canary(config: pytest.Config) -> bool:
    """Does this run decide about heroes? Then it archives, records HOLD first and ends with 0, 1 or 10."""
    if _only_tells(config):
        return False
    selects = str(config.option.markexpr)
    if selects and not Expression.compile(selects).evaluate(lambda name, /, **_: name == "canary"):
        return False
    suite = config.rootpath / "suites" / "canary"
    asked = [config.invocation_params.dir.joinpath(str(a).partition("::")[0]).resolve() for a in config.args]
    return any(suite.is_relative_to(path) or path.is_relative_to(suite) for path in asked)


def _of_canary_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("canary") is not None and item.get_closest_marker("sanity") is None


def _only_tells(config: pytest.Config) -> bool:
    """Does this run tell something about pytest or its items, and run none?"""
    options = ("collectonly", "help", "version", "markers", "showfixtures", "show_fixtures_per_test", "plan")
    return any(getattr(config.option, name, False) for name in options)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The gate's command line."""
    group = parser.getgroup("release gate")
    group.addoption("--hero", default="all", help="NAME[,NAME], all, or the path of a pack (default: all)")
    group.addoption("--configs", default="configs", help="folder of policy, baseline and packs (default: configs)")
    group.addoption("--artifacts", default="reports/out", help="where results go (default: reports/out)")
    group.addoption("--max-windows", type=int, default=None, help="windows of 800 pairs a step may use at most")
    group.addoption(
        "--write",
        action="store_true",
        help="select: write the winner; lock: the lock; performance, drift, pool: take what is there as the reference",
    )
    group.addoption("--plan", action="store_true", help="print pairs, minutes and what would be found; run nothing")
    group.addoption("--decision-mode", choices=("evidence", "letter"), help="another rule than the policy's mode")


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let the other rooms take part."""
    from gates import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Fix the run id everywhere; on the controller of a canary, take the artifacts folder and watch the items."""
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    config.stash[RUN_ID] = worker["run_id"] if worker else f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
    if worker is None and is_canary(config) and config.pluginmanager.register(ReleaseGate(config), GATE) is None:
        raise pytest.UsageError(f"-p no:{GATE}: nothing would decide about this canary; run it without")
    if worker is None and not is_canary(config) and not _only_tells(config):
        config.pluginmanager.register(OtherSuite(), "other-suite")


def pytest_collection_finish(session: pytest.Session) -> None:
    """No check of a canary runs where nothing decides from it: its exit status would be taken for a decision.

    The sanity battery may: it decides nothing, and a canary runs it anyway.
    """
    config = session.config
    ungated = not (_only_tells(config) or is_canary(config))
    if ungated and any(_of_canary_alone(item) for item in session.items):
        raise pytest.UsageError(
            "checks of the canary were collected, but this run is none; run pytest -m canary in the checkout's folder"
        )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each worker which run it is part of."""
    node.workerinput["run_id"] = node.config.stash[RUN_ID]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep one hero's items in one worker, whatever --dist says (--dist loadgroup does not: xdist issue 1386)."""
    from xdist.scheduler import LoadScopeScheduling

    class ByHero(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.partition("[")[2].rstrip("]").partition("-")[0] or nodeid

    return ByHero(config, log)


class OtherSuite:
    """The controller's view of a run that decides nothing: what its items tell, and whether all were evidenced."""

    def __init__(self) -> None:
        self._not_evidenced = False
        self._told: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that was left out answers none of its questions."""
        self._not_evidenced |= report.skipped

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what an item says, once it is through."""
        self._not_evidenced |= report.skipped
        if report.when == "teardown":
            self._told += [str(text) for name, text in report.user_properties if name == TOLD]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """What was not evidenced is no success: 10, as of a decision that is held."""
        if self._not_evidenced and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = EXIT[Decision.HOLD]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what the items told: it is what such a suite is run for."""
        for text in self._told:
            for line in ("", *text.splitlines()):
                terminalreporter.write_line(line)


class ReleaseGate:
    """The controller's view of one gate run."""

    def __init__(self, config: pytest.Config) -> None:
        lost = [name for name in NEEDED if not config.pluginmanager.hasplugin(name)]
        if lost:
            raise pytest.UsageError(f"{lost[0]} is not loaded, but a canary needs it; run without -p no:{lost[0]}")
        self.config = config
        self.subjects: list[Subject] = config.hook.pytest_gate_subjects(config=config)
        self.plans = {s.name: plan(s.name, s.policy) for s in self.subjects}
        self.keys = {item_id(key): key for keys in self.plans.values() for key in keys}
        self.seen: dict[Key, Seen] = {}
        self.node_ids: dict[Key, str] = {}
        self.strays: dict[str, None] = {}
        self.broken = ""
        self.release: Release | None = None
        self.started, self.clock = datetime.now(UTC), time.monotonic()
        self.commit = _commit(config.rootpath)
        self.lock = FileLock(artifacts(config) / ".lock")
        try:
            artifacts(config).mkdir(parents=True, exist_ok=True)
            self.lock.acquire(timeout=0)
        except OSError as error:
            why = "cannot be written; name another folder"
            if isinstance(error, Timeout):
                why = "another run is writing there; wait for it, or give this run a folder of its own"
            raise pytest.UsageError(f"--artifacts={config.getoption('--artifacts')}: {why}") from None
        config.hook.pytest_gate_prepare(config=config)

    def pytest_sessionstart(self) -> None:
        """Put the old results away, and record that nothing is shown yet."""
        where = artifacts(self.config)
        shutil.rmtree(where / ".runs", ignore_errors=True)
        archive.put_away(where, keep=max(s.policy.keep_runs for s in self.subjects))
        run_folder(self.config).mkdir(parents=True)
        self.config.hook.pytest_gate_started(
            config=self.config,
            release=self._release(
                [self._outcome(s, Decision.HOLD, ["run started, not finished"]) for s in self.subjects]
            ),
        )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what could not be collected: with xdist the run goes on without it."""
        if report.failed:
            self.strays[report.nodeid] = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what an item says; record a rollback at once, since a killed run may not come to its end."""
        key = self.keys.get(report.nodeid.partition("[")[2].removesuffix("]"))
        if key is None and report.failed:
            self.strays[report.nodeid] = None
        if key is None or (report.when != "call" and report.outcome == "passed"):
            return
        evidence = [value for name, value in report.user_properties if name == "evidence"]
        cell = Cell.from_json(str(evidence[0])) if len(evidence) == 1 else None
        outcome = str(report.outcome)
        if report.when != "call" and report.failed:
            outcome = "error"  # set-up, tear-down, or a worker that crashed ("???")
        elif getattr(report, "wasxfail", None) is not None:
            outcome = "xpassed" if report.passed else "xfailed"
        if key in self.seen and outcome != "error":
            outcome = "reported twice"
        cell = cell or (self.seen[key].cell if key in self.seen else None)
        self.seen[key] = Seen(cell, outcome, _error(report) if outcome == "error" else "")
        self.node_ids[key] = report.nodeid
        if cell is not None and cell.verdict is Verdict.RED and cell.on_red == "rollback":
            subject = next(s for s in self.subjects if s.name == key[0])
            release = self._release([self._decided(subject)])
            self.config.hook.pytest_gate_rolled_back(config=self.config, release=release)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Decide, let everything be written, and turn the decision into the exit status."""
        try:
            self.release = self._release([self._decided(s) for s in self.subjects])
            self.config.hook.pytest_gate_merge(config=self.config, release=self.release)
            self.config.hook.pytest_gate_decided(config=self.config, release=self.release)
        except Exception as error:  # it would end the run with 1, which reads "rolled back"
            session.exitstatus = INTERNAL_ERROR
            self.broken = f"{type(error).__name__}: {error}"
            self.config.hook.pytest_gate_started(  # what was recorded halfway must not promote
                config=self.config,
                release=self._release(
                    [self._outcome(s, Decision.HOLD, [f"reports: not written: {self.broken}"]) for s in self.subjects]
                ),
            )
            return
        shutil.rmtree(run_folder(self.config), ignore_errors=True)
        if exitstatus in (0, 1, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = EXIT[self.release.decision]

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say so where the decision could not be written."""
        if self.broken:
            terminalreporter.write_line(f"HOLD  the results could not be written: {self.broken}", red=True)

    def pytest_unconfigure(self) -> None:
        """Give the artifacts folder back."""
        self.lock.release()

    def _decided(self, subject: Subject) -> Outcome:
        decision, reasons = decide(
            self.plans[subject.name], self.seen, promotes=subject.policy.promotes, strays=tuple(self.strays)
        )
        return self._outcome(subject, decision, reasons)

    def _outcome(self, subject: Subject, decision: Decision, reasons: Sequence[str]) -> Outcome:
        planned = self.plans[subject.name]
        seen = {key: self.seen[key] for key in planned if key in self.seen}
        cells = {key: s.cell for key, s in seen.items() if s.cell is not None}
        ladder = run_folder(self.config) / subject.name / "ladder.json"
        return Outcome(
            subject=subject,
            decision=decision,
            reasons=tuple(reasons),
            cells=tuple(cells.values()),
            planned=tuple(self._name(key) for key in planned),
            passed=tuple(self._name(key) for key, s in seen.items() if s.outcome == "passed"),
            missing=tuple(self._name(key) for key in planned if key not in cells),
            not_reached=tuple(self._name(key) for key, c in cells.items() if c.verdict is Verdict.NOT_REACHED),
            amiss=tuple(_amiss(key, s) for key, s in seen.items() if s.cell is None or not agrees(s)),
            strays=tuple(self.strays),
            ladder=json.loads(ladder.read_text()) if ladder.exists() else {},
        )

    def _name(self, key: Key) -> str:
        return self.node_ids.get(key, f"[{item_id(key)}]")

    def _release(self, outcomes: list[Outcome]) -> Release:
        return Release(
            run_id=self.config.stash[RUN_ID],
            commit=self.commit,
            mode=self.subjects[0].policy.mode,
            exposure="replay",
            started_at=self.started.isoformat(timespec="seconds"),
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=time.monotonic() - self.clock,
            artifacts=artifacts(self.config),
            run_folder=run_folder(self.config),
            outcomes=tuple(outcomes),
        )


def _amiss(key: Key, seen: Seen) -> Amiss:
    return Amiss(item_id(key), seen.outcome, seen.error, seen.cell is not None)


def _error(report: pytest.TestReport) -> str:
    """What we said of a user's mistake; of any other exception its type alone, since its text may hold anything."""
    crash = getattr(report.longrepr, "reprcrash", None)
    kind, _, said = str(crash.message if crash else report.longreprtext).partition(": ")
    return said.partition("\n")[0] if kind == "Failed" else kind.partition("\n")[0]


def _commit(root: Path) -> str:
    """The commit the checkout is at, and whether anything differs from it."""
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        )
        changes = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "no commit"
    return f"{head.stdout.strip()} {'with uncommitted changes' if changes.stdout.strip() else 'clean'}"
