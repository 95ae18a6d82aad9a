"""How many tuples a second do the calibrator and its ports answer and bin, side by side?

A port is started once, reads the tuples, and then does one piece of work for each line that it is sent: neither its
start nor its reading is timed. The clock is the wall's, since it is another process that works; of the rounds the best
counts, since neighbours on the machine only ever add.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from fixtures.parity.ports import NAMES, PORTS, REFERENCE, NotEvidenced, write_rows
from fixtures.parity.reference import all_bins, confidences
from fixtures.parity.sample import Sheet, sheets
from lens.calibrator import read_calibrator

CALIBRATOR = Path(__file__).parents[1] / "configs" / "calib_v22.json"
TIMES = 8  # the sample, to have a piece of work that takes longer than telling it
BINS = 10
WORK = ("confidences", "bins")
Do = Callable[[str], float]


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Sheet:
    """The committed calibrator's sheet, several times over."""
    committed = sheets(CALIBRATOR, tmp_path_factory.mktemp("sample"), 12_000, 42)[0]
    return replace(committed, rows=committed.rows * TIMES)


def here(sheet: Sheet) -> Do:
    """Python's own work, in this process."""
    calibrator = read_calibrator(sheet.calibrator)
    known = confidences(calibrator, sheet.rows)

    def do(work: str) -> float:
        if work == "bins":
            return sum(binned.ece for binned in all_bins(known, sheet.rows, BINS).values())
        return sum(c for c in confidences(calibrator, sheet.rows) if c == c)  # not the refused ones

    return do


@contextmanager
def there(port: str, sheet: Sheet) -> Iterator[Do]:
    """A port's work, in a process that waits for it."""
    try:
        program = PORTS[port]()
    except NotEvidenced as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not evidenced: {error}")
    with tempfile.TemporaryDirectory() as folder:
        rows = write_rows(sheet, Path(folder))
        command = [*program.command, str(sheet.calibrator), str(rows), str(BINS), "on-demand"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            to, fro = process.stdin, process.stdout

            def do(work: str) -> float:
                to.write(f"{work}\n")
                return float(fro.readline())

            yield do
            to.close()


@pytest.mark.benchmark(group="calibrator and its ports, tuples answered and binned")
@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("port", NAMES)
def test_throughput(benchmark: BenchmarkFixture, sheet: Sheet, port: str, work: str) -> None:
    """Side by side; no limit, since no release depends on it. All must have done the same."""
    expected = here(sheet)(work)
    with nullcontext(here(sheet)) if port == REFERENCE else there(port, sheet) as do:
        assert benchmark.pedantic(do, args=(work,), rounds=7, warmup_rounds=2) == pytest.approx(expected, rel=1e-9)
    if benchmark.stats is not None:  # --benchmark-disable
        best = benchmark.stats.stats.min
        print(f"\n{port}: {work} of {len(sheet.rows):,} tuples: {len(sheet.rows) / best / 1e6:.2f} million a second")
