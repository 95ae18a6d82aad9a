"""Does any reader of files that people or machines hand over end in a traceback, or never?

Each reader is given its own good file, bent: bits turned, pieces cut, doubled, exchanged for what breaks parsers. `make
test` spends a quarter of a minute of processor time on that, `make fuzz` ten.
"""

import gzip
import io
import json
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from automation.schedule_file import load_schedule
from evidence import history
from evidence.schemas import SchemaDrift
from fixtures.formats.sniffed import read_judged, read_queries, read_run
from fixtures.oracles import oracles_of
from fixtures.packs import load_hero
from fixtures.suites import load_suites
from gates.attestation import Attestation
from gates.documents import read_model
from gates.errors import GateError
from gates.planning.characteristics import read_characteristics
from gates.policy import load_policy
from gates.rule.climbed import Climbed
from lens.calibrator import read_calibrator
from lens.wheels import CorpusError, read_lock
from reports.alerts.log import read_log
from reports.alerts.rules import load_alert_rules
from reports.attestation.signing import bundle_bytes, read_bundle, read_public_key
from reports.attestation.trust import read_trust
from rollout.columns import read_agg, read_hits
from rollout.jobs.accepted import read_answers
from rollout.jobs.drift import DriftLimits
from rollout.jobs.emergency import EmergencyLimits
from rollout.jobs.numbers import Numbers
from rollout.jobs.performance import PerformanceLimits
from rollout.jobs.settings import read_family

ROOT = Path(__file__).parents[1]
CONFIGS, RECORDED = ROOT / "configs", ROOT / "tests" / "recorded_before" / "equal"
MOST_SECONDS = 20  # of processor time that one file may cost


class Reader(NamedTuple):
    """How a file is read, from where a good one comes, and what it may raise beside a GateError."""

    read: Callable[[Path], object]
    seed: Path | bytes
    name: str  # of the file
    raises: tuple[type[Exception], ...] = ()


def columns_of_a_run() -> bytes:
    """A run in parquet."""
    rows = range(40)
    columns = {
        "query_id": [f"q{i // 5}" for i in rows],
        "doc_id": [f"d{i}" for i in rows],
        "score": [0.5 * i for i in rows],
    }
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


FORMATS = (read_run, read_judged, read_queries)


def lines(line: Callable[[int], bytes], n: int = 40) -> bytes:
    """So many lines, by their number."""
    return b"".join(line(i) for i in range(n))


READERS = {
    "policy": Reader(load_policy, CONFIGS / "policy.yaml", "policy.yaml"),
    "pack": Reader(lambda path: load_hero(str(path), CONFIGS), CONFIGS / "ann_pack_c.yaml", "pack.yaml"),
    "suites": Reader(load_suites, CONFIGS / "suites.yaml", "suites.yaml"),
    "nightly": Reader(
        lambda path: read_family(path.parent, "nightly", performance=PerformanceLimits),
        CONFIGS / "nightly.yaml", "nightly.yaml",
    ),
    "weekly": Reader(
        lambda path: read_family(path.parent, "weekly", drift=DriftLimits), CONFIGS / "weekly.yaml", "weekly.yaml"
    ),
    "continuous": Reader(
        lambda path: read_family(path.parent, "continuous", emergency=EmergencyLimits),
        CONFIGS / "continuous.yaml", "continuous.yaml",
    ),
    "schedule": Reader(load_schedule, CONFIGS / "schedule.yaml", "schedule.yaml"),
    "alerts": Reader(lambda path: load_alert_rules(path.parent), CONFIGS / "alerts.yaml", "alerts.yaml"),
    "trusted keys": Reader(read_trust, CONFIGS / "trusted_keys.json", "trusted_keys.json"),
    "characteristics": Reader(read_characteristics, CONFIGS / "characteristics.json", "characteristics.json"),
    "known answers": Reader(
        lambda path: oracles_of("", path.parent, ""), CONFIGS / "oracles.json", "oracles.json"
    ),
    "numbers": Reader(
        lambda path: read_model(path, Numbers), CONFIGS / "baseline.numbers.json", "baseline.numbers.json"
    ),
    "calibrator": Reader(read_calibrator, CONFIGS / "calib_v22.json", "calib_v22.json", (ValueError,)),
    "corpus": Reader(read_lock, CONFIGS / "corpus.lock", "corpus.lock", (CorpusError,)),
    "run": Reader(read_run, lines(lambda i: b"q%d Q0 a.py:%d-99 1 0.5 tag %d.5\n" % (i // 5, i, i // 5)), "a.run"),
    "run by rank": Reader(read_run, lines(lambda i: b"q%d\td%d\t%d\n" % (i // 5, i, i % 5 + 1)), "a.tsv"),
    "run of objects": Reader(
        read_run,
        lines(lambda i: b'{"query_id": "q%d", "doc_id": "d%d", "score": %d, "latency_ms": 5}\n' % (i // 5, i, i)),
        "a.jsonl",
    ),
    "run of columns": Reader(read_run, columns_of_a_run(), "a.parquet"),
    "packed run": Reader(
        read_run, gzip.compress(lines(lambda i: b"q%d Q0 d%d 1 %d t\n" % (i // 5, i, i))), "a.run.gz"
    ),
    "judgements": Reader(read_judged, lines(lambda i: b"q1 0 a.py:%d-99 1\nq2 0 d%d 0\n" % (i, i)), "qrels.txt"),
    "judgements of BEIR": Reader(
        read_judged, b"query-id\tcorpus-id\tscore\n" + lines(lambda i: b"q1\td%d\t1\n" % i), "test.tsv"
    ),
    "judgements of Quepid": Reader(
        read_judged, b"query,docid,rating\n" + lines(lambda i: b'"red, %d",d1,3\nhats,d%d,0\n' % (i, i)),
        "basic.csv",
    ),
    "judgements of _rank_eval": Reader(
        read_judged,
        json.dumps({"requests": [
            {"id": f"q{i}", "ratings": [{"_index": "i", "_id": "d", "rating": 1}]} for i in range(20)
        ]}, indent=1).encode(),
        "rank_eval.json",
    ),
    "queries": Reader(read_queries, lines(lambda i: b"q%d\twhere is it\terror\n" % i), "queries.tsv"),
    "queries of BEIR": Reader(
        read_queries, lines(lambda i: b'{"_id": "q%d", "text": "red shoes", "metadata": {}}\n' % i),
        "queries.jsonl",
    ),
    "topics": Reader(
        read_queries,
        lines(lambda i: b"<top>\n<num> Number: %d\n<title> red\nshoes\n<desc> all\n</top>\n" % i),
        "topics.txt",
    ),
    "bundle": Reader(
        lambda path: read_bundle(path.read_bytes()), bundle_bytes(b'{"a": 1}', "0" * 64, b"signed"), "b.sigstore.json"
    ),
    "public key": Reader(
        lambda path: read_public_key(path.read_bytes()), b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n", "key.pem"
    ),
    "attestation": Reader(Attestation.read_file, b'{"schema": "hero-gate/attestation/v2"}', "a.json"),
    "climb": Reader(lambda path: Climbed.from_json(path.read_bytes()), b'{"steps": [], "windows": 3}', "ladder.json"),
    "alerts log": Reader(lambda path: read_log(path.parent), b'{"schema": "hero-gate/alert/v2"}\n', "alerts.jsonl"),
    "history": Reader(
        lambda path: history.look(path.parent), b'{"entry": "run", "file": "a"}\n', "index.jsonl",
        (history.HistoryError,),
    ),
    "hits": Reader(lambda path: read_hits(path.parent), RECORDED / "hits.parquet", "hits.parquet", (SchemaDrift,)),
    "answers": Reader(lambda path: read_agg(path.parent), RECORDED / "agg.parquet", "agg.parquet", (SchemaDrift,)),
    "accepted": Reader(read_answers, RECORDED / "agg.parquet", "accepted.parquet", (SchemaDrift,)),
}  # fmt: skip

#: Whose files are looked at before they are read (fixtures/systems/kinds.py, reports/attestation/verify.py), or made by
#: a run of one's own.
GUARDED = (
    "bundle",
    "public key",
    "climb",
    "attestation",
    "known answers",
    "calibrator",
    "corpus",
)

#: What breaks parsers.
HOSTILE = (
    b"\0", b"\xff\xfe", b"'", b'"', b"[" * 3000, b"{" * 3000, b'{"a":' * 3000, b"9" * 5000, b"1e999", b"NaN",
    b"-", b"\n- ", b"!!python/object/apply:os.system [x]", b"&a [*a]", b"? ", b"<<: ", b"\xe2\x80\xae", b"\xd9\xa3",
    b"2147483648", b"-9223372036854775809", b"true", b"null", b"\t", b"\r", b": ", b"#", b"0x10",
    b"\xf0\x9f\x98\x80" * 50,
    b"../../etc/passwd", b"/dev/zero", b"PAR1",
)  # fmt: skip


def bent(good: bytes, luck: random.Random) -> bytes:
    """The file with one to four places changed."""
    content = bytearray(good)
    for _ in range(luck.randint(1, 4)):
        at, size = luck.randrange(len(content) + 1), luck.choice((1, 2, 8, 64, 1000))
        match luck.randrange(6):
            case 0 if content:
                content[at % len(content)] ^= 1 << luck.randrange(8)
            case 1:
                del content[at : at + size]
            case 2:
                content[at:at] = content[at : at + size]
            case 3:
                content[at:at] = luck.choice(HOSTILE)
            case 4:  # another number
                digits = [i for i, byte in enumerate(content) if 48 <= byte <= 57]
                if digits:
                    content[(i := luck.choice(digits)) : i + 1] = luck.choice(
                        (b"", b"-1", b"0", b"1e30", b"'5'", b"yes")
                    )
            case _:
                content[at : at + size] = luck.choice(HOSTILE)
    return bytes(content)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """By processor time: how busy the machine is does not count."""

    def ring(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"not read within {seconds:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_a_bent_file_is_read_or_refused(tmp_path: Path, name: str, whole: bool) -> None:
    reader, luck = READERS[name], random.Random(name)
    good = reader.seed if isinstance(reader.seed, bytes) else reader.seed.read_bytes()
    path, tried = tmp_path / reader.name, 0
    until = time.process_time() + (600 if whole else 15) / len(READERS)
    while tried <= 10 or time.process_time() < until:
        path.write_bytes(content := bent(good, luck))
        tried, said = tried + 1, ""
        try:
            with at_most(MOST_SECONDS):
                reader.read(path)
        except (GateError, *reader.raises) as error:
            said = str(error)
        except Exception as error:
            kept = Path(shutil.copy(path, tmp_path / "found"))
            raise AssertionError(f"{name}, file {tried}: {error!r}; {kept}, {content[:200]!r}") from error
        if said and reader.read in FORMATS:  # in one line, which names the file
            assert (str(path) in said, said.count("\n")) == (True, 0), content


@pytest.mark.parametrize("name", [name for name in READERS if name not in GUARDED])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, name: str) -> None:
    reader = READERS[name]
    (tmp_path / reader.name).symlink_to("/dev/zero")
    with at_most(MOST_SECONDS), pytest.raises((GateError, OSError, *reader.raises)):
        reader.read(tmp_path / reader.name)
