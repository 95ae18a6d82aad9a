"""Can the hero be judged at all? The sanity battery: what is asked and looked at before every climb.

Its answers are written down like those of a window, and judged from what was written (gates.checks.battery). A battery
is claimed once per run, and a ladder needs one: a replacement worker must do neither again after a crash.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evidence.parts import concat, write_part
from evidence.schemas import AGG, HITS
from fixtures.oracles import WITHIN, oracles_of
from fixtures.packs import Hero, config_hash
from fixtures.systems.protocol import FALLBACKS, Query
from gates.checks.battery import IndexFound, OracleAnswer, OraclesAsked, SanityFacts
from gates.checks.index_integrity import IndexIntegrity
from gates.checks.oracle_queries import OracleQueries
from gates.errors import EvidenceError, failures
from gates.rule.preflight import judge_battery
from gates.verdicts import Cell, Kind, Verdict
from rollout.columns import BEFORE, SANITY, read_snapshot
from rollout.comparison import Contest, ask_block, open_contest, rows_of
from rollout.replay import ranked, warm_up

SAMPLED = 50  # documents that must find themselves
AT_MOST = 4  # times as many queries as the policy says, where hero and baseline are not told apart by
TOLD_APART = ("ndcg", "recall", "confidence")


class Battery:
    """The sanity checks of one hero: `cells` by check, and the `facts` that they follow from beside the evidence."""

    contest: Contest
    cells: dict[str, Cell]
    facts: SanityFacts
    notes: tuple[str, ...]  # what does not fit, but does not end the run

    def __init__(self, hero: Hero, folder: Path, run_id: str, root: Path, tell: Callable[[str], None]) -> None:
        _claim(folder, hero.subject.name)
        self.contest = contest = open_contest(hero, root, tell)
        hits, agg = _ask(contest, run_id)
        self.notes = (*contest.notes, *_failures(contest, agg))
        write_part(folder, SANITY, hits, agg)
        self.facts = _facts(contest, asked=agg.num_rows // 2)
        snapshot = read_snapshot(hits, agg, contest.challenger.name, contest.incumbent.name)
        self.cells = judge_battery(hero.subject.name, contest.policy, snapshot, self.facts, contest.missing)
        tell(_told(list(self.cells.values()), self.facts))


def _ask(contest: Contest, run_id: str) -> tuple[pa.Table, pa.Table]:
    """Ask both sides, as much as the policy says; a hero that is mostly late in a block is asked no further one.

    400 answers of 200 ms each would be 80 s, and no check needs them; how many were asked is told. A hero that changes
    few answers may change none of these: more are asked before the stop rule says that not one number differs.
    """
    policy = contest.policy
    queries, least, step = contest.ordered("calibration"), policy.sanity.queries, policy.ladder.red_every
    warm_up((contest.incumbent.system, contest.challenger.system), queries[:least])
    hits, agg = [HITS.empty_table()], [AGG.empty_table()]
    begun, differ = 0, len(set(_configurations(contest.hero))) == 1
    while begun < min(least if differ else AT_MOST * least, len(queries)):
        ends = min(begun + step, least) if begun < least else begun + step
        block = ask_block(contest, queries[begun:ends], begun, 0, repeats=False)
        found, rows = rows_of(contest, run_id, block, BEFORE, (SANITY, SANITY))
        hits.append(found)
        agg.append(rows)
        hero, baseline = (block.answers[role].arm for role in ("hero", "baseline"))
        if np.median(hero.latency_ms) > policy.sla_ms:
            break
        differ |= not all(np.array_equal(hero.column(c), baseline.column(c), equal_nan=True) for c in TOLD_APART)
        begun = ends
    return concat(hits), concat(agg)


def _configurations(hero: Hero) -> tuple[str, str]:
    return config_hash(hero.system_kind.content()), config_hash(hero.baseline_kind.content())


def _failures(contest: Contest, agg: pa.Table) -> list[str]:
    """Which side failed how often, and how. Raises EvidenceError where one answers nothing at all."""
    told = []
    for side in (contest.challenger, contest.incumbent):
        codes = agg.filter(pc.equal(agg["system"], side.name))["error_code"].to_pylist()
        said = f"{side.name}: {failures(codes)}"
        if codes and all(codes):
            raise EvidenceError(f"{said}; see that what it asks answers, and run again")
        told += [f"{said} before the climb"] if any(codes) else []
    return told


def _facts(contest: Contest, asked: int) -> SanityFacts:
    """What cannot be read off the answers."""
    hero, policy = contest.hero, contest.policy
    lacks = {**contest.incumbent.system.lacks, **contest.challenger.system.lacks}
    asks = set(policy.asked(Kind.SANITY)) - contest.missing.keys()
    return SanityFacts(
        asked=asked,
        of=max(asked, min(policy.sanity.queries, len(contest.collection.part["calibration"]))),
        places="judged" if "doc_ord" in lacks else "all",
        fallbacks=tuple(FALLBACKS),
        configurations=_configurations(hero),
        oracles=_oracles(contest) if OracleQueries.key in asks else None,
        index=_index(contest) if IndexIntegrity.key in asks else None,
    )


def _oracles(contest: Contest) -> OraclesAsked:
    """At which rank the hero puts each known answer."""
    side, hero = contest.challenger, contest.hero
    corpus = contest.collection.digests.get("corpus", "")
    chosen = oracles_of(hero.subject.name, hero.system_kind.folder, corpus)
    if chosen.why:
        return OraclesAsked(why=chosen.why)
    documents, asked = side.system.documents, []
    for oracle in chosen.oracles:
        found = ranked(side.system, oracle.asked(), side.locator)
        places = [f"{documents.file[d]}:{documents.line_start[d]}-{documents.line_end[d]}" for d in found]
        rank = places.index(oracle.place) + 1 if oracle.place in places else 0
        asked.append(OracleAnswer(id=oracle.id, query=oracle.query, expected=oracle.place, rank=rank))
    return OraclesAsked(within=WITHIN, asked=tuple(asked))


def _index(contest: Contest) -> IndexFound:
    """The state of the index, and how many documents the hero finds when asked for them in their own words."""
    hero, side, names = contest.hero, contest.challenger, contest.collection.documents.doc_id
    state = hero.system_kind.inspect_index(SAMPLED)
    found = 0
    for document, words in state.samples:
        own = Query(query_ord=-1, query_id=names[document], text=words, intent="docstring", suite="docstring")
        found += document in side.locator.doc_ord[ranked(side.system, own, side.locator)]
    return IndexFound(counts=dict(state.counts), damaged=tuple(state.damaged), sampled=len(state.samples), found=found)


def _told(cells: list[Cell], facts: SanityFacts) -> str:
    fine = sum(cell.verdict is Verdict.GREEN for cell in cells)
    rest = [f"{cell.check} {cell.verdict}" for cell in cells if cell.verdict is not Verdict.GREEN]
    told = f"sanity: {fine} of {len(cells)} checks hold on {facts.asked} queries"
    return f"{told}: {', '.join(rest)}" if rest else told


def _claim(folder: Path, hero: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(folder / "claimed", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        raise EvidenceError(f"{hero}: this run's battery was begun by a process that died; not evidenced") from None
