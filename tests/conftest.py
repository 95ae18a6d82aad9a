"""Where is the repository, and how long may a property be searched for?"""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from gates.policy import Policy, load_policy
from tests.recorded_release import Checkout, write_release

ROOT = Path(__file__).parents[1]

# Hundreds of short processes: what one of them compiles the others read, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# The same examples in every run: a test that fails by luck holds up people who changed nothing.
settings.register_profile("gate", derandomize=True, database=None, deadline=None, max_examples=50)
settings.load_profile("gate")


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
