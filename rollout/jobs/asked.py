"""Which queries are asked every week? The same ones, so that what differs is the system."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pydantic import field_validator

from fixtures.suites import KEPT_FOR_CANARIES
from fixtures.systems.protocol import Collection, Query
from gates.documents import Document
from gates.errors import EvidenceError
from gates.policy import Count, Name
from rollout.jobs.job import Jobs
from rollout.jobs.probe import Probed, ask_all


class WeeklyQueries(Document):
    """The queries of a week."""

    parts: tuple[Name, ...]
    size: Count  # of the drift pack, or of each suite of the collection

    @field_validator("parts")
    @classmethod
    def _never_the_canary(cls, parts: tuple[str, ...]) -> tuple[str, ...]:
        if not parts or KEPT_FOR_CANARIES in parts:
            raise ValueError(f"{list(parts)} should name parts, but not {KEPT_FOR_CANARIES}: its pairs must be fresh")
        return parts


def ask_suites(jobs: Jobs, name: str, asked: WeeklyQueries) -> Probed:
    """What a system answers to the week's suites; asked once for all jobs of the week."""

    def ask() -> Probed:
        probe = jobs.probe(name)
        return ask_all(probe, asked_of_suites(asked, probe.collection), jobs.run_id)

    return jobs.once(("suites", name), ask)


def asked_queries(asked: WeeklyQueries, collection: Collection) -> list[Query]:
    """The queries with the smallest hashes, as many as there are up to `size`. Raises EvidenceError."""
    return _smallest(_of_parts(asked, collection))[: asked.size]


def asked_of_suites(asked: WeeklyQueries, collection: Collection) -> list[Query]:
    """The same of each suite of the collection, suite by suite."""
    queries = _smallest(_of_parts(asked, collection))
    suites = sorted({query.suite for query in queries})
    return [q for suite in suites for q in [q for q in queries if q.suite == suite][: asked.size]]


def _of_parts(asked: WeeklyQueries, collection: Collection) -> list[Query]:
    unknown = [part for part in asked.parts if part not in collection.part]
    if unknown:
        there = ", ".join(sorted(collection.part))
        raise EvidenceError(f"weekly.yaml: part {unknown[0]!r} is none of the collection's: {there}; name one of them")
    return [collection.queries[i] for part in asked.parts for i in collection.part[part]]


def _smallest(queries: Sequence[Query]) -> list[Query]:
    return sorted(queries, key=lambda query: hashlib.sha256(f"weekly:{query.query_id}".encode()).digest())
