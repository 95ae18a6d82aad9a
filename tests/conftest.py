"""Where is the repository, and how long may a property be searched for?"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from gates.policy import Policy, load_policy
from tests.recorded_release import Checkout, write_release

ROOT = Path(__file__).parents[1]

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


@pytest.fixture
def whole_checkout(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    release_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Checkout:
    """A fresh copy of that checkout."""
    # Many short processes: they load no plugin that they do not need, and share what they compile.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):
        monkeypatch.delenv("PYTHONDONTWRITEBYTECODE")
        monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.getbasetemp().parent / "compiled"))
    return Checkout(pytester, release_template)


@pytest.fixture
def checkout(whole_checkout: Checkout, root: Path) -> Checkout:
    """A fresh copy of that checkout whose reports only record the decision."""
    whole_checkout.stand_in_for_reports(root / "tests" / "gates" / "recorder.py")
    return whole_checkout


@pytest.fixture(params=[(), ("-n0",), ("-n2",)], ids=["alone", "n0", "n2"])
def workers(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """In how many processes a gate runs; its decision must not depend on it."""
    return tuple(request.param)
