"""Where is what took long kept? In the cache folder of the project, under a name that says what it depends on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path


def kept_folder(kind: str, content: Mapping[str, object]) -> Path:
    """The place of what these inputs give: $HERO_GATE_CACHE, or hero-gate in the user's cache folder."""
    named = os.environ.get("HERO_GATE_CACHE")
    base = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hero-gate"
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    return base / f"{kind}-{key}"


def fill_once(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` make the folder where it is missing; a run that is killed leaves nothing that looks whole."""
    if folder.exists():
        return
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{folder.name}.part-", dir=folder.parent))
    try:
        fill(part)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
