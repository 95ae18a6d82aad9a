"""What do canary, selection and lock ask, and who tells their progress? Exceptions in set-up are errors, which hold."""

import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evidence.files import write_whole
from evidence.parts import disagreements, merge_parts
from fixtures.lock import lock_material, lock_state, renewal, shown, write_lock
from fixtures.packs import Hero
from gates.archive import take
from gates.checks.lock import LockState
from gates.errors import EvidenceError, GateError
from gates.handover import TOLD, hand_over
from gates.release import Release
from gates.run import artifacts, is_canary, is_worker, run_folder, run_id
from gates.verdicts import Cell
from rollout.battery import Battery
from rollout.jobs.job import Once
from rollout.ladder import Ladder
from rollout.selection import Comparison, compare_grid, table, winner, write_selected

#: The fixture of scheduled jobs.
pytest_plugins = ("rollout.jobs.plugin",)

PROGRESS = "gate-progress"  # the name under which it is registered, or blocked
Batteries = Callable[[str], Battery]
Ladders = Callable[[str], Ladder]


class Teller:
    """Writes lines of progress into a hero's folder, where the controller reads them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._begun = folder, time.monotonic()

    def __call__(self, line: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "progress.txt").open("a", encoding="utf-8") as progress:
            progress.write(f"{time.monotonic() - self._begun:5.1f} s  {line}\n")


@pytest.fixture(scope="session")
def tellers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Teller]:
    """hero -> what tells its progress, in the hero's folder of this run; what decides nothing leaves nothing there."""
    config = request.config
    runs = run_folder(config) if is_canary(config) else tmp_path_factory.mktemp("sanity")
    return functools.cache(lambda name: Teller(runs / name))


@pytest.fixture(scope="session")
def batteries(
    request: pytest.FixtureRequest, asked_heroes: dict[str, Hero], tellers: Callable[[str], Teller]
) -> Batteries:
    """hero -> its sanity battery, begun on first use."""
    config, once = request.config, Once()

    def begin(name: str) -> Battery:
        tell = tellers(name)
        return Battery(asked_heroes[name], tell.folder, run_id(config), config.rootpath, tell)

    return lambda name: once(name, lambda: begin(name))


@pytest.fixture(scope="session")
def ladders(request: pytest.FixtureRequest, batteries: Batteries, tellers: Callable[[str], Teller]) -> Ladders:
    """hero -> its ladder, begun on first use after its battery."""
    config, once = request.config, Once()

    def begin(name: str) -> Ladder:
        tell = tellers(name)
        return Ladder(batteries(name), tell.folder, run_id(config), tell)

    return lambda name: once(name, lambda: begin(name))


@contextmanager
def told() -> Iterator[None]:
    """What a user can mend fails in a line, without a traceback."""
    try:
        yield
    except GateError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def sanity(hero: str, check: str, batteries: Batteries, request: pytest.FixtureRequest) -> Cell:
    """The recorded cell of a check of before the climb."""
    with told():
        return hand_over(request.node, batteries(hero).cells[check])


@pytest.fixture
def gate(hero: str, step: int, check: str, ladders: Ladders, request: pytest.FixtureRequest) -> Cell:
    """The recorded cell of one gate at one step."""
    with told():
        return hand_over(request.node, ladders(hero).gate(step, check))


def _whole(hero: str, check: str, ladders: Ladders, request: pytest.FixtureRequest) -> Cell:
    """The recorded cell of a check over the whole canary."""
    with told():
        return hand_over(request.node, ladders(hero).whole(check))


guard, slice_of, instrument = pytest.fixture(_whole), pytest.fixture(_whole), pytest.fixture(_whole)


@pytest.fixture
def compared(hero: str, asked_heroes: dict[str, Hero], request: pytest.FixtureRequest) -> Comparison:
    """The grid of a pack compared on the selection queries; the table is printed, and goes to the artifacts.

    With `--write` the pack selects the winner from now on.
    """
    asked, config = asked_heroes[hero], request.config
    folder = take(artifacts(config)) / "selection"
    if not asked.grid:
        pytest.skip(f"not evidenced: {asked.subject.source} has no grid to choose from")
    with told():
        compared, rows = Path(asked.subject.source).read_bytes(), compare_grid(asked, _printer(config))
        best = winner(rows, asked.subject.claim_metric)
        page = table(asked, rows)
        write_whole(folder / f"{hero}.md", page)
        written = config.getoption("--write") and best is not None and write_selected(asked, rows.index(best), compared)
    if written:
        page += f"\n{shown(Path(asked.subject.source))} selects it from now on; {renewal(asked)}\n"
    request.node.user_properties.append((TOLD, page))
    return Comparison(best=best, written=written)


@pytest.fixture
def locked(hero: str, asked_heroes: dict[str, Hero], request: pytest.FixtureRequest) -> LockState:
    """What the lock of a hero says of what is here now; with `--write` it is locked first."""
    asked, config = asked_heroes[hero], request.config
    with told():
        collection = asked.baseline_kind.open_collection(_printer(config))
        material = lock_material(asked, collection, config.rootpath)
    if config.getoption("--write"):
        write_lock(asked, material)
    state = lock_state(asked, material)
    if state.status == "frozen" and not state.differs:
        line = f"{hero}: locked {state.locked_at} as {state.fingerprint}, {shown(asked.lock_file)}"
        request.node.user_properties.append((TOLD, line))
    return state


@pytest.fixture
def broken_files(hero: str, asked_heroes: dict[str, Hero]) -> list[str]:
    """What hero and baseline share, but is not what it says of itself."""
    asked = asked_heroes[hero]
    return asked.system_kind.broken()


@pytest.hookimpl
def pytest_gate_merge(release: Release) -> None:
    """Merge each hero's evidence parts into the two files that stay. Raises EvidenceError if not all was kept."""
    for outcome in release.outcomes:
        name, climbed = outcome.subject.name, outcome.climbed
        if climbed.fingerprint:
            merge_parts(release.run_folder / name, release.artifacts / name)
            judged = {system: {k: float(v) for k, v in sums.items()} for system, sums in climbed.judged.items()}
            wrong = disagreements(release.artifacts / name, judged)
            if wrong:
                raise EvidenceError(f"evidence of {name} is not what was judged: {'; '.join(wrong)}")


def pytest_configure(config: pytest.Config) -> None:
    """Show progress on the controller of a canary, in one process or several."""
    if not is_worker(config) and is_canary(config) and not config.pluginmanager.is_blocked(PROGRESS):
        config.pluginmanager.register(Progress(config), PROGRESS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The battery comes first: what it finds is told before anything climbs."""
    items.sort(key=lambda item: item.get_closest_marker("sanity") is None)


class Progress:
    """Prints what the ladders tell, wherever they climb: they write lines to files, a thread reads them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        # while an item runs, pytest keeps what is printed for its report; the ladders climb inside items
        self._terminal = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
        self._stop = threading.Event()
        self._read: dict[Path, int] = {}
        self._thread = threading.Thread(target=self._follow, name="gate-progress", daemon=True)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Begin to follow."""
        self._thread.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Print what is left."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._terminal.close()

    def _follow(self) -> None:
        while not self._stop.wait(0.5):
            self._print_new()
        self._print_new()

    def _print_new(self) -> None:
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        for path in sorted(run_folder(self._config).glob("*/progress.txt")):
            with path.open(encoding="utf-8") as lines:
                lines.seek(self._read.get(path, 0))
                for line in lines.readlines():  # not by iterating, which forbids tell()
                    if reporter is not None:
                        if reporter.currentfspath is not None:  # a line of dots has begun
                            self._terminal.write("\n")
                            reporter.currentfspath = None
                        self._terminal.write(f"  {path.parent.name:10} {line.rstrip()}\n")
                        self._terminal.flush()
                self._read[path] = lines.tell()


def _printer(config: pytest.Config) -> Callable[[str], None]:
    """Prints while an item runs, whose output pytest keeps otherwise: building an index takes a minute."""
    reporter, capture = (config.pluginmanager.getplugin(name) for name in ("terminalreporter", "capturemanager"))

    def tell(line: str) -> None:
        if reporter is not None and capture is not None:  # else in a worker
            with capture.global_and_fixture_disabled():
                reporter.ensure_newline()
                reporter.write_line(f"  {line}")

    return tell
