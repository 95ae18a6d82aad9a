"""Where is the repository, how long is a property searched for, and what does a checkout in miniature look like?"""

import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import pandas  # noqa: F401 - pytester forgets what a test imports first, and a second pandas is another one
import pytest
from hypothesis import is_hypothesis_test, settings

from gates.policy import Policy, load_policy
from tests.recorded_release import Checkout, write_release

ROOT = Path(__file__).parents[1]

# Hundreds of short processes: what one of them compiles the others read, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
os.environ["PYTHONPATH"] = str(ROOT)  # where a checkout in miniature finds the rooms

# The same examples in every run: a test that fails by luck holds up people who changed nothing.
settings.register_profile("sampled", derandomize=True, database=None, deadline=None, max_examples=50)
settings.register_profile("whole", settings.get_profile("sampled"), max_examples=1000)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Slow kinds of tests have a run of their own, of which every other run sees a sample, always the same one."""
    parser.addoption("--whole", action="store_true", help="slow tests alone: all parameters and points, 1,000 examples")


def pytest_configure(config: pytest.Config) -> None:
    """Before any test is imported: a share of the examples is named when it is."""
    settings.load_profile("whole" if config.getoption("--whole") else "sampled")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Properties are slow by kind; of parameters marked slow(every=n) a sample has each n-th."""
    whole, seen = config.getoption("--whole"), Counter[str]()
    chosen, left_out = [], []
    for item in items:
        marks = [mark.kwargs.get("every", 1) for mark in item.iter_markers("slow")]
        marks += [1] if is_hypothesis_test(getattr(item, "obj", None)) else []
        name = item.nodeid.partition("[")[0]
        runs = bool(marks) if whole else seen[name] % max(marks, default=1) == 0
        (chosen if runs else left_out).append(item)
        seen[name] += 1
    config.hook.pytest_deselected(items=left_out)
    items[:] = chosen


@pytest.fixture(scope="session")
def whole(pytestconfig: pytest.Config) -> bool:
    """Is a slow kind of test to go through all that there is?"""
    return bool(pytestconfig.getoption("--whole"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The policy that releases are judged by."""
    return load_policy(ROOT / "configs" / "policy.yaml")


@pytest.fixture(scope="session")
def release_template(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A checkout in miniature, written once."""
    folder = tmp_path_factory.mktemp("release")
    write_release(folder, root)
    return folder


@pytest.fixture(scope="session")
def recorded_template(tmp_path_factory: pytest.TempPathFactory, release_template: Path, root: Path) -> Path:
    """The same, but its reports only record the decision."""
    folder = tmp_path_factory.mktemp("recorded")
    Checkout(folder, release_template).stand_in_for_reports(root / "tests" / "gates" / "recorder.py")
    return folder


@pytest.fixture
def configs(tmp_path: Path, release_template: Path) -> Path:
    """Policy, packs and run files of a small release."""
    return Path(shutil.copytree(release_template / "configs", tmp_path / "configs"))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate loads no plugin that it does not need: there are many, and most take a second."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def whole_checkout(pytester: pytest.Pytester, short: None, release_template: Path) -> Checkout:
    """A fresh copy of the checkout in miniature."""
    return Checkout(pytester.path, release_template)


@pytest.fixture
def checkout(pytester: pytest.Pytester, short: None, recorded_template: Path) -> Checkout:
    """A fresh copy of the one whose reports only record the decision."""
    return Checkout(pytester.path, recorded_template, ["xdist"])


@pytest.fixture(params=[(), ("-n2",)], ids=["alone", "n2"])
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """In how many processes a gate runs, where it may matter; -n0, another word for one, is in gates/test_status.py."""
    return tuple(request.param)
