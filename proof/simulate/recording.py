"""What do the real systems answer? Every canary query, asked of the baseline and of each hero, and kept.

Resampling these answers is what the characteristics on real pairs rest on. All systems answer a query one after the
other, in an order drawn for each query. A seeded fault is put on the recorded answers of the hero without it, and a
slow one adds its milliseconds to the recorded latency: nobody sleeps 22,000 times.
The recording lies in the project's cache folder under a key of all that the answers depend on, so a changed source
records anew.
"""

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from evidence.digests import file_digest
from fixtures.cache import built, cache_folder, content_key
from fixtures.fingerprint import digest_sources
from fixtures.lock import lock_material
from fixtures.packs import Hero, load_hero
from fixtures.systems.faults import Fault, break_system
from fixtures.systems.protocol import Answer, Documents, Query, SearchSystem
from gates.pairs import COLUMNS, Arm
from gates.policy import Policy
from proof.simulate.population import Population
from rollout.columns import positions
from rollout.replay import Locator, Timed, ask, judge_collection, measure_answers, quiet

ROOT = Path(__file__).parents[2]
#: The code that the answers depend on: of the embedded system (a room), and of what asks, breaks and measures it.
SYSTEM = "lens"
MEASURING = (
    "evidence/measures.py", "fixtures/systems/faults.py", "fixtures/systems/kinds.py", "fixtures/systems/lens.py",
    "fixtures/systems/machine.py", "fixtures/systems/protocol.py", "fixtures/systems/waiting.py",
    "proof/simulate/recording.py", "rollout/columns.py", "rollout/replay.py",
)  # fmt: skip

WORKERS = 2
INCUMBENT = ("baseline", "repeat", "equal")  # three answers of one system
TELL_EVERY = 2_000
ALONE = "calibration"  # the name of what the baseline answered to other queries
CALM = 6_000  # calibration queries, from which preflights are drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Measured answers to all canary queries, and the baseline's to the calibration queries (for preflights)."""

    key: str
    query_id: tuple[str, ...]
    intent: NDArray[np.int8]  # position in the policy's intents
    arms: Mapping[str, Arm]  # "baseline", "repeat" and each hero
    preflight_id: tuple[str, ...]
    preflight: Population  # of the baseline alone

    def population(self, hero: str) -> Population:
        """A hero beside the baseline."""
        arms = self.arms
        return Population(hero=arms[hero], baseline=arms["baseline"], repeat=arms["repeat"], intent=self.intent)


def recorded_heroes(configs: Path, policy: Policy) -> dict[str, Hero]:
    """The policy's heroes, and those of good/ and bad/ beside it, by name."""
    seeded = sorted([*configs.glob("good/*.yaml"), *configs.glob("bad/*.yaml")])
    heroes = [load_hero(str(name), configs, foreseen=False) for name in (*policy.heroes, *seeded)]
    return {hero.subject.name: hero for hero in heroes}


def open_recording(configs: Path, policy: Policy, tell: Callable[[str], None]) -> Recording:
    """The recording of these configs, from the cache or made now (about a minute and a half on two cores)."""
    heroes = recorded_heroes(configs, policy)
    first = next(iter(heroes.values()))
    collection = first.baseline_kind.open_collection(tell)
    material = {name: lock_material(hero, collection, ROOT) for name, hero in heroes.items()}
    kept = ("config", "baseline_config", "files", "collection", "index", "libraries")
    content = {
        "heroes": {name: {k: m[k] for k in kept} for name, m in material.items()},
        "sources": {SYSTEM: digest_sources(ROOT / SYSTEM), **{p: file_digest(ROOT / p) for p in MEASURING}},
        "sla_ms": policy.sla_ms,
        "intents": policy.slices.intents,
    }
    folder = cache_folder() / f"answers-{content_key(content)}"
    built(folder, lambda part: _record(part, configs, policy, tuple(heroes), tell), tell)
    return load_recording(folder)


def load_recording(folder: Path) -> Recording:
    """A recording that lies in this folder."""
    tables = {path.stem: pq.read_table(path) for path in sorted(folder.glob("*.parquet"))}
    arms = {name: Arm(**{column: table[column].to_numpy() for column in COLUMNS}) for name, table in tables.items()}
    ids, intents = ({name: tables[name][column] for name in ("baseline", ALONE)} for column in ("query_id", "intent"))
    alone = arms.pop(ALONE)
    return Recording(
        key=folder.name,
        query_id=tuple(ids["baseline"].to_pylist()),
        intent=intents["baseline"].to_numpy(),
        arms=arms,
        preflight_id=tuple(ids[ALONE].to_pylist()),
        preflight=Population(hero=alone, baseline=alone, repeat=alone, intent=intents[ALONE].to_numpy()),
    )


def _record(folder: Path, configs: Path, policy: Policy, names: Sequence[str], tell: Callable[[str], None]) -> None:
    tell(f"recording the answers of {', '.join(names)} to every canary query")
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        shares = pool.starmap(record_share, [(configs, policy, i) for i in range(WORKERS)])
    for name in shares[0]:
        pq.write_table(pa.concat_tables([share[name] for share in shares]), folder / f"{name}.parquet")


def record_share(configs: Path, policy: Policy, worker: int) -> dict[str, pa.Table]:
    """One worker's share of the queries, asked of every system and measured: a table for each, one row a query."""
    heroes = recorded_heroes(configs, policy)
    first = next(iter(heroes.values()))
    collection = first.baseline_kind.open_collection(lambda _: None)
    judged = judge_collection(collection)

    def measured(documents: Documents, timed: Sequence[Timed], asked: Sequence[Query]) -> pa.Table:
        locator = Locator(documents, collection.documents)
        arm = measure_answers(timed, asked, locator, judged, policy.sla_ms).arm
        at = positions([q.intent for q in asked], policy.slices.intents)
        columns = {name: getattr(arm, name) for name in COLUMNS}
        return pa.table({"query_id": [q.query_id for q in asked], "intent": at, **columns})

    whole = {name: hero for name, hero in heroes.items() if hero.fault is None}
    baseline = first.baseline_kind.open_system(collection)
    systems = {"baseline": baseline, "repeat": baseline}
    systems |= {name: hero.system_kind.open_system(collection) for name, hero in whole.items()}
    before = {name: _before(hero, whole) for name, hero in heroes.items() if hero.fault is not None}
    for name, source in before.items():
        if source not in systems:
            systems[source] = heroes[name].system_kind.open_system(collection)
    queries = [collection.queries[i] for i in collection.part["canary"][worker::WORKERS]]
    timed = _ask_settled(systems, queries, worker)
    tables = {name: measured(systems[name].documents, timed[name], queries) for name in ("baseline", "repeat", *whole)}
    for name, source in before.items():
        fault = heroes[name].fault
        assert fault is not None
        remembered = Remembered(queries, timed[source], systems[source].documents)
        tables[name] = measured(*_faulty(remembered, fault, queries), queries)
    calibration = collection.part["calibration"]  # sorted by intent, so taken at even distances
    calm = [collection.queries[i] for i in calibration[:: max(1, len(calibration) // CALM)][worker::WORKERS]]
    alone = _ask_all({"baseline": baseline}, calm, worker)["baseline"]
    return {**tables, ALONE: measured(baseline.documents, alone, calm)}


class Remembered:
    """A system that answers as was recorded."""

    def __init__(self, queries: Sequence[Query], timed: Sequence[Timed], documents: Documents) -> None:
        self._timed = {query.query_id: t for query, t in zip(queries, timed, strict=True)}
        self.documents = documents
        self.lacks: Mapping[str, str] = {}
        self.gaps: Mapping[str, str] = {}

    def answer(self, query: Query) -> Answer:
        """The recorded answer with the recorded latency."""
        timed = self._timed[query.query_id]
        return replace(timed.answer, latency_ms=timed.latency_ms, error_code=timed.error_code)


def _faulty(system: Remembered, fault: Fault, queries: Sequence[Query]) -> tuple[Documents, list[Timed]]:
    asleep = fault.kind == "slow"
    broken: SearchSystem = break_system(system, fault.model_copy(update={"milliseconds": 0.0}) if asleep else fault)
    timed = [ask(broken, query) for query in queries]
    if asleep:  # whom it befalls: those whom an empty answer with the same share would
        probe = break_system(system, fault.model_copy(update={"kind": "empty"}))
        befallen = [len(probe.answer(query).doc_ord) == 0 for query in queries]
        timed = [
            t._replace(latency_ms=t.latency_ms + fault.milliseconds) if hit else t
            for t, hit in zip(timed, befallen, strict=True)
        ]
    return broken.documents, timed


def _ask_all(systems: Mapping[str, SearchSystem], queries: Sequence[Query], worker: int) -> dict[str, list[Timed]]:
    rng = np.random.default_rng(worker)
    names = list(systems)
    timed: dict[str, list[Timed]] = {name: [] for name in names}
    for query in queries[:20]:  # caches and lazy imports are nobody's latency
        for system in systems.values():
            system.answer(query)
    with quiet():
        for i, query in enumerate(queries):
            for at in rng.permutation(len(names)):
                timed[names[at]].append(ask(systems[names[at]], query))
            if worker == 0 and i % TELL_EVERY == 0:
                done, of = i * WORKERS, len(queries) * WORKERS
                print(f"  {done:6,} of {of:,} queries answered by {len(names)} systems", flush=True)
    return timed


def _before(hero: Hero, whole: Mapping[str, Hero]) -> str:
    """The recorded system that a faulty hero is before its fault."""
    same = [name for name, other in whole.items() if other.system_kind.block == hero.system_kind.block]
    return same[0] if same else f"{hero.subject.name} before"


def _ask_settled(systems: Mapping[str, SearchSystem], queries: Sequence[Query], worker: int) -> dict[str, list[Timed]]:
    """Everyone's answers. What each spent, and how long its calibrator took: the least of its answers to a query.

    A machine that stalls while it records says nothing about a hero, and these two limits are absolute. Latencies stay
    as they are: they are compared between arms.
    """
    again = {f"{name} again": system for name, system in systems.items() if name not in INCUMBENT}
    timed = _ask_all({**systems, **again}, queries, worker)
    for same in (INCUMBENT, *((name.removesuffix(" again"), name) for name in again)):
        names = [name for name in same if name in timed]
        for i, answers in enumerate(zip(*(timed[name] for name in names), strict=True)):
            spent = min(t.answer.spend_ms for t in answers)
            took = min(t.answer.calibrator_ns for t in answers)
            for name, t in zip(names, answers, strict=True):
                timed[name][i] = t._replace(answer=replace(t.answer, spend_ms=spent, calibrator_ns=took))
    return timed
