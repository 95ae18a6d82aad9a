"""What does an installed tool look like on disk? The files of this checkout that git knows, as a wheel holds them."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.util import cache_from_source
from pathlib import Path

from gates.extras import EXTRAS

#: What is not there where the core alone is installed.
CORE_LACKS = [module for extra in EXTRAS.values() for module in extra]


def house_of(root: Path) -> list[str]:
    """What pyproject.toml puts into the house."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return [str(name) for name in project["tool"]["hatch"]["build"]["hooks"]["custom"]["house"]]


def lay_out(root: Path, site: Path, stamp: str) -> Path:
    """The package of an installed tool below `site`, with this stamp; its house."""
    house = site / "hero_gate" / "house"
    for where, names in ((site, ["hero_gate"]), (house, house_of(root))):
        words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *names]
        known = subprocess.run(words, cwd=root, capture_output=True, text=True, check=True).stdout
        for name in filter(None, known.split("\0")):
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, where / name)
            compiled = Path(cache_from_source(root / name))  # as pip would leave it: with the time of its source
            if name.endswith(".py") and compiled.exists():
                (where / name).with_name("__pycache__").mkdir(exist_ok=True)
                shutil.copy2(compiled, cache_from_source(where / name))
    (house / "COMMIT").write_text(f"{stamp}\n", encoding="utf-8")
    return house


def take_away(folder: Path, *modules: str) -> None:
    """Let nobody who has this folder on the path find these modules, though this environment has them."""
    folder.mkdir()
    gone = f"import sys\nsys.modules.update(dict.fromkeys({modules!r}))\n"  # what is None there cannot be found
    (folder / "sitecustomize.py").write_text(gone, encoding="utf-8")


def call(site: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`hero-gate ...` without what is taken away, as a console script runs it: where one stands is on no path."""
    environ = {**clean_environment(), "PYTHONPATH": f"{site}:{site.with_name('core')}"}
    script = "import sys; from hero_gate.__main__ import door; sys.exit(door())"
    words = [sys.executable, "-P", "-c", script, *arguments]
    return subprocess.run(words, cwd=home, env=environ, capture_output=True, text=True, check=False)


def clean_environment() -> dict[str, str]:
    """That of this process without what these tests tell Python and pytest."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
