"""Does what serves still answer at all? The emergency tripwire, from a second's worth of answers to its sentinels.

- calibrator_p99: is it shown that more than `share` of the calls take `calibrator_ms` or longer?
- errors: is it shown that more than `errors` of the answers fail?
- latency: the median of all answers against `factor` times the accepted p95, and never below `floor_ms`. A median: one
  stall is no spike, nor are ten.
- zero_results: a sentinel that finds nothing in any round. It is known to have an answer: nothing is left to chance.

The probe runs every minute, so a share counts as shown at `alarm` only: at .0001 (7 of 100 calls over a limit of 1 %)
a system exactly at its limit raises a false alarm once a week, and one below it never. It has two seconds: nothing is
imported that an answer does not need. It covers the whole promoted configuration on the built index, every file of
which is held against its digest; words and meaning, fusion or router, and the calibrator. It leaves out the questions
and judgements of the collection (so no quality is measured, health does that) and the vectors of words that no
document has.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fixtures.oracles import oracles_of
from fixtures.systems import kinds
from fixtures.systems.protocol import SearchSystem
from gates.archive import state_of
from gates.checks.battery import some
from gates.checks.calibrator_p99 import CalibratorP99
from gates.checks.errors import Errors
from gates.documents import AtMost, Document, merged, read_yaml
from gates.errors import ConfigError, EvidenceError, GateError, NotAsked
from gates.policy import Count
from gates.statistics import Array
from gates.statistics.decimals import decimal
from gates.verdicts import Cell, Verdict
from rollout.jobs.accepted import FILE, read_facts
from rollout.jobs.check import JobCheck, NotShown, job_check, judge_all, slow_calls
from rollout.jobs.job import Jobs
from rollout.jobs.settings import Factor, Positive, read_family
from rollout.replay import Timed, ask


class EmergencyLimits(Document):
    """The emergency tripwire: what is asked, and what is an emergency."""

    intents: tuple[str, ...]  # of the known answers (oracles.json) that are asked as sentinels
    rounds: Count  # each sentinel is asked so often; one more round comes first and is not timed
    calibrator_ms: Positive
    share: AtMost  # of calls that may take that long
    errors: AtMost  # of answers that may fail
    factor: Factor  # times the accepted p95
    floor_ms: Positive  # no median below it is a spike
    alarm: AtMost  # p-value at which a share is shown to be above its limit


class Rounds(NamedTuple):
    """What the sentinels were answered; shapes (rounds, sentinels)."""

    sentinels: Sequence[str]
    latency_ms: Array
    calibrator_ms: Array  # NaN where no calibrator was called
    error: NDArray[np.bool_]
    hits: NDArray[np.int64]


class Alarm(NamedTuple):
    """What the sentinels were answered, and what was accepted."""

    limits: EmergencyLimits
    rounds: Rounds
    accepted_p95_ms: float  # NaN where nothing is accepted yet


@job_check(CalibratorP99.key, "", "switch the calibrator off, or roll back to the previous one")
def slow_calibrator(check: JobCheck, found: Alarm) -> Cell:
    """The calibrator holds up every answer, right now."""
    limits = found.limits
    return slow_calls(check, found.rounds.calibrator_ms, limits.calibrator_ms, limits.share, limits.alarm)


@job_check(Errors.key, "share of answers that fail", "roll back now, then see error_code in the log of what serves")
def failures(check: JobCheck, found: Alarm) -> Cell:
    """Users get errors, right now."""
    error, limits = found.rounds.error, found.limits
    return check.share(int(error.sum()), error.size, limits.errors, limits.alarm)


@job_check("latency", "ms, median", "roll back, or free the machine: see what else runs on it")
def latency(check: JobCheck, found: Alarm) -> Cell:
    """Users wait, right now."""
    answered, limits, p95 = found.rounds.latency_ms[~found.rounds.error], found.limits, found.accepted_p95_ms
    if not answered.size:
        raise NotShown("every answer failed")
    told, limit = "no p95 is accepted yet: against the floor alone", limits.floor_ms
    if math.isfinite(p95):
        told, limit = f"accepted p95 {decimal(p95, 3)} ms", max(limits.factor * p95, limits.floor_ms)
    median = float(np.median(answered))
    numbers = {"observed": decimal(median, 4), "limit": decimal(limit, 4)}
    return check.found(median > limit, int(answered.size), told, **numbers)


@job_check("zero_results", "sentinels without a result")
def zero_results(check: JobCheck, found: Alarm) -> Cell:
    """Users find nothing where there is something to be found, right now."""
    names, n = found.rounds.sentinels, len(found.rounds.sentinels)
    if not n:
        raise NotShown("there are no sentinels of these intents; see oracles.json")
    silent = [name for name, hits in zip(names, found.rounds.hits.max(axis=0).tolist(), strict=True) if not hits]
    told = f"nothing found for {some(silent)}: the index is empty or of other code; roll back now"
    return check.found(silent, n, told if silent else "", observed=str(len(silent)), limit="0")


CHECKS = (slow_calibrator, failures, latency, zero_results)


def items(jobs: Jobs) -> list[str]:
    """One of each check."""
    return [check.key for check in CHECKS]


def run(jobs: Jobs) -> dict[str, Cell]:
    """Ask the sentinels. Whom to ask must be known; where that one cannot be asked, nobody answers."""
    file = read_family(jobs.configs, "continuous", emergency=EmergencyLimits)
    whom = target(jobs.configs, jobs.hero)
    try:
        found = ask_sentinels(whom, jobs.configs, file.emergency)
    except NotAsked:
        raise  # of this machine alone: it is told as that, and nobody is woken
    except GateError as error:
        nobody = {check.key: check.not_evidenced(whom.name, "nobody answers") for check in CHECKS}
        broken = failures.cell(Verdict.RED, 0, note=f"nobody answers: {error}")  # every answer that a user waits for
        return {**nobody, failures.key: replace(broken, hero=whom.name)}
    try:
        p95 = float(read_facts(state_of(jobs.configs) / FILE)["latency_ms"]["p95"])
    except GateError:
        p95 = math.nan
    return judge_all(CHECKS, whom.name, Alarm(file.emergency, found, p95))


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
    selected, base, laid = pack.get("selected", "baseline"), own or baseline.get("selected"), pack.get("changes", {})
    if selected == "baseline":
        selected = merged(base, laid) if isinstance(base, dict) and isinstance(laid, dict) else laid
    return _target(path, pack, selected, path.parent if own else configs)


def _target(path: Path, pack: dict[str, Any], selected: Any, folder: Path) -> Target:
    if not isinstance(selected, dict):
        raise ConfigError([f"{path}: selected: {selected!r}, but should say what the system is"])
    wrong = kinds.mistakes(selected, folder)
    if wrong:
        raise ConfigError([f"{path}: selected.{mistake}" for mistake in wrong])
    return Target(str(pack.get("name")), selected, folder, pack.get("fault"))


def ask_sentinels(whom: Target, configs: Path, limits: EmergencyLimits) -> Rounds:
    """Every sentinel in every round, after one that is not timed. Raises EvidenceError where nothing is built."""
    built = kinds.kind_of(whom.system, whom.folder).open_built()
    system = _with_fault(built.system, whom.fault)
    chosen = oracles_of("", configs, built.corpus)
    if not chosen.oracles:
        raise EvidenceError(f"no sentinels: {chosen.why}")
    sentinels = [oracle for oracle in chosen.oracles if oracle.intent in limits.intents]
    if lacking := sorted(set(limits.intents) - {oracle.intent for oracle in sentinels}):
        raise EvidenceError(f"emergency.intents names {', '.join(lacking)}, but no known answer is about it")
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
