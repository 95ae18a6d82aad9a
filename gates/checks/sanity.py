"""Is anything so wrong with index, answers or measuring that a climb would show nothing? The battery's verdicts.

Pure functions of what was recorded before the climb: a snapshot of answers (gates.checks.snapshot) and facts, which are
JSON and stand in the attestation, so that the same verdicts can be had again. `facts` holds:

- asked, of: queries that were asked, and that should have been
- places: "all" where the collection knows every document, "judged" where it knows those with judgements alone
- fallbacks: router decisions that mean "the core did not answer"
- configurations: the hashes of both arms' configurations, without a seeded fault
- oracles (where asked): {"why": ...} or {"within": rank, "asked": [{"id", "query", "expected", "rank"}]}; rank 0 is
  "not found"
- index (where asked): {"counts": {structure: documents}, "damaged": [file], "sampled": n, "found": n}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from gates.checks.snapshot import Snapshot
from gates.checks.stop_rule import suspicious, unusual
from gates.policy import Policy
from gates.statistics.decimals import decimal
from gates.verdicts import Cell, Kind, Verdict

_SHOWN = 3  # oracles, files or patterns that a note names


class Finding(NamedTuple):
    """What a check found: nothing is evidenced from n = 0."""

    observed: float
    limit: float
    unit: str
    n: int
    wrong: str = ""  # value, limit, place, way out
    note: str = ""  # where nothing is wrong


Check = Callable[[Policy, Snapshot, Mapping[str, Any]], Finding]


def judge_battery(
    hero: str, policy: Policy, snapshot: Snapshot, facts: Mapping[str, Any], missing: Mapping[str, str]
) -> dict[str, Cell]:
    """The cell of each sanity check that the policy asks. `missing`: check -> why its input is not there."""
    cells = {}
    for check in policy.asked_sanity:
        if check in missing:
            found = _not_evidenced(missing[check])
        elif not len(snapshot):
            found = _not_evidenced("no calibration query was asked; give some")
        else:
            found = _CHECKS[check](policy, snapshot, facts)
        cells[check] = _cell(hero, check, policy, found)
    asked, of = int(facts["asked"]), int(facts["of"])
    if asked < of and "sla_off" in cells:  # of the checks on answers, the one about lateness says it
        few = f"asked {asked} of {of} queries: most answers came late"
        note = cells["sla_off"].note
        cells["sla_off"] = replace(cells["sla_off"], note=f"{note}; {few}" if note else few)
    return cells


def _cell(hero: str, check: str, policy: Policy, found: Finding) -> Cell:
    verdict = Verdict.INCONCLUSIVE if not found.n else Verdict.RED if found.wrong else Verdict.GREEN
    share = (found.limit - found.observed) / found.limit if found.n and found.limit else np.nan
    return Cell(
        hero=hero,
        step=0,
        check=check,
        kind=Kind.SANITY,
        verdict=verdict,
        required="green",
        on_red=policy.on_red(check),
        observed=decimal(found.observed) if found.n else "",
        limit=decimal(found.limit) if found.n else "",
        unit=found.unit,
        headroom=decimal(share, 3),
        n=found.n,
        note=found.wrong or found.note,
    )


def _not_evidenced(why: str) -> Finding:
    return Finding(np.nan, np.nan, "", 0, note=why)


def _index_integrity(policy: Policy, snapshot: Snapshot, facts: Mapping[str, Any]) -> Finding:
    index, limits = facts["index"], policy.sanity.index_integrity
    sampled, found = int(index["sampled"]), int(index["found"])
    counts, damaged = dict(index["counts"]), list(index["damaged"])
    lost, limit = 1 - found / sampled, 1 - limits.found
    wrong = ""
    if damaged:
        wrong = f"{_some(damaged)} changed since the index was built; empty the cache and build it again"
    elif len(set(counts.values())) > 1:
        told_counts = ", ".join(f"{name} {n:,}" for name, n in sorted(counts.items()))
        wrong = f"the index's parts differ in size ({told_counts}); empty the cache and build it again"
    elif found / sampled < limits.found:
        wrong = (
            f"{found} of {sampled} sampled documents find themselves, but {limits.found:.0%} should; "
            "the hero's index is not of this code: build it again"
        )
    return Finding(lost, limit, "share of documents that do not find themselves", sampled, wrong)


def _oracle_queries(policy: Policy, snapshot: Snapshot, facts: Mapping[str, Any]) -> Finding:
    oracles = facts["oracles"]
    if "why" in oracles:
        return _not_evidenced(oracles["why"])
    asked, within = list(oracles["asked"]), int(oracles["within"])
    lost = [o for o in asked if not 1 <= int(o["rank"]) <= within]
    told = [f"{o['id']} ({o['expected']} {_rank(int(o['rank']))})" for o in lost]
    wrong = f"not within rank {within}: {_some(told)}; see what the hero answers there" if lost else ""
    return Finding(len(lost), 0, "known answers not found", len(asked), wrong)


def _file_only(policy: Policy, snapshot: Snapshot, facts: Mapping[str, Any]) -> Finding:
    hero, limit = snapshot.hero, policy.sanity.file_only.share
    several = hero.credits > 1
    credits, of_file = int(hero.credits[several].sum()), int(hero.file_credits[several].sum())
    unit = "share of file credits"
    if not hero.credits.sum():
        return _not_evidenced(f"no answer of {hero.name} earns any credit")
    if not credits:
        return Finding(0, limit, unit, len(snapshot), note="vacuous: no answer has several credits")
    share = of_file / credits
    wrong = (
        f"{share:.1%} of {credits:,} credits are for the right file alone, at most {limit:.0%} may: "
        f"the lines of {hero.name} are not those of the code; build its index again"
    )
    return Finding(share, limit, unit, int(several.sum()), wrong if share > limit else "")


def _sla_off(policy: Policy, snapshot: Snapshot, facts: Mapping[str, Any]) -> Finding:
    sla_ms = policy.gates.sla_recall_at_50_delta.sla_ms
    told, rows = [], 0
    for side in snapshot.sides:
        in_time = ~(side.latency_ms > sla_ms)  # what has no latency is in time
        mistaken = side.within_sla != in_time
        masked = ~np.isclose(side.sla_recall, np.where(side.within_sla, side.recall, 0.0), rtol=0, atol=1e-9)
        on, off = float((side.ndcg * side.within_sla).mean()), float(side.ndcg.mean())
        rows += int((mistaken | masked).sum())
        if mistaken.any():
            told.append(f"{int(mistaken.sum())} answers of {side.name} are called late or in time wrongly")
        if masked.any():
            told.append(f"{int(masked.sum())} of {side.name} count otherwise than their hits and time say")
        if off < on or (off > 0 and on == 0 and in_time.all()):
            told.append(f"mean nDCG of {side.name} is {decimal(on, 3)} with the limit and {decimal(off, 3)} without")
            rows = max(rows, 1)
    wrong = f"the {sla_ms:g} ms mask is applied wrongly: {_some(told)}; mend the measuring" if told else ""
    return Finding(rows, 0, "answers masked wrongly", len(snapshot), wrong)


def _pool(policy: Policy, snapshot: Snapshot, facts: Mapping[str, Any]) -> Finding:
    limits, pool = policy.sanity.pool, snapshot.pool
    if not pool:
        return _not_evidenced("no answer came in time, so there is no pool")
    least = min(snapshot.sides, key=lambda side: side.pooled)
    gives = least.pooled / pool
    told = []
    if gives < limits.share:
        late = int((~least.within_sla).sum())
        told.append(
            f"{least.name} gives {gives:.1%} of {pool:,} pooled hits, but {limits.share:.0%} is the least "
            f"({late} of its {len(snapshot)} answers came late)"
        )
    for side in snapshot.sides if facts["places"] == "all" else ():
        unknown = 1 - side.known.sum() / max(int(side.hits.sum()), 1)
        if side.hits.sum() and unknown > limits.unknown:
            told.append(f"{unknown:.1%} of the hits of {side.name} lie where no document is, {limits.unknown:.0%} may")
    wrong = f"{'; '.join(told)}; is its index empty, or of other code?" if told else ""
    return Finding(1 - gives, 1 - limits.share, "share of the pool that one arm lacks", len(snapshot), wrong)


def _core_search(policy: Policy, snapshot: Snapshot, facts: Mapping[str, Any]) -> Finding:
    limit, fallbacks = policy.sanity.core_search.share, list(facts["fallbacks"])
    share, side = max(
        ((float(np.isin(side.decision, fallbacks).mean()), side) for side in snapshot.sides), key=lambda pair: pair[0]
    )
    wrong = (
        f"{share:.1%} of the answers of {side.name} are its fallback's, at most {limit:.0%} may: "
        "its core is too slow for its cap here; free this machine, or raise the cap"
    )
    return Finding(share, limit, "share of fallbacks", len(snapshot), wrong if share > limit else "")


def _stop_rule(policy: Policy, snapshot: Snapshot, facts: Mapping[str, Any]) -> Finding:
    found = suspicious(snapshot, facts, policy.sanity.stop_rule)
    wrong = f"{_some(found)}; no search gives such numbers: see what is measured" if found else ""
    note = unusual(snapshot, policy.sanity.stop_rule)
    return Finding(len(found), 0, "suspicious patterns", len(snapshot), wrong, note)


def _rank(rank: int) -> str:
    return f"at rank {rank}" if rank else "not found"


def _some(told: list[str]) -> str:
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return ", ".join(told[:_SHOWN]) + more


_CHECKS: dict[str, Check] = {
    "index_integrity": _index_integrity,
    "oracle_queries": _oracle_queries,
    "file_only": _file_only,
    "sla_off": _sla_off,
    "pool": _pool,
    "core_search": _core_search,
    "stop_rule": _stop_rule,
}
