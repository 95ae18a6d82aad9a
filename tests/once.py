"""How is what takes seconds to make, and is only looked at or copied, made once for all processes of a test session?"""

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder of that name: whoever asks first makes it, the others wait for it."""
    base = factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base  # a worker of xdist has a folder in the session's
    folder, done = shared / f"once-{name}", shared / f"once-{name}.done"
    with FileLock(f"{done}.lock"):
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
