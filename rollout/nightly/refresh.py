"""Does each micro-suite get enough fresh queries to show a loss that matters?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fixtures.suites import LEAST, MicroSuite, Suites, pool_of
from fixtures.systems.protocol import Collection
from gates.answered import Answered
from gates.job_cells import job_cell, not_evidenced
from gates.statistics.decimals import decimal
from gates.verdicts import Cell, Verdict
from gates.whiskers import detectable
from rollout.nightly.draw import Drawn, draw


def draw_suites(
    suites: Suites, collection: Collection, night: str, used: Mapping[str, Mapping[str, str]]
) -> list[Drawn]:
    """Tonight's queries of every suite. `used`: suite -> query id -> the night that drew it last."""
    drawn = []
    for suite in suites.suites:
        pool = pool_of(suite, collection, f"suites.yaml: {suite.name}")
        rows = draw(night, suite.name, pool, suite.size, used.get(suite.name, {}))
        drawn.append(
            Drawn(
                suite=suite.name,
                queries=tuple(query for query, _ in rows),
                last_drawn=tuple(last for _, last in rows),
                pool=len(pool),
            )
        )
    return drawn


def judge_suite(system: str, suites: Suites, suite: MicroSuite, drawn: Drawn, found: Answered) -> Cell:
    """RED below 800 queries, below the suite's size, or where a loss of the promised size would go unseen.

    `found` are the incumbent's answers to the drawn queries: their spread is what the power is told from.
    """
    n = len(drawn.queries)
    if n < max(LEAST, suite.size):
        note = f"{n:,} queries, but should be {suite.size:,}: name more parts in suites.yaml, or a suite less narrow"
        return job_cell(
            system, suite.name, Verdict.RED, n, unit="queries", observed=str(n), limit=str(suite.size), note=note
        )
    spreads = {"ndcg_at_10": float(found.arm.ndcg.std(ddof=1)), "sla_recall_at_50": float(found.arm.recall.std(ddof=1))}
    if not any(spreads.values()) or not np.isfinite(list(spreads.values())).all():
        return not_evidenced(system, suite.name, "the incumbent's answers do not vary, so no power can be told")
    finds = {m: detectable(spread, n, suites.alpha, suites.power) for m, spread in spreads.items()}
    allowed = {metric: float(getattr(suite.finds, metric)) for metric in finds}
    tightest = max(finds, key=lambda metric: finds[metric] / allowed[metric])
    power = f"{suites.power:.0%} power at alpha {suites.alpha:g}"
    told = ", ".join(f"{m} {finds[m]:.3f} (spread {spreads[m]:.3f}, promised {allowed[m]:g})" for m in finds)
    note = f"finds a loss with {power}: {told}; {_freshness(drawn)}"
    broken = finds[tightest] > allowed[tightest]
    if broken:
        needed = int(np.ceil(n * (finds[tightest] / allowed[tightest]) ** 2))
        note += f"; ask {needed:,} queries, or promise less in suites.yaml"
    return job_cell(
        system,
        suite.name,
        Verdict.RED if broken else Verdict.GREEN,
        n,
        unit=tightest,
        observed=decimal(finds[tightest]),
        limit=decimal(allowed[tightest]),
        headroom=decimal(1 - finds[tightest] / allowed[tightest], 3),
        note=note,
    )


def _freshness(drawn: Drawn) -> str:
    reused = len(drawn.queries) - drawn.fresh
    if not reused:
        return f"all {drawn.fresh:,} fresh, of {drawn.pool:,}"
    again, exhausted = min(last for last in drawn.last_drawn if last), f"the pool of {drawn.pool:,} is exhausted"
    return f"{drawn.fresh:,} fresh; {exhausted}, so {reused:,} are asked again, the first of them of {again}"
