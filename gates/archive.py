"""Puts the results of the last run away before a new one begins, so that no old decision can be taken for a new one."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

RELEASE_FILES = ("attestation.json", "index.html", "summary.md", "allure.html")


def put_away(artifacts: Path, *, keep: int) -> None:
    """Move the release's files and all heroes' folders to history/<run_id>/; keep the newest `keep` runs there."""
    heroes = [path.parent for path in sorted(artifacts.glob("*/attestation.json"))]
    history = artifacts / "history"
    # all run ids first: the attestation that tells them is put away as well
    old = {
        path: history / _run_id((path if path.is_dir() else artifacts) / "attestation.json")
        for path in (*(artifacts / name for name in RELEASE_FILES), *heroes)
        if path.exists()
    }
    for path, home in old.items():
        home.mkdir(parents=True, exist_ok=True)
        target = home / path.name
        if target.exists():  # a run that was archived halfway
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        path.rename(target)
    runs = sorted((p for p in history.glob("*") if p.is_dir()), key=lambda p: p.name) if history.exists() else []
    for expired in runs[: max(0, len(runs) - keep)]:
        shutil.rmtree(expired)


def _run_id(attestation: Path) -> str:
    """The run that wrote an attestation; it becomes a folder's name, so nothing but a run id is believed."""
    try:
        run_id = str(json.loads(attestation.read_text())["run_id"])
    except (OSError, ValueError, KeyError, TypeError):
        run_id = ""
    return run_id if re.fullmatch(r"[0-9TZ]+-[0-9a-f]+", run_id) else "00000000T000000Z-unknown"
