"""Asks what serves its sentinels and measures, within a second: nothing is imported that an answer does not need.

What it covers: the whole promoted configuration on the built index, every file of which is held against its digest;
words and meaning, fusion or router, and the calibrator. What it leaves out: the questions and judgements of the
collection (so no quality is measured, health does that) and the vectors of words that no document has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fixtures.oracles import oracles_of
from fixtures.systems import kinds
from fixtures.systems.protocol import SearchSystem
from gates.documents import read_yaml
from gates.emergency import Emergency, Rounds
from gates.errors import ConfigError, EvidenceError
from rollout.replay import Timed, ask


class Target(NamedTuple):
    """Whom to ask: a pack's name, its `selected` block, the folder its paths start from, and its seeded fault."""

    name: str
    system: dict[str, Any]
    folder: Path
    fault: dict[str, Any] | None


def target(configs: Path, hero: str) -> Target:
    """What serves, or the pack at a path. Raises ConfigError.

    Names come from the YAML as it lies there: the strict models of policy and packs take half of the time that there
    is, and whatever runs beside this probe reads them. `selected` is still read strictly, when the system is opened.
    """
    policy = read_yaml(configs / "policy.yaml")
    baseline = read_yaml(configs / str(policy.get("baseline")))
    if not hero:
        return _target(configs / str(policy.get("baseline")), baseline, baseline.get("selected"), configs)
    path = Path(hero) if hero.endswith((".yaml", ".yml")) else configs / str(policy.get("heroes", {}).get(hero))
    pack = read_yaml(path)
    own = pack.get("baseline")
    selected = pack.get("selected")
    if selected == "baseline":
        selected = own or baseline.get("selected")
    return _target(path, pack, selected, path.parent if own else configs)


def _target(path: Path, pack: dict[str, Any], selected: Any, folder: Path) -> Target:
    if not isinstance(selected, dict):
        raise ConfigError([f"{path}: selected: {selected!r}, but should say what the system is"])
    wrong = kinds.mistakes(selected, folder)
    if wrong:
        raise ConfigError([f"{path}: selected.{mistake}" for mistake in wrong])
    return Target(str(pack.get("name")), selected, folder, pack.get("fault"))


def ask_sentinels(whom: Target, configs: Path, limits: Emergency) -> Rounds:
    """Every sentinel in every round, after one that is not timed. Raises EvidenceError where nothing is built."""
    built = kinds.kind_of(whom.system, whom.folder).open_built()
    system = _with_fault(built.system, whom.fault)
    chosen = oracles_of("", configs, built.corpus)
    if not chosen.oracles:
        raise EvidenceError(f"no sentinels: {chosen.why}")
    sentinels = [oracle for oracle in chosen.oracles if oracle.intent in limits.intents]
    queries = [oracle.asked() for oracle in sentinels]
    for query in queries:
        ask(system, query)
    rounds = [[ask(system, query) for query in queries] for _ in range(limits.rounds)]
    return Rounds(
        sentinels=[oracle.id for oracle in sentinels],
        latency_ms=np.array([[one.latency_ms for one in answers] for answers in rounds]),
        calibrator_ms=np.array([[_calibrator_ms(one) for one in answers] for answers in rounds]),
        error=np.array([[bool(one.error_code) for one in answers] for answers in rounds], dtype=np.bool_),
        hits=np.array([[len(one.answer.doc_ord) for one in answers] for answers in rounds], dtype=np.int64),
    )


def _calibrator_ms(one: Timed) -> float:
    called = one.answer.calibrator_ns >= 0 and not one.error_code
    return one.answer.calibrator_ns / 1e6 if called else float("nan")


def _with_fault(system: SearchSystem, fault: dict[str, Any] | None) -> SearchSystem:
    if fault is None:
        return system
    from fixtures.systems.faults import Fault, break_system  # of seeded heroes alone

    return break_system(system, Fault.model_validate(fault))
