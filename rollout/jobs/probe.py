"""How does one system answer now? Asked alone, once a query, and written down as evidence of the stream "probe"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from evidence.measures import Truth
from evidence.parts import concat
from evidence.schemas import AGG, HITS
from fixtures.fingerprint import fingerprint
from fixtures.packs import Served
from fixtures.systems.faults import break_system
from fixtures.systems.protocol import Collection, Query
from gates.errors import EvidenceError
from rollout import replay
from rollout.comparison import Contender
from rollout.replay import Timed, judge_collection, warm_up
from rollout.tables import agg_table, hits_table

STREAM = "probe"  # of the rows in agg.parquet
BLOCK = 200  # queries measured at once; garbage is collected between two blocks


class Probed(NamedTuple):
    """What a probe found: the two tables of the evidence files, a row of `agg` for each query in the order asked."""

    hits: pa.Table
    agg: pa.Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One system, ready to be asked about its collection."""

    served: Served
    collection: Collection
    judged: Truth
    contender: Contender

    @property
    def fingerprint(self) -> str:
        """What was asked about what: digest of the configuration, the files it names, and the collection."""
        served = self.served
        return fingerprint(
            {
                "config": served.system_kind.content(),
                "files": served.system_kind.files(),
                "collection": dict(self.collection.digests),
            }
        )


def open_probe(served: Served) -> Probe:
    """Open the system with its fault, if it has one, and the collection it answers about."""
    collection = served.system_kind.open_collection(lambda line: None)
    system = break_system(served.system_kind.open_system(collection), served.fault)
    return Probe(
        served=served,
        collection=collection,
        judged=judge_collection(collection),
        contender=Contender.of(served.name, served.config_hash, system, collection),
    )


def ask_all(probe: Probe, queries: Sequence[Query], run_id: str) -> Probed:
    """Ask every query once, in the order given, and measure."""
    return ask_in_turn([probe], queries, run_id)[0]


def ask_in_turn(probes: Sequence[Probe], queries: Sequence[Query], run_id: str, window: int = 0) -> list[Probed]:
    """Ask every query of each system, one right after the other, so that no system gains by its hour.

    Another one begins with each query; `window` tells several suites of one run apart. Raises EvidenceError where the
    systems are of different collections.
    """
    for probe in probes:
        if probe.collection.digests != probes[0].collection.digests:
            raise EvidenceError(
                f"{probe.served.source}: answers about another collection than {probes[0].served.source}"
            )
    systems = [probe.contender.system for probe in probes]
    warm_up(systems, queries)
    parts = [[Probed(HITS.empty_table(), AGG.empty_table())] for _ in probes]
    for begun in range(0, len(queries), BLOCK):
        block = queries[begun : begun + BLOCK]
        for probe, timed, its in zip(probes, replay.ask_in_turn(systems, block, begun), parts, strict=True):
            its.append(_tables(probe, block, timed, begun, run_id, window))
    return [Probed(*(concat(list(tables)) for tables in zip(*its, strict=True))) for its in parts]


def _tables(
    probe: Probe, queries: Sequence[Query], timed: Sequence[Timed], begun: int, run_id: str, window: int
) -> Probed:
    side, n = probe.contender, len(queries)
    answers = side.measured(timed, queries, probe.judged, probe.served.policy)
    label = side.label(run_id, side.name, STREAM, 0, window)
    return Probed(
        hits=hits_table(label, queries, answers, side.locator),
        agg=agg_table(label, queries, answers, [side.name] * n, range(begun, begun + n)),
    )
