"""Is every module short enough to be read at once, and does a class's name mean one thing in the whole house?"""

import ast
from collections import defaultdict
from pathlib import Path

from tests.test_imports import LINE

MOST = 350  # lines of a module

#: What still stands, each with the reason. These tables may only shrink.
STILL_LONG = {
    "gates/rule/self_test.py": "synthetic pairs and the trials upon them are still one module",
    "proof/mutant_code.py": "edits of our own sources become patches of functions",
    "proof/mutant_heroes.py": "a table of seeded faults",
    "proof/mutant_measuring.py": "a table of seeded faults",
}
STILL_TWICE = {
    "Cell": "the verdict on a question; a cell of the simulated table",
    "Document": "a pydantic block of a file; a span of the corpus, whose sources name its index",
    "Ladder": "the policy's block; the climb of a hero",
    "Outcome": "of a canary; of an offline look",
    "Power": "of a policy; of an offline policy",
    "Question": "of a policy; of an offline simulation",
    "World": "of two simulations",
}


def modules(root: Path) -> list[Path]:
    """Every module before tests."""
    return sorted(path for room in (*LINE, "benchmarks") for path in (root / room).rglob("*.py"))


def test_a_module_is_read_at_once(root: Path) -> None:
    long = {str(path.relative_to(root)) for path in modules(root) if len(path.read_text().splitlines()) > MOST}
    assert long == set(STILL_LONG)


def test_a_name_of_a_class_means_one_thing(root: Path) -> None:
    places = defaultdict(set)
    for path in modules(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].add(str(path.relative_to(root)))
    twice = {name for name, there in places.items() if len(there) > 1}
    assert twice == set(STILL_TWICE)
