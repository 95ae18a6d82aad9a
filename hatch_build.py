"""What is in a wheel of Hero Gate? The checkout at its commit: the files that git knows, and the commit's id.

Dependencies and extras are those of requirements/*.in. An sdist would hold no commit, and an editable install none that
stays: both are refused (docs/adr/0023).
"""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

CORE, EXTRAS = "core", ("alerts", "lens", "measures", "report")
HOUSE, STAMP = "hero_gate/house", "COMMIT"


class Requirements(MetadataHookInterface):
    """Dependencies, from where they are locked as well."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what pyproject.toml declares dynamic."""
        asked = {name: _requirements(Path(self.root) / "requirements" / f"{name}.in") for name in (CORE, *EXTRAS)}
        metadata["dependencies"] = asked.pop(CORE)
        metadata["optional-dependencies"] = {**asked, "all": sorted({one for extra in asked.values() for one in extra})}


class Checkout(BuildHookInterface):
    """The house of an installed tool."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name every file of the house, and write the stamp. Raises ValueError where no commit can be named."""
        root = Path(self.root)
        if version == "editable" or self.target_name != "wheel":
            what = "an editable install" if version == "editable" else "an sdist"
            raise ValueError(f"{what} is no checkout at a commit; build the wheel alone: pip wheel --no-deps .")
        if not (root / ".git").exists():
            raise ValueError(f"{root}: no git checkout, so there is no commit to stamp; clone the repository")
        house = _git(root, "ls-files", "-z", "--", *self.config["house"]).split("\0")
        self._folder = tempfile.TemporaryDirectory()
        stamp = Path(self._folder.name) / STAMP
        stamp.write_text(commit(root) + "\n", encoding="utf-8")
        files = (name for name in house if (root / name).is_file())
        build_data["force_include"] |= {str(root / name): f"{HOUSE}/{name}" for name in files}
        build_data["force_include"][str(stamp)] = f"{HOUSE}/{STAMP}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Take the stamp away."""
        self._folder.cleanup()


def commit(root: Path) -> str:
    """As gates.place says it, which is not imported here: it would want to know where it is."""
    differs = _git(root, "status", "--porcelain").strip()
    return f"{_git(root, 'rev-parse', '--short', 'HEAD').strip()} {'with uncommitted changes' if differs else 'clean'}"


def _git(root: Path, *words: str) -> str:
    try:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ValueError(f"{root}: git {words[0]} does not answer ({error}); a wheel is of a commit") from None


def _requirements(path: Path) -> list[str]:
    """The requirements that a file lists, a line each."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]
