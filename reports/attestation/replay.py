"""Does the decision follow from the evidence? Every verdict is judged again from hits.parquet and agg.parquet."""

import argparse
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import rfc8785
from pyarrow import ArrowException
from pydantic import ValidationError

from evidence.digests import file_digest, logical_digest
from evidence.schemas import SchemaDrift
from fixtures.fingerprint import ROOMS, changes, digest_sources
from gates.attestation import ATTESTATION, Attestation, AttestationError, AttestedCell
from gates.checks.known_answers import KnownAnswers
from gates.checks.lock import Lock
from gates.checks.preflight import PreflightCheck
from gates.checks.question import Constants
from gates.documents import mistakes
from gates.errors import EvidenceError
from gates.offline import OFFLINE
from gates.place import HERE
from gates.policy import Policy
from gates.rule.climbed import Facts
from gates.rule.decide import Seen, decide, item_id, plan
from gates.rule.one_look import evaluator_of, judge_one_look_test
from gates.rule.preflight import fix_constants, judge_battery, judge_preflight
from gates.rule.self_test import judge_self_test
from gates.verdicts import OUTCOME, Cell, Decision, Kind, place_of
from reports.attestation.document import steps_of
from reports.attestation.statements import EVIDENCE
from rollout import order
from rollout.climb import Climb, Red, not_reached
from rollout.columns import read_agg, read_hits, read_measured, read_preflight, read_snapshot
from rollout.reread import wrong_measures, wrong_order

Key = tuple[int, str]  # step, check
#: What is recomputed; the rest of an attestation tells who, when and what was gained.
RECOMPUTED = ("constants", "steps", "cells", "decision", "reasons")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One hero's decision, made again."""

    hero: str
    decision: str
    cells: int
    pairs: int
    digest: str  # sha256 of the recomputed sections (JCS)
    differences: tuple[str, ...]  # from what is attested, the first one first
    other_sources: tuple[str, ...]  # rooms whose sources are not those that decided

    def lines(self) -> list[str]:
        """What is said of it."""
        told = f"{self.hero}: {self.decision} replayed, {self.cells} verdicts from {self.pairs:,} pairs"
        lines = [f"{told}, sha256 {self.digest}"]
        if self.differences:
            lines.append(f"  first difference: {self.differences[0]}")
            lines += [f"  also: {line}" for line in self.differences[1:]]
        else:
            lines[0] += ": as attested"
        if self.other_sources:
            lines.append(f"  replayed with other sources than decided: {', '.join(self.other_sources)}")
        return lines


def replay(folder: Path) -> Replayed:
    """Judge a hero's folder again. Raises EvidenceError where it holds no attestation that can be read."""
    path = folder / ATTESTATION
    try:
        attested = Attestation.read_file(path)
        policy = policy_of(attested.policy)
        decided_by = attested.lock_material.get("sources", {})
        here = {room: digest_sources(HERE.house / room) for room in ROOMS if decided_by}
        others = tuple(room for room, sources in here.items() if decided_by.get(room) != sources)
        return _replay(folder, attested, policy, others)
    except AttestationError as error:
        raise EvidenceError(str(error)) from None
    except ValidationError as error:  # of a policy whose checks are not to be had here, say
        raise EvidenceError("; ".join(mistakes(f"{path}: its policy", error, Policy))) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError(f"{path}: cannot be replayed: {error!r}") from None


def policy_of(content: Mapping[str, Any]) -> Policy:
    """The policy of an attestation; when people may promote is no part of it."""
    return Policy.model_validate({**content, "promotion": {"valid_days": 1, "approvals": 0}})


def _replay(folder: Path, attested: Attestation, policy: Policy, other_sources: tuple[str, ...]) -> Replayed:
    hero, wrong, pairs = attested.hero, [], 0
    cells: dict[Key, Cell] = {}
    facts = attested.constants
    if facts:  # else the ladder never began, and nothing can be judged
        try:
            wrong += _other_content(folder, attested)
            again = Evidence(
                folder, hero, attested.baseline, policy, attested.release_fingerprint, attested.budget.of, facts
            )
            wrong += again.wrong
            cells = again.evaluator()
            wrong += again.wrong_at_the_end()
            fixed = {**again.constants.record(), "moved": again.climb.evaluator.moved()}
            facts, pairs = Facts.model_validate({**facts.model_dump(), **fixed}), again.at
        except (EvidenceError, SchemaDrift) as error:
            wrong.append(str(error))
    decision, reasons = _decide(hero, policy, attested, cells)
    came = {(cell.step, cell.check) for cell in attested.cells}
    # in the order in which they are attested, which is that of the plan
    found = [cells[key[1:]] for key in plan(hero, policy) if key[1:] in came and key[1:] in cells]
    follows = attested.model_copy(
        update={
            "constants": facts,
            "steps": steps_of(policy.ladder.steps, attested.steps, found),
            "cells": tuple(map(AttestedCell.about, found)),
            "decision": decision,
            "reasons": tuple(reasons),
        }
    )
    dumped = (one.model_dump(mode="json") for one in (attested, follows))
    told, sections = ({name: whole[name] for name in RECOMPUTED} for whole in dumped)
    for one in changes(_named(told), _named(sections))[:1]:
        wrong.append(f"{one.field}: {one.locked} is attested, {one.now} follows from the evidence")
    return Replayed(
        hero=hero,
        decision=str(decision),
        cells=len(cells),
        pairs=pairs,
        digest=hashlib.sha256(rfc8785.dumps(sections)).hexdigest(),
        differences=tuple(wrong),
        other_sources=other_sources,
    )


def _other_content(folder: Path, attested: Attestation) -> list[str]:
    """Evidence files whose content is not the attested one, however it is encoded."""
    try:
        return [
            f"{entry.name}: its content is not what is attested"
            for entry in attested.evidence
            # the same bytes hold the same content, and are read in a tenth of the time
            if file_digest(folder / entry.name) != entry.sha256
            and logical_digest(folder / entry.name) != entry.logical_sha256
        ]
    except (OSError, ArrowException) as error:
        raise EvidenceError(f"{folder}: evidence cannot be read: {str(error).splitlines()[0]}") from None


class Evidence:
    """The canary of one hero, climbed again over what was written of it.

    `windows` is how many the run might use; `facts` holds what the evidence files do not: how many queries there were,
    what was missing, what was seen of lock and sanity.
    """

    def __init__(
        self, folder: Path, hero: str, baseline: str, policy: Policy, fingerprint: str, windows: int, facts: Facts
    ) -> None:
        self._hero, self._baseline, self._policy = hero, baseline, policy
        self._windows, self._facts, self._missing = windows, facts, facts.missing
        self._hits, self._agg = read_hits(folder), read_agg(folder)
        self._measured = read_measured(self._agg, hero, baseline)
        self._preflight, intent = read_preflight(self._agg, self._baseline, policy.slices.intents)
        self.at = 0  # pairs judged so far
        self.constants: Constants = fix_constants(policy, self._preflight, intent, order.seed(fingerprint))
        sla_ms = policy.sla_ms
        self.wrong = [*wrong_measures(self._hits, self._agg, sla_ms), *wrong_order(self._measured, fingerprint)]

    def evaluator(self) -> dict[Key, Cell]:
        """Every cell, as the ladder made it."""
        policy = self._policy
        evaluator = evaluator_of(self._hero, policy, self.constants, self._missing, self._facts.look)
        self.climb = climb = Climb(evaluator, self._windows)
        before = self._before()
        climb.begin(before)
        cells: dict[Key, Cell] = {(0, check): cell for check, cell in before.items()}
        for percent in policy.ladder.steps:
            if not climb.ended:
                climb.step(percent, self._window_at(percent), lambda: self._facts.queries - self.at)
            reached = climb.reached(percent)
            for check in policy.asked(Kind.GATE):
                cells[percent, check] = (
                    evaluator.cell(check) if reached else not_reached(self._hero, policy, percent, check)
                )
        for check in policy.asked(Kind.GUARD, Kind.SLICE, Kind.INSTRUMENT):
            if (0, check) not in cells:
                cells[0, check] = evaluator.cell(check)
        return {key: replace(cell, ended=climb.ended) for key, cell in cells.items()}

    def wrong_at_the_end(self) -> list[str]:
        """What the climb did not use."""
        left = len(self._measured) - self.at
        return [f"agg.parquet: {left} pairs more than the evaluator asked for"] if left else []

    def _before(self) -> dict[str, Cell]:
        asked, policy = self._policy.asked(Kind.INSTRUMENT), self._policy
        snapshot = read_snapshot(self._hits, self._agg, self._hero, self._baseline)
        cells = dict(judge_battery(self._hero, policy, snapshot, self._facts.sanity, self._missing))
        if Lock.key in asked:
            if self._facts.lock is None:
                raise EvidenceError("constants.lock: null, but the policy asks for the lock; run the canary again")
            cells[Lock.key] = Lock().judge(self._hero, policy.limits(Lock), self._facts.lock)
        if PreflightCheck.key in asked:
            cell = judge_preflight(self._hero, policy, self._preflight, self.constants, self._missing)
            cells[PreflightCheck.key] = cell
        if KnownAnswers.key in asked and policy.mode == OFFLINE:
            cells[KnownAnswers.key] = judge_one_look_test(self._hero, policy, self.constants, self._missing)
        elif KnownAnswers.key in asked:
            known = read_measured(self._agg, "made_up", self._baseline, ("known", "known_aa"))
            made_up = known.pairs(0, len(known), policy.slices.intents)
            cells[KnownAnswers.key] = judge_self_test(self._hero, policy, self.constants, self._missing, made_up)
        return cells

    def _window_at(self, percent: int) -> Any:
        def window() -> Red:
            ladder, evaluator, begun = self._policy.ladder, self.climb.evaluator, self.at
            red: Red = ()
            last = self._facts.queries if self._policy.mode == OFFLINE else begun + ladder.window
            while not red and self.at < last:
                end = min(self.at + ladder.red_every, last)
                block = self._measured.pairs(self.at, end, self._policy.slices.intents)
                stood = set(
                    zip(
                        self._measured.step[self.at : end].tolist(),
                        self._measured.window[self.at : end].tolist(),
                        strict=True,
                    )
                )
                if len(block) < end - self.at or stood != {(percent, evaluator.windows + 1)}:
                    raise EvidenceError(
                        f"agg.parquet: {end - self.at} pairs of window {evaluator.windows + 1} at {percent} % "
                        f"should follow after pair {self.at}, but {len(block)} do, of (step, window) {sorted(stood)}"
                    )
                red = evaluator.observe(block)
                self.at = end
            return red or evaluator.end_window()

        return window


def _decide(hero: str, policy: Policy, attested: Attestation, cells: Mapping[Key, Cell]) -> tuple[Decision, list[str]]:
    """The decision from the recomputed cells and from what pytest reported of its items."""
    amiss = {entry.test: entry for entry in attested.tests.amiss}
    came = {(cell.step, cell.check) for cell in attested.cells}
    seen = {}
    planned = plan(hero, policy)
    for key in planned:
        entry, cell = amiss.get(item_id(key)), cells.get((key[1], key[2]))
        if entry is not None:
            seen[key] = Seen(cell if entry.evidence else None, entry.outcome, entry.error)
        elif cell is not None and (key[1], key[2]) in came:
            seen[key] = Seen(cell, OUTCOME[cell.verdict])
    return decide(planned, seen, promotes=policy.promotes, strays=attested.tests.strays)


def _named(sections: Mapping[str, Any]) -> dict[str, Any]:
    """What is recomputed, steps by their percent and cells by check and step: a difference says whose it is."""
    steps = {str(step["percent"]): step for step in sections["steps"]}
    cells = {place_of(c["check"], c["step"]): c for c in sections["cells"]}
    return {**sections, "steps": steps, "cells": cells}


def run(asked: argparse.Namespace) -> int:
    """`replay` of an artifacts folder, or of a hero's: 0 where every decision follows from its evidence as attested."""
    folder = asked.folder
    heroes = [path.parent for path in sorted(folder.glob(f"*/{ATTESTATION}"))]
    if not heroes and (folder / EVIDENCE[0]).exists():
        heroes = [folder]
    if not heroes:
        raise EvidenceError(f"{folder}: no attested hero in it; name an artifacts folder, e.g. reports/out")
    replayed = [replay(hero) for hero in heroes]
    for one in replayed:
        print("\n".join(one.lines()))
    return 1 if any(one.differences for one in replayed) else 0
