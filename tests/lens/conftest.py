"""Which index do the tests search? The smoke corpus, built once and shared by all workers."""

import time
from pathlib import Path

import pytest
import yaml

from lens.__main__ import laid_over
from lens.index import Index, open_index
from lens.system import Clock, Lens


@pytest.fixture(scope="session")
def smoke(root: Path) -> Path:
    """The folder of the smoke configurations."""
    return root / "configs" / "smoke"


@pytest.fixture(scope="session")
def index(smoke: Path) -> Index:
    """The index of the smoke corpus."""
    return open_index(smoke / "corpus.lock", smoke.parent / "weights.lock", tell=lambda _: None)


@pytest.fixture(scope="session")
def open_lens(smoke: Path, index: Index):
    """Opens the system of a smoke pack, with changes to one of its blocks."""

    def opened(pack: str = "baseline", clock: Clock = time.perf_counter_ns, **changes: dict[str, object]) -> Lens:
        serves, told = (yaml.safe_load((smoke / f"{name}.yaml").read_text()) for name in ("baseline", pack))
        selected = laid_over(laid_over(serves["selected"], told.get("changes", {})), changes)
        return Lens.open(selected, smoke, index, clock)

    return opened
