"""Do the rooms stand in one line, each importing only rooms before it, and pytest only at the edges?"""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

LINE = ("lens", "evidence", "gates", "fixtures", "rollout", "reports", "automation", "proof", "suites", "hero_gate")
#: Sub-rooms that stand in a line of their own; what lies in the room itself, any of them may import. A door
#: (`__main__`) may open any of them.
WITHIN = {
    "gates": ("statistics", "checks", "rule", "planning"),
    "fixtures": ("formats", "systems", "parity"),
    "reports": ("model", "attestation", "render", "documents", "alerts", "promotion", "dashboard"),
    "proof": ("simulate", "mutants", "pages"),
}
SEAM = "fixtures.systems.protocol"  # says what a system is: formats read for it
ALONE = {"lens", "evidence", "gates"}  # import none of each other
EDGES = {"plugin.py", "hookspecs.py"}  # may know pytest
#: So may what plugins share (options, what is asked of them, what an item says), and who runs pytest in its process.
BESIDE = {"gates/options.py", "gates/run.py", "gates/handover.py", "hero_gate/in_process.py"}
PYTEST = {"pytest", "xdist", "allure", "allure_pytest"}
NOBODY_IMPORTS = {"conftest", "tests", "benchmarks"}

Graph = dict[str, set[str]]


def imports(source: str) -> Iterator[str]:
    """The absolute names that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name == "plugin")


def forbidden(room: str, file: str, source: str) -> list[str]:
    """What a module of a room imports, but should not."""
    wrong = []
    for name in imports(source):
        other = name.partition(".")[0]
        if name.startswith("."):
            wrong.append(f"{name}: a relative import, write {room} in full")
        elif other in NOBODY_IMPORTS:
            wrong.append(f"{name}: nothing imports it")
        elif name.endswith(".plugin"):
            wrong.append(f"{name}: a plugin is no library")
        elif other == "_pytest":
            wrong.append(f"{name}: pytest's own, use what it makes public")
        elif other in LINE and other != room:
            if LINE.index(other) > LINE.index(room):
                wrong.append(f"{name}: stands after {room}")
            elif {room, other} <= ALONE:
                wrong.append(f"{name}: {room} stands alone")
            elif other == "lens" and room != "fixtures":
                wrong.append(f"{name}: only fixtures knows lens")
        elif other in PYTEST and room != "suites" and Path(file).name not in EDGES and f"{room}/{file}" not in BESIDE:
            wrong.append(f"{name}: only {' and '.join(sorted(EDGES))} know pytest")
    return wrong


def backwards(graph: Graph) -> list[str]:
    """Imports of a sub-room that stands later in its room's line."""
    places = {f"{room}.{name}": (room, i) for room, line in WITHIN.items() for i, name in enumerate(line)}

    def place(module: str) -> tuple[str, int]:
        if module.endswith(".__main__"):
            return "", 0
        return places.get(".".join(module.split(".")[:2]), ("", 0))

    wrong = []
    for module, others in graph.items():
        room, own = place(module)
        later = [name for name in sorted(others) if name != SEAM and place(name)[0] == room and place(name)[1] > own]
        wrong += [f"{module}: {name}" for name in later]
    return wrong


def graph_of(root: Path) -> Graph:
    """Which modules of ours does each module import?"""
    paths = {path for room in LINE for path in (root / room).rglob("*.py")}
    sources = {".".join(path.relative_to(root).with_suffix("").parts): path.read_text("utf-8") for path in paths}
    graph: Graph = {}
    for module, source in sources.items():
        graph[module] = {name for name in imports(source) if name in sources}
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                graph[module] |= {name for a in node.names if (name := f"{node.module}.{a.name}") in sources}
        graph[module].discard(module)  # what is run as a script may want to be a module
    return graph


def test_no_module_imports_itself_by_way_of_others_and_sub_rooms_stand_in_line(root: Path) -> None:
    graph = graph_of(root)
    assert len(graph) > 200
    TopologicalSorter(graph).prepare()  # raises graphlib.CycleError, which names the circle
    assert backwards(graph) == []


def test_a_sub_room_against_its_line_is_found() -> None:
    graph = {
        "gates.checks.ndcg": {"gates.rule.decide", "gates.verdicts", "gates.statistics.gaffke"},
        "gates.policy": {"gates.planning.power"},
        "fixtures.formats.trec": {SEAM, "fixtures.systems.kinds"},
    }
    assert backwards(graph) == [
        "gates.checks.ndcg: gates.rule.decide",
        "fixtures.formats.trec: fixtures.systems.kinds",
    ]


@pytest.mark.parametrize("room", LINE)
def test_a_room_imports_only_rooms_before_it(room: str, root: Path) -> None:
    modules = sorted((root / room).rglob("*.py"))
    assert modules
    wrong = {
        str(m.relative_to(root)): forbidden(room, str(m.relative_to(root / room)), m.read_text(encoding="utf-8"))
        for m in modules
    }
    assert {module: names for module, names in wrong.items() if names} == {}


@pytest.mark.parametrize(
    ("found", "room", "file", "source"),
    [
        (1, "gates", "decide.py", "from fixtures.packs import Hero"),
        (1, "gates", "decide.py", "import rollout.ladder"),
        (2, "gates", "decide.py", "def later():\n    from reports import plugin"),
        (1, "gates", "decide.py", "from evidence import parts"),
        (1, "evidence", "parts.py", "from gates.verdicts import Cell"),
        (1, "lens", "system.py", "from gates.errors import ConfigError"),
        (1, "rollout", "ladder.py", "from lens.index import Index"),
        (1, "rollout", "ladder.py", "from suites.canary import test_gates"),
        (1, "rollout", "ladder.py", "from gates import plugin"),
        (1, "reports", "story.py", "import conftest"),
        (1, "fixtures", "packs.py", "from . import kinds"),
        (1, "gates", "decide.py", "import pytest"),
        (1, "rollout", "replay.py", "from xdist.scheduler import LoadScopeScheduling"),
        (1, "gates", "plugin.py", "from _pytest.config import Config"),
        (1, "rollout", "plugin.py", "from gates.plugin import RUN_ID"),
        (1, "gates", "rule/run.py", "import pytest"),
        (0, "gates", "plugin.py", "import pytest"),
        (0, "gates", "run.py", "import pytest"),
        (0, "fixtures", "lens_system.py", "from lens.index import Index"),
        (
            0,
            "rollout",
            "ladder.py",
            "from evidence.parts import write_part\nfrom gates.rule.evaluator import Evaluator",
        ),
        (0, "suites", "test_gates.py", "import pytest\nfrom gates.verdicts import Cell"),
        (0, "gates", "decide.py", "from gates.policy import Policy\nimport numpy as np"),
    ],
)
def test_an_import_against_the_line_is_found_and_one_along_it_is_none(
    found: int, room: str, file: str, source: str
) -> None:
    assert len(forbidden(room, file, source)) == found
