"""The fixtures that climb: one ladder per hero and run, replayed in set-up, so that exceptions are errors (hold)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence.parity import disagreements
from evidence.parts import merge_parts
from fixtures.packs import Hero
from gates.errors import EvidenceError, GateError
from gates.plugin import RUN_ID, artifacts, is_canary, run_folder
from gates.release import Release
from gates.verdicts import Cell
from rollout.ladder import Ladder
from rollout.selection import Row, compare_grid, table, winner

Ladders = Callable[[str], Ladder]


@pytest.fixture(scope="session")
def ladders(request: pytest.FixtureRequest, asked_heroes: dict[str, Hero]) -> Ladders:
    """hero -> its ladder, begun on first use, kept for the session of this process; a failed one stays failed."""
    config = request.config
    begun: dict[str, Ladder | Exception] = {}

    def get(name: str) -> Ladder:
        if name not in begun:
            folder = run_folder(config) / name
            try:
                begun[name] = Ladder(
                    asked_heroes[name], folder, config.stash[RUN_ID], config.rootpath, _teller(folder, name)
                )
            except Exception as error:
                begun[name] = error
        ladder = begun[name]
        if isinstance(ladder, GateError):  # what a user can mend needs no traceback
            pytest.fail(str(ladder), pytrace=False)
        if isinstance(ladder, Exception):
            raise ladder
        return ladder

    return get


@pytest.fixture
def gate(hero: str, step: int, check: str, ladders: Ladders, request: pytest.FixtureRequest) -> Cell:
    """The recorded cell of one gate at one step."""
    return _hand_over(request, _asked(lambda: ladders(hero).gate(step, check)))


@pytest.fixture
def guard(hero: str, check: str, ladders: Ladders, request: pytest.FixtureRequest) -> Cell:
    """The recorded cell of a question over the whole canary."""
    return _hand_over(request, _asked(lambda: ladders(hero).whole(check)))


@pytest.fixture
def slice_of(hero: str, check: str, ladders: Ladders, request: pytest.FixtureRequest) -> Cell:
    """The recorded cell of a question on one intent."""
    return _hand_over(request, _asked(lambda: ladders(hero).whole(check)))


@pytest.fixture
def instrument(hero: str, check: str, ladders: Ladders, request: pytest.FixtureRequest) -> Cell:
    """The recorded cell of a check of the measuring itself."""
    return _hand_over(request, _asked(lambda: ladders(hero).whole(check)))


@pytest.fixture
def compared(hero: str, asked_heroes: dict[str, Hero], request: pytest.FixtureRequest) -> tuple[list[Row], Row | None]:
    """The grid of a pack compared on the selection queries, and its winner; the table goes to the artifacts."""
    asked = asked_heroes[hero]
    folder = artifacts(request.config) / "selection"
    rows = compare_grid(asked, _teller(folder, hero))
    (folder / f"{hero}.md").write_text(table(asked, rows), encoding="utf-8")
    return rows, winner(rows, asked.metric)


def _asked(ask: Callable[[], Cell]) -> Cell:
    """A cell; what its ladder refuses is told in a line, as the reason that the release is held for."""
    try:
        return ask()
    except GateError as error:
        pytest.fail(str(error), pytrace=False)


def _hand_over(request: pytest.FixtureRequest, cell: Cell) -> Cell:
    # a str, since execnet takes built-ins only; not record_property, which errors under --junitxml
    request.node.user_properties.append(("evidence", cell.to_json()))
    return cell


@pytest.hookimpl
def pytest_gate_merge(release: Release) -> None:
    """Merge each hero's evidence parts into the two files that stay. Raises EvidenceError if not all was kept."""
    for outcome in release.outcomes:
        name, ladder = outcome.subject.name, outcome.ladder
        if ladder:
            merge_parts(release.run_folder / name, release.artifacts / name)
            judged = {system: {k: float(v) for k, v in sums.items()} for system, sums in ladder["judged"].items()}
            wrong = disagreements(release.artifacts / name, judged)
            if wrong:
                raise EvidenceError(f"evidence of {name} is not what was judged: {'; '.join(wrong)}")


def pytest_configure(config: pytest.Config) -> None:
    """Show progress on the controller of a canary, in one process or several."""
    if not hasattr(config, "workerinput") and is_canary(config):
        config.pluginmanager.register(Progress(config), "gate-progress")


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


def _teller(folder: Path, name: str) -> Callable[[str], None]:
    begun = time.monotonic()

    def tell(line: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "progress.txt").open("a", encoding="utf-8") as progress:
            progress.write(f"{time.monotonic() - begun:5.1f} s  {line}\n")

    return tell
