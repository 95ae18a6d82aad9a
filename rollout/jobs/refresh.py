"""Does each micro-suite get enough fresh queries to show a loss that matters?"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fixtures.suites import LEAST, MicroSuite, Suites, load_suites, pool_of
from fixtures.systems.protocol import Collection
from gates.statistics.decimals import decimal
from gates.statistics.whiskers import detectable
from gates.verdicts import Cell
from rollout.answered import Answered
from rollout.columns import answered
from rollout.jobs.check import JobCheck, NotShown
from rollout.jobs.draw import Drawn, draw, remembered, write_drawn
from rollout.jobs.job import Jobs
from rollout.jobs.probe import ask_all
from rollout.jobs.settings import read_family


class Refreshed(NamedTuple):
    """A suite of the night, and the incumbent's answers to it: their spread is what the power is told from."""

    suites: Suites
    drawn: Drawn
    answers: Answered


class SuitePower(JobCheck):
    """A loss on this kind of query would go unseen: too few are asked, or the same ones every night."""

    def __init__(self, suite: MicroSuite) -> None:
        self.key, self.suite = suite.name, suite  # type: ignore[misc]  # a check for each suite of suites.yaml

    def judge(self, found: Refreshed) -> Cell:
        """RED below 800 queries, below the suite's size, or where a loss of the promised size would go unseen."""
        suites, drawn, answers = found
        n, suite, arm = len(drawn.queries), self.suite, answers.arm
        if n < max(LEAST, suite.size):
            note = (
                f"{n:,} queries, but should be {suite.size:,}: name more parts in suites.yaml, or a suite less narrow"
            )
            observed, limit = str(n), str(suite.size)
            return self.found(True, n, note, unit="queries", observed=observed, limit=limit)
        spreads = {"ndcg_at_10": float(arm.ndcg.std(ddof=1)), "sla_recall_at_50": float(arm.recall.std(ddof=1))}
        if not any(spreads.values()) or not np.isfinite(list(spreads.values())).all():
            raise NotShown("the incumbent's answers do not vary, so no power can be told")
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
        left = decimal(1 - finds[tightest] / allowed[tightest], 3)
        return self.found(
            broken, n, note, unit=tightest, observed=finds[tightest], limit=allowed[tightest], headroom=left
        )


def items(jobs: Jobs) -> list[str]:
    """One of each micro-suite."""
    return [suite.name for suite in load_suites(jobs.configs / "suites.yaml").suites]


def run(jobs: Jobs) -> dict[str, Cell]:
    """Draw all suites and write them; ask them of the incumbent."""
    folder, night = jobs.night(read_family(jobs.configs, "nightly"))
    suites, probe = load_suites(jobs.configs / "suites.yaml"), jobs.probe()
    drawn = draw_suites(suites, probe.collection, night.isoformat(), remembered(folder, night, suites.remember))
    cells = {}
    for suite, one in zip(suites.suites, drawn, strict=True):
        answers = answered(ask_all(probe, one.queries, jobs.run_id).agg)
        cells[suite.name] = SuitePower(suite).about(probe.served.name, Refreshed(suites, one, answers))
    write_drawn(folder, night, drawn, suites.remember)
    return cells


def draw_suites(
    suites: Suites, collection: Collection, night: str, used: Mapping[str, Mapping[str, str]]
) -> list[Drawn]:
    """Tonight's queries of every suite. `used`: suite -> query id -> the night that drew it last."""
    pools = {suite.name: pool_of(suite, collection, f"suites.yaml: {suite.name}") for suite in suites.suites}
    return [draw(night, one.name, pools[one.name], one.size, used.get(one.name, {})) for one in suites.suites]


def _freshness(drawn: Drawn) -> str:
    reused = len(drawn.queries) - drawn.fresh
    if not reused:
        return f"all {drawn.fresh:,} fresh, of {drawn.pool:,}"
    again, exhausted = min(last for last in drawn.last_drawn if last), f"the pool of {drawn.pool:,} is exhausted"
    return f"{drawn.fresh:,} fresh; {exhausted}, so {reused:,} are asked again, the first of them of {again}"
