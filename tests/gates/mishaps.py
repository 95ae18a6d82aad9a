"""What may happen to an item, whatever its evidence says? A plugin: the hero's name is what befalls it.

One item of each hero is hit: its recall gate at the last step. Everything else of the hero is as good as can be.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import replace

import pytest

from gates.verdicts import Cell
from rollout.ladder import Ladder


def mishap(item: pytest.Item) -> str:
    """What befalls this item; "" for nothing."""
    hero, _, rest = item.name.partition("[")[2].partition("-")
    return hero if rest == "100-sla_recall_at_50_delta]" else ""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks and a selection by hand."""
    marks = {
        "skip_mark": pytest.mark.skip(reason="not today"),
        "xfail_mark": pytest.mark.xfail(strict=False),
        "xfail_of_a_failure": pytest.mark.xfail(strict=False),
    }
    for item in items:
        if mark := marks.get(mishap(item)):
            item.add_marker(mark)
    items[:] = [item for item in items if mishap(item) != "deselected"]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Breaks before any evidence."""
    if mishap(item) == "broken_fixture":
        raise RuntimeError("a fixture broke")


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Breaks after a test has passed."""
    if mishap(item) == "broken_teardown":
        raise RuntimeError("tear-down broke")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Befalls the test body: it ends otherwise than its evidence says, or its evidence is not what it was."""
    match mishap(pyfuncitem):
        case "broken_body" | "xfail_of_a_failure":
            raise RuntimeError("a bug in the test's body")
        case "skip_in_body":
            pytest.skip("not today")
        case "silenced_red":
            return True
        case "interrupted":
            raise KeyboardInterrupt
        case "exits_with_success":
            pytest.exit("enough", returncode=0)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case name if name in FORGERIES:
            text = str(pyfuncitem.user_properties[0][1])
            pyfuncitem.user_properties[:] = [("evidence", t) for t in FORGERIES[name](text)]
    return None


def _changed(**values: object) -> Callable[[str], list[str]]:
    return lambda text: [replace(Cell.from_json(text), **values).to_json()]  # type: ignore[arg-type]


FORGERIES: dict[str, Callable[[str], list[str]]] = {
    "no_evidence": lambda _: [],
    "evidence_twice": lambda text: [text, text],
    "evidence_of_another_step": _changed(step=50),
    "evidence_of_another_hero": _changed(hero="untouched"),
    "no_pairs": _changed(n=0),
    "not_a_number": _changed(observed="nan"),
    "no_number": _changed(observed=""),
}


class BrokenReplay(Exception):
    """A replay that dies at the last step."""


def pytest_configure() -> None:
    """The replay of one hero breaks in the middle."""
    climb = Ladder._step

    def breaks(ladder: Ladder, percent: int) -> None:
        if ladder.hero.subject.name == "broken_replay" and percent == 100:
            raise BrokenReplay("the engine went away")
        climb(ladder, percent)

    if climb.__name__ != "breaks":
        Ladder._step = breaks  # type: ignore[method-assign,assignment]
