"""Turns the items' evidence into one decision per hero, on the controller only, and sets the exit status."""

import shutil
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from filelock import FileLock, Timeout

from gates import archive
from gates.attestation import AmissTest
from gates.handover import TOLD, handed_over, told_error
from gates.markers import MARKERS
from gates.offline import OFFLINE
from gates.release import Outcome, Release, Subject
from gates.rule.climbed import read_climbed
from gates.rule.decide import Key, Seen, agrees, decide, item_id, plan
from gates.run import (
    artifacts,
    asks_for_canary,
    configs,
    is_canary,
    is_worker,
    names_canary,
    only_tells,
    place,
    refuse_half_a_canary,
    run_folder,
    run_id,
)
from gates.status import BROKEN, ENDED_OTHERWISE, EXIT, FAILED, NOT_EVIDENCED, Ending, tell_uncaught
from gates.verdicts import NOT_ENFORCED, WARN, Decision, Verdict

#: Of whom is asked, and where results go.
pytest_plugins = ("gates.options",)

ENDING = pytest.StashKey[Ending]()
GATE = "release-gate"  # the name under which a canary's controller is registered


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """What is imported now may end Python as it likes, with the status of a promotion as well."""
    try:
        return (yield)
    except SystemExit as error:
        raise pytest.UsageError(f"a conftest.py called sys.exit({error.code!r}) when it was imported") from error


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, int | None, int | None]:
    """Whatever ends a canary: with 0, 20 or 10 only where that was signed, else with 2 to 5 and one line.

    Here, around all that pytest does once it has read its options, since what other plugins raise when they finish or
    are unconfigured ends Python with a traceback and 1.
    """
    tells = only_tells(config)
    if config.option.setuponly and asks_for_canary(config):
        config.option.setupplan = True  # ladders climb in set-up
    if is_worker(config) or not (is_canary(config) or config.option.plan or (tells and names_canary(config))):
        return (yield)
    ending = config.stash[ENDING] = Ending(tells)
    with ending.watching():
        try:
            returned = yield
        except pytest.UsageError:
            raise  # told in a line by pytest, which ends with 4
        except BaseException as error:
            ending.failed(error)
            returned = FAILED
    return ending.status(int(returned or 0))


def pytest_addoption(parser: pytest.Parser) -> None:
    """The gate's command line. What ends Python before there is a run to end is told in a line from now on."""
    sys.excepthook = tell_uncaught
    group = parser.getgroup("release gate")
    group.addoption("--max-windows", type=int, default=None, help="windows of 800 pairs a step may use at most")
    group.addoption(
        "--write",
        action="store_true",
        help="select: write the winner; lock: the lock; performance, drift, pool: take what is there as the reference",
    )
    group.addoption("--plan", action="store_true", help="print pairs, minutes and what would be found; run nothing")
    group.addoption("--decision-mode", choices=("evidence", "letter", "warn"), help="another than the policy's mode")


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let the other rooms take part."""
    from gates import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Name the markers; on the controller of a canary, take the artifacts folder and watch the items."""
    named = {line.partition(":")[0] for line in config.getini("markers")}
    for name, what in MARKERS.items():
        if name not in named:
            config.addinivalue_line("markers", f"{name}: {what}")
    if is_worker(config):
        return
    if is_canary(config):
        refuse_half_a_canary(config)
        if config.pluginmanager.register(ReleaseGate(config), GATE) is None:
            raise pytest.UsageError(f"-p no:{GATE}: nothing would decide about this canary; run it without")
    elif not only_tells(config):
        config.pluginmanager.register(OtherSuite(), "other-suite")


def pytest_collection_finish(session: pytest.Session) -> None:
    """No check of a canary runs where nothing decides from it: its exit status would be taken for a decision.

    The sanity battery may: it decides nothing, and a canary runs it anyway.
    """
    config = session.config
    if only_tells(config) or is_canary(config):
        return
    if any(item.get_closest_marker("canary") and not item.get_closest_marker("sanity") for item in session.items):
        raise pytest.UsageError(
            "checks of the canary were collected, but this run is none; run pytest -m canary in the checkout's folder"
        )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each worker which run it is part of."""
    node.workerinput["run_id"] = run_id(node.config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep one hero's items in one worker, whatever --dist says (--dist loadgroup does not: xdist issue 1386)."""
    from xdist.scheduler import LoadScopeScheduling

    class ByHero(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.partition("[")[2].rstrip("]").partition("-")[0] or nodeid

    return ByHero(config, log)


class OtherSuite:
    """The controller's view of a run that decides nothing: what its items tell, what is broken, what not evidenced."""

    def __init__(self) -> None:
        self._broken = self._not_evidenced = False
        self._told: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that was left out answers none of its questions."""
        self._not_evidenced |= report.skipped

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what an item says, once it is through."""
        self._not_evidenced |= report.skipped
        self._broken |= report.failed and any(cell.verdict is Verdict.RED for cell in handed_over(report))
        if report.when == "teardown":
            self._told += [str(text) for name, text in report.user_properties if name == TOLD]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """What is shown broken ends with the status of a rollback, what is not evidenced with that of a hold."""
        if self._broken and session.exitstatus == pytest.ExitCode.TESTS_FAILED:
            session.exitstatus = BROKEN
        if self._not_evidenced and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = NOT_EVIDENCED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what the items told: it is what such a suite is run for."""
        for text in self._told:
            for line in ("", *text.splitlines()):
                terminalreporter.write_line(line)


class ReleaseGate:
    """The controller's view of one gate run."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.ending = config.stash[ENDING]
        self.subjects: list[Subject] = config.hook.pytest_gate_subjects(config=config)
        self.plans = {s.name: plan(s.name, s.policy) for s in self.subjects}
        self.keys = {item_id(key): key for keys in self.plans.values() for key in keys}
        self.seen: dict[Key, Seen] = {}
        self.node_ids: dict[Key, str] = {}
        self.strays: dict[str, None] = {}
        self.release: Release | None = None
        self.started, self.clock = datetime.now(UTC), time.monotonic()
        self.lock = FileLock(artifacts(config) / ".lock")
        try:
            archive.take(artifacts(config))
            self.lock.acquire(timeout=0)
        except OSError as error:
            why = "cannot be written; name another folder"
            if isinstance(error, Timeout):
                why = "another run is writing there; wait for it, or give this run a folder of its own"
            raise pytest.UsageError(f"--artifacts={config.getoption('--artifacts')}: {why}") from None
        self.commit, self.configs_commit = place(config).commits(configs(config))  # of which this folder is no part
        config.hook.pytest_gate_prepare(config=config)

    def pytest_sessionstart(self) -> None:
        """Put the old results away, and record that nothing is shown yet."""
        where = artifacts(self.config)
        shutil.rmtree(where / ".runs", ignore_errors=True)
        archive.put_away(where, keep=max(s.policy.keep_runs for s in self.subjects))
        run_folder(self.config).mkdir(parents=True)
        self._hold("run started, not finished")

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
        cells = handed_over(report)
        cell = cells[0] if len(cells) == 1 else None
        outcome = str(report.outcome)
        if report.when != "call" and report.failed:
            outcome = "error"  # set-up, tear-down, or a worker that crashed ("???")
        elif getattr(report, "wasxfail", None) is not None:
            outcome = "xpassed" if report.passed else "xfailed"
        if key in self.seen and outcome != "error":
            outcome = "reported twice"
        cell = cell or (self.seen[key].cell if key in self.seen else None)
        self.seen[key] = Seen(cell, outcome, told_error(report) if outcome == "error" else "")
        self.node_ids[key] = report.nodeid
        if cell is not None and cell.verdict is Verdict.RED and cell.on_red == "rollback":
            subject = next(s for s in self.subjects if s.name == key[0])
            release = self._release([self._decided(subject)])
            self.config.hook.pytest_gate_rolled_back(config=self.config, release=release)
            self.ending.stands = f"nothing was signed: {self._place()} says that a RED of {subject.name} was seen"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Decide before other plugins finish: what one of them raises costs the exit status, and no decision."""
        signed = self._decide(session)
        try:
            yield
        except BaseException as error:
            session.exitstatus = FAILED
            self.ending.failed(error)
        if signed:
            shutil.rmtree(run_folder(self.config), ignore_errors=True)

    def _decide(self, session: pytest.Session) -> bool:
        """Decide, have it written and signed, and set the status; is it signed? Until then the disk says HOLD."""
        hook = self.config.hook
        try:
            self.release = self._release([self._decided(s) for s in self.subjects])
            hook.pytest_gate_merge(config=self.config, release=self.release)
            hook.pytest_gate_decided(config=self.config, release=self.release)
            enforced, warns = EXIT[self.release.decision], self.release.mode == WARN
            if session.exitstatus not in ENDED_OTHERWISE:
                session.exitstatus = 0 if warns else enforced
            hook.pytest_gate_sign(config=self.config, release=self.release, status=int(session.exitstatus))
        except BaseException as error:  # whoever interrupts now has no decision either
            session.exitstatus = FAILED
            self.ending.failed(error)
            with suppress(Exception):  # then it cannot be written, and the ending says so
                self._hold(f"reports: not written: {type(error).__name__}: {error}")
            return False
        stands = f"{self.release.decision} is signed and stands: {self._place()}"
        warned = f"{NOT_ENFORCED}: would have ended with {enforced}" if warns else ""
        self.ending.signed(int(session.exitstatus), stands, warned)
        return True

    def pytest_unconfigure(self) -> None:
        """Give the artifacts folder back."""
        self.lock.release()

    def _hold(self, reason: str) -> None:
        """Have HOLD recorded: what was recorded halfway must not promote."""
        release = self._release([self._outcome(s, Decision.HOLD, [reason]) for s in self.subjects])
        self.ending.stands = f"nothing was decided: {self._place()} cannot be written"
        self.config.hook.pytest_gate_started(config=self.config, release=release)
        self.ending.stands = f"nothing was decided: {self._place()} says HOLD"

    def _place(self) -> str:
        return str(self.config.getoption("--artifacts"))

    def _decided(self, subject: Subject) -> Outcome:
        decision, reasons = decide(
            self.plans[subject.name], self.seen, promotes=subject.policy.promotes, strays=tuple(self.strays)
        )
        return self._outcome(subject, decision, reasons)

    def _outcome(self, subject: Subject, decision: Decision, reasons: Sequence[str]) -> Outcome:
        planned = self.plans[subject.name]
        seen = {key: self.seen[key] for key in planned if key in self.seen}
        cells = {key: s.cell for key, s in seen.items() if s.cell is not None}
        return Outcome(
            subject=subject,
            decision=decision,
            reasons=tuple(reasons),
            cells=tuple(cells.values()),
            planned=tuple(self._name(key) for key in planned),
            passed=tuple(self._name(key) for key, s in seen.items() if s.outcome == "passed"),
            missing=tuple(self._name(key) for key in planned if key not in cells),
            not_reached=tuple(self._name(key) for key, c in cells.items() if c.verdict is Verdict.NOT_REACHED),
            amiss=tuple(
                AmissTest(test=item_id(key), outcome=s.outcome, error=s.error, evidence=s.cell is not None)
                for key, s in seen.items()
                if not agrees(s)
            ),
            strays=tuple(self.strays),
            climbed=read_climbed(run_folder(self.config) / subject.name),
        )

    def _name(self, key: Key) -> str:
        return self.node_ids.get(key, f"[{item_id(key)}]")

    def _release(self, outcomes: list[Outcome]) -> Release:
        return Release(
            run_id=run_id(self.config),
            commit=self.commit,
            configs_commit=self.configs_commit,
            mode=self.subjects[0].policy.mode,
            exposure=OFFLINE if self.subjects[0].policy.mode == OFFLINE else "replay",
            started_at=self.started.isoformat(timespec="seconds"),
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=time.monotonic() - self.clock,
            artifacts=artifacts(self.config),
            configs=configs(self.config),
            run_folder=run_folder(self.config),
            outcomes=tuple(outcomes),
        )
