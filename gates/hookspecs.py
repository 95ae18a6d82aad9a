"""The hooks by which the other rooms take part in a gate run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gates.release import Release, Subject


@pytest.hookspec(firstresult=True)
def pytest_gate_subjects(config: pytest.Config) -> list[Subject] | None:
    """Return the heroes that `--hero` asks for. Raise pytest.UsageError with one line where it asks for none."""


@pytest.hookspec(firstresult=True)
def pytest_gate_heroes(config: pytest.Config) -> Mapping[str, Any] | None:
    """Return heroes that are in no pack, by name, in the place of those that `--hero` asks for; None for those."""


@pytest.hookspec
def pytest_gate_prepare(config: pytest.Config) -> None:
    """The artifacts folder is this run's now, and no other plugin has been configured: clear what must not linger."""


@pytest.hookspec
def pytest_gate_merge(config: pytest.Config, release: Release) -> None:
    """All items have reported: merge the evidence parts of `release.run_folder` into `release.artifacts`."""


@pytest.hookspec
def pytest_gate_started(config: pytest.Config, release: Release) -> None:
    """The run begins: record HOLD "run started, not finished", so that a killed run leaves no old decision."""


@pytest.hookspec
def pytest_gate_rolled_back(config: pytest.Config, release: Release) -> None:
    """A RED that rolls back was just seen: record it now, a killed run may not come to its end."""


@pytest.hookspec
def pytest_gate_decided(config: pytest.Config, release: Release) -> None:
    """It is decided, and the evidence is merged: prepare what people and machines read. The disk still says HOLD."""


@pytest.hookspec
def pytest_gate_told(told: Any) -> None:
    """Write a report of what was decided (reports.render.told.Told: the release, a story with its card for each hero).

    Tables, plots, pages and Allure are plugins of this hook, as a report of one's own is. Nothing is signed
    yet: what says the decision goes into `told.staged`, and is read once it is. Raise where it cannot be written: then
    nothing is decided.
    """


@pytest.hookspec
def pytest_gate_signed(told: Any, configs: Path) -> str | None:
    """The decision is signed and stands: tell others of it. Return one line on what went wrong, if anything did."""


@pytest.hookspec
def pytest_gate_sign(config: pytest.Config, release: Release, status: int) -> None:
    """The run is to end with `status`: sign the decision, and let the disk say it. Raise where either cannot be."""


@pytest.hookspec
def pytest_gate_intervals(rows: Sequence[Any], folder: Path, night: str) -> None:
    """The intervals of a night are made: write for people into its folder what `night` was."""
