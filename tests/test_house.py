"""Is every module short enough to be read at once, and does a class's name mean one thing in the whole house?"""

import ast
import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

from evidence.schemas import AGG, HITS
from gates.checks.measures import MEASURES
from gates.checks.registry import BY_INTENT, CHECKS
from gates.markers import MARKERS
from tests.test_imports import LINE

MOST = 350  # lines of a module

#: Words that are keys of checks and mean other things as well, each with what else.
ALSO = {
    "machine": "the part of a record that says on which machine it was made, and how busy that was",
    "errors": "what failed, by its code",
}


def test_what_a_check_is_called_stands_in_its_own_file(root: Path) -> None:
    """Whoever needs a key reads it off its check. Columns, measures, markers and jobs have names of their own."""
    names = {*HITS.names, *AGG.names, *MEASURES, *MARKERS, *ALSO, *BY_INTENT}
    keys = {check.key for check in CHECKS} - names
    homes = {c.key: Path(str(sys.modules[type(c).__module__].__file__)).resolve() for c in CHECKS}
    astray = [
        f"{path.relative_to(root)}:{node.lineno}: {node.value}"
        for path in modules(root)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in keys and path.resolve() != homes[node.value]
    ]
    assert len(keys) > 15
    assert astray == []


def test_the_newest_version_is_that_of_the_project(root: Path) -> None:
    heads = re.findall("^## (.*)$", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    versions = [head.partition(" - ") for head in heads if head != "Unreleased"]
    assert versions[0][0] == tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert all(re.fullmatch(r"unreleased|never tagged|\d{4}-\d\d-\d\d", told) for _, _, told in versions)


def modules(root: Path) -> list[Path]:
    """Every module before tests."""
    return sorted(path for room in (*LINE, "benchmarks") for path in (root / room).rglob("*.py"))


def test_a_module_is_read_at_once(root: Path) -> None:
    assert [str(path) for path in modules(root) if len(path.read_text().splitlines()) > MOST] == []


def test_a_name_of_a_class_means_one_thing(root: Path) -> None:
    places = defaultdict(set)
    for path in modules(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].add(str(path.relative_to(root)))
    twice = {name for name, there in places.items() if len(there) > 1}
    assert twice == set()
