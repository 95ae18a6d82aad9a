"""Which queries are asked every week? The same ones, so that what differs is the system."""

import hashlib
from collections.abc import Sequence

from fixtures.suites import Queries, pool_of
from fixtures.systems.protocol import Collection, Query
from gates.policy import Count
from rollout.jobs.job import Jobs
from rollout.jobs.probe import Probed, ask_all


class WeeklyQueries(Queries):
    """The queries of a week."""

    size: Count  # of the drift pack, or of each suite of the collection


def ask_suites(jobs: Jobs, name: str, asked: WeeklyQueries) -> Probed:
    """What a system answers to the week's suites; asked once for all jobs of the week."""

    def ask() -> Probed:
        probe = jobs.probe(name)
        return ask_all(probe, asked_of_suites(asked, probe.collection), jobs.run_id)

    return jobs.once(("suites", name), ask)


def asked_queries(asked: WeeklyQueries, collection: Collection) -> list[Query]:
    """The queries with the smallest hashes, as many as there are up to `size`. Raises EvidenceError."""
    return _smallest(pool_of(asked, collection, "weekly.yaml"))[: asked.size]


def asked_of_suites(asked: WeeklyQueries, collection: Collection) -> list[Query]:
    """The same of each suite of the collection, suite by suite."""
    queries = _smallest(pool_of(asked, collection, "weekly.yaml"))
    suites = sorted({query.suite for query in queries})
    return [q for suite in suites for q in [q for q in queries if q.suite == suite][: asked.size]]


def _smallest(queries: Sequence[Query]) -> list[Query]:
    return sorted(queries, key=lambda query: hashlib.sha256(f"weekly:{query.query_id}".encode()).digest())
