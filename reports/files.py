"""How does a document reach the disk, and how does it leave it? Whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

READ_BY_PEOPLE = ("index.html", "summary.md")


def withdraw(artifacts: Path) -> None:
    """Take away what people read: a page that is not there promotes nothing."""
    for name in READ_BY_PEOPLE:
        (artifacts / name).unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name, then rename it: a killed run leaves the old one. Makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(temporary, path)
