"""Which run is this, where are its files, and does it decide about heroes? Asked of its options."""

import ast
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gates import archive
from gates.errors import GateError
from gates.place import HERE, SUITES, Whereabouts, place_of

#: With one of these pytest tells something and runs no item.
ONLY_TELL = {
    "collectonly": "--collect-only",
    "setupplan": "--setup-plan",
    "setuponly": "--setup-only",
    "plan": "--plan",
    "showfixtures": "--fixtures",
    "show_fixtures_per_test": "--fixtures-per-test",
    "markers": "--markers",
    "help": "--help",
    "version": "--version",
}

#: What conftest.py loads beside this: without one of these nothing is measured or recorded.
NEEDED = ("fixtures.plugin", "rollout.plugin", "reports.plugin")
#: With one of these pytest goes by what passed last time.
LAST_TIME = {"lf": "--lf", "stepwise": "--stepwise", "cacheshow": "--cache-show"}

_RUN_ID = pytest.StashKey[str]()


def run_id(config: pytest.Config) -> str:
    """The name of this run, the same in every process of it."""
    if is_worker(config):
        return str(config.workerinput["run_id"])  # type: ignore[attr-defined]
    return config.stash.setdefault(_RUN_ID, f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}")


def is_worker(config: pytest.Config) -> bool:
    """Is this process one of those among which xdist divides the items?"""
    return hasattr(config, "workerinput")


def place(config: pytest.Config, root: Path | None = None) -> Whereabouts:
    """Where this run is. In a checkout, that is pytest's root (or another), whatever code it imports."""
    return HERE if HERE.installed else place_of(root or config.rootpath)


def configs(config: pytest.Config, root: Path | None = None) -> Path:
    """The folder of policy, baseline and packs."""
    return place(config, root).home / str(config.getoption("--configs"))


def artifacts(config: pytest.Config, root: Path | None = None) -> Path:
    """Where people look for this run's results, below its home. Raises pytest.UsageError for what is not ours."""
    named = str(config.getoption("--artifacts"))
    if not named:
        raise pytest.UsageError("--artifacts=: empty, but a folder for results is expected; is a variable not set?")
    folder = place(config, root).home / named
    try:
        archive.require_ours(folder)
    except GateError as error:
        raise pytest.UsageError(f"--artifacts={error}") from None
    return folder


def run_folder(config: pytest.Config) -> Path:
    """Where the workers leave this run's evidence until it is merged."""
    return artifacts(config) / ".runs" / run_id(config)


def is_canary(config: pytest.Config) -> bool:
    """Does this run decide about heroes? Then it archives, records HOLD first and ends with 0, 20 or 10."""
    return asks_for_canary(config) and not only_tells(config)


def asks_for_canary(config: pytest.Config) -> bool:
    """Is the canary asked for: by its marker, or by its folder where no marker is against it?"""
    if names_canary(config):
        return True
    if config.option.markexpr and not _selects(config, "canary"):
        return False
    suite = config.rootpath / SUITES / "canary"
    asked = [config.invocation_params.dir.joinpath(str(a).partition("::")[0]).resolve() for a in config.args]
    return any(suite.is_relative_to(path) or path.is_relative_to(suite) for path in asked)


def names_canary(config: pytest.Config) -> bool:
    """Does `-m` name the canary, wherever it is looked for?"""
    if config.option.help:  # then pytest reads no option that follows
        return not {"canary", "-mcanary", "-m=canary"}.isdisjoint(map(str, config.invocation_params.args))
    return _selects(config, "canary") and not _selects(config)


def refuse_half_a_canary(config: pytest.Config) -> None:
    """Raise pytest.UsageError where it is known beforehand that not all would be asked, or not as it was written."""
    for plugin in NEEDED:
        if not config.pluginmanager.hasplugin(plugin):
            raise pytest.UsageError(f"{plugin} is not loaded: nothing would be measured; run with this conftest.py")
    if not config.getini("strict"):
        raise pytest.UsageError("strict is off: a mistyped marker would leave checks out; run with this pytest.ini")
    if sys.flags.optimize:
        raise pytest.UsageError("python -O, or PYTHONOPTIMIZE: asserts of what measures are off; run without")
    for name, option in LAST_TIME.items():
        if getattr(config.option, name, False):
            raise pytest.UsageError(f"{option}: a canary asks all its checks, whatever passed last time; run without")


def only_tells(config: pytest.Config) -> str:
    """The option with which this run tells something about pytest or its items and runs none; "" for any other run."""
    return next((option for name, option in ONLY_TELL.items() if getattr(config.option, name, False)), "")


def _selects(config: pytest.Config, *markers: str) -> bool:
    """Does `-m` select an item that bears these markers alone? pytest itself tells no plugin before it collects."""
    marked = str(config.option.markexpr).strip()
    try:
        return bool(marked) and _holds(ast.parse(marked, mode="eval").body, markers)
    except SyntaxError as error:
        raise pytest.UsageError(f"-m {marked!r}: {error.msg}, column {error.offset}") from None


def _holds(node: ast.expr, markers: tuple[str, ...]) -> bool:
    match node:
        case ast.BoolOp(op, values):
            return (all if isinstance(op, ast.And) else any)([_holds(value, markers) for value in values])
        case ast.UnaryOp(ast.Not(), operand):
            return not _holds(operand, markers)
        case ast.Name(name) | ast.Call(ast.Name(name)):
            return name in markers
    raise SyntaxError("should be names of markers with and, or, not", ("-m", 1, node.col_offset + 1, None))
