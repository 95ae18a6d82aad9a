"""A machine on which a nightly job is known."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.automation.worlds import DUE, MINUTE, Machine, job


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A nightly job that the schedule has known since before it was due."""
    found = Machine(tmp_path, job("nightly", max_lateness_minutes=60))
    found.tick(DUE - MINUTE)
    yield found
    found.close()
