"""How does a test change one thing in a file that a checkout has?"""

from pathlib import Path
from typing import Any

import yaml


def replace(path: Path, old: str, new: str) -> None:
    """Another text in the place of one that is there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def append(path: Path, text: str) -> None:
    """More at the end."""
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def put(path: Path, **changes: Any) -> None:
    """Other values of keys of a YAML file: a block keeps what is not named, and None takes a key away."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        document[key] = changed(document.get(key, {}), value) if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(changed(document, {})), encoding="utf-8")


def changed(block: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Both in one, without what is None."""
    return {key: value for key, value in {**block, **values}.items() if value is not None}
