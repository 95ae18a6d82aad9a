"""What every scheduled job needs: its items, the cell of each, and what it found told and kept.

The item of `suites/<family>/test_<job>.py` asks for `job_cell`, which runs `rollout/jobs/<job>.py` on first use. GREEN
passes, RED fails, anything else is skipped. `suites/continuous/emergency.ini` loads this plugin without the gate's.
"""

import os
from pathlib import Path

import pytest

from evidence.files import write_whole
from gates.archive import take
from gates.errors import ConfigError
from gates.handover import hand_over, handed_over
from gates.names import sentence
from gates.run import artifacts, configs, is_worker, place, run_id
from gates.status import BROKEN, FINDINGS, NOT_EVIDENCED
from gates.verdicts import Cell, Verdict
from rollout.jobs.findings import JobFindings, write_all
from rollout.jobs.job import Jobs, is_told

#: Its options, where the gate's plugin is not loaded.
pytest_plugins = ("gates.options",)

FAMILIES = ("nightly", "weekly", "continuous")  # folders of suites/ and of the artifacts
SAYS = {Verdict.GREEN: "ok", Verdict.RED: "BROKEN", Verdict.INCONCLUSIVE: "not evidenced"}
COLOUR = {Verdict.GREEN: {"green": True}, Verdict.RED: {"red": True}}
UNREADABLE = "unreadable"  # the one item of a job whose configuration cannot be read: its set-up says why

_JOBS = pytest.StashKey[Jobs]()


def pytest_configure(config: pytest.Config) -> None:
    """All jobs of a session are of one moment; the controller tells what they found."""
    gated = config.pluginmanager.hasplugin("gates.plugin")
    root = config.rootpath if gated else config.rootpath.parents[1]  # emergency.ini lies two below the checkout
    hero = str(config.getoption("--hero"))
    jobs = config.stash[_JOBS] = Jobs(
        root=place(config, root).home,
        configs=configs(config, root),
        artifacts=artifacts(config, root),
        run_id=run_id(config),
        write=bool(config.getoption("--write", default=False)),
        asked=str(config.invocation_params.dir / hero) if hero.endswith((".yaml", ".yml")) else hero,
        publish=config.hook.pytest_gate_intervals if gated else print,
    )
    config.add_cleanup(jobs.close)
    if not is_worker(config):
        config.pluginmanager.register(Findings(jobs, alone=not gated), "job-findings")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each check of a job. A canary collects them too: no mistake in their files ends it."""
    if "job_cell" in metafunc.fixturenames:
        try:
            items = metafunc.config.stash[_JOBS].items(job_of(metafunc.definition.path))
        except ConfigError:
            items = [UNREADABLE]
        metafunc.parametrize("job_item", items, ids=items)


def pytest_itemcollected(item: pytest.Item) -> None:
    """An item of a job bears the markers of its family and its own: suites/weekly/test_pool.py::test_pool both."""
    if "job_cell" in getattr(item, "fixturenames", ()):
        for marker in (item.path.parent.name, item.name.partition("[")[0].removeprefix("test_")):
            item.add_marker(marker)


def job_of(path: Path) -> str:
    """The job of a file of suites/."""
    return path.stem.removeprefix("test_")


@pytest.fixture
def job_cell(job_item: str, request: pytest.FixtureRequest) -> Cell:
    """The cell of one item; what a user can mend fails in a line."""
    try:
        cells = request.config.stash[_JOBS].cells(job_of(request.path))
        return hand_over(request.node, cells[job_item])
    except Exception as error:
        if is_told(error):
            pytest.fail(str(error), pytrace=False)
        raise


class Findings:
    """Collects the cells of jobs; says each in a line and keeps `<artifacts>/<family>/<job>.json`."""

    def __init__(self, jobs: Jobs, *, alone: bool) -> None:
        self._jobs, self._alone = jobs, alone
        self._found: dict[tuple[str, str], list[Cell]] = {}
        self._broken: dict[tuple[str, str], list[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what an item of a family says; suites/nightly/test_refresh.py::test_refresh[...] is nightly, refresh."""
        place, _, name = report.nodeid.partition("::")
        family = "continuous" if self._alone else Path(place).parent.name
        job = name.partition("[")[0].removeprefix("test_")
        if family not in FAMILIES or not (report.when == "call" or report.outcome == "failed"):
            return
        cells = handed_over(report)
        if cells and report.when == "call":
            self._found.setdefault((family, job), []).append(cells[0])
        elif report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            words = str(crash.message if crash else report.longreprtext).removeprefix("Failed: ").partition("\n")[0]
            self._broken.setdefault((family, job), []).append(f"{name}: {words}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Leave the findings beside what was measured. Alone, tell by the status what is broken and what is open."""
        documents = []
        for family, job in self._keys():
            cells = self._found.get((family, job), [])
            found = JobFindings(
                run_id=self._jobs.run_id,
                at=self._jobs.at.replace(microsecond=0),
                family=family,
                job=job,
                cells=tuple(cells),
                broken=tuple(self._broken.get((family, job), ())),
            )
            write_whole(take(self._jobs.artifacts) / family / f"{job}.json", found.to_json())
            documents.append(found)
        if documents and FINDINGS in os.environ:
            write_all(Path(os.environ[FINDINGS]), documents)
        verdicts = {cell.verdict for cells in self._found.values() for cell in cells} if self._alone else set()
        if Verdict.RED in verdicts and session.exitstatus == pytest.ExitCode.TESTS_FAILED:
            session.exitstatus = BROKEN
        if Verdict.INCONCLUSIVE in verdicts and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = NOT_EVIDENCED

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """One line for each check, the broken ones last."""
        keys = self._keys()
        if not keys:
            return
        terminalreporter.section("jobs")
        for family, job in keys:
            for cell in self._found.get((family, job), []):
                line = f"{SAYS[cell.verdict]:13}  {job} {cell.hero} {cell.check}: {sentence(cell)}"
                terminalreporter.write_line(line, **COLOUR.get(cell.verdict, {"yellow": True}))
        for key in keys:
            for line in self._broken.get(key, []):
                terminalreporter.write_line(f"{'BROKEN':13}  {key[1]} {line}", red=True)

    def _keys(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys([*self._found, *self._broken]))
