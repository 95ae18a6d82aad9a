"""How is one hero judged that is in no pack? By pytest in this process, with the gate's own plugins and no others."""

import io
import os
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from fixtures.packs import Hero
from gates.place import HERE, SESSION, SUITES
from reports.render.told import Told

#: Neither Allure nor lines of progress: one screen is all that is printed.
WITHOUT = ("reports.render.allure", "gate-progress")


class OneHero:
    """The hero of this run, and what was told of it once that is signed."""

    def __init__(self, hero: Hero) -> None:
        self._hero = hero
        self.told: Told | None = None

    def pytest_gate_heroes(self) -> Mapping[str, Hero]:
        """In no pack."""
        return {self._hero.subject.name: self._hero}

    def pytest_gate_signed(self, told: Told) -> None:
        """It stands."""
        self.told = told


def judge_one(hero: Hero, artifacts: Path, junit: Path | None = None) -> tuple[int, Told | None, str]:
    """The exit status of its canary, what was told once that was signed, and what pytest printed."""
    given, printed = OneHero(hero), io.StringIO()
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):  # of other tests than these
        os.environ.pop(variable, None)
    with tempfile.TemporaryDirectory() as nothing, redirect_stdout(printed):
        options = [f"--configs={nothing}", f"--artifacts={artifacts}", "--assert=plain", "-q"]
        options += ["--disable-plugin-autoload", *([f"--junitxml={junit}"] if junit else [])]
        without = [word for name in WITHOUT for word in ("-p", f"no:{name}")]
        where = ["-c", str(HERE.house / SESSION), f"--rootdir={HERE.house}", str(HERE.house / SUITES / "canary")]
        status = int(pytest.main(["-m", "canary", *options, *without, *where], plugins=[given]))
    return status, given.told, printed.getvalue()
