"""In which order queries are asked, who is served, and which arm answers first: all from the release fingerprint.

The evidence is the state: the same fingerprint sees the same pairs, so nobody can run again until green, and a larger
budget only continues the same sequence.
"""

import hashlib
import hmac
from collections.abc import Sequence
from itertools import permutations

from fixtures.systems.protocol import Query

BUCKETS = 10_000


def query_order(fingerprint: str, queries: Sequence[Query]) -> list[Query]:
    """Queries in the order of HMAC(fingerprint, query id)."""
    return sorted(queries, key=lambda query: _digest(fingerprint, "order", query.query_id))


def bucket(fingerprint: str, query: Query) -> int:
    """Traffic bucket 0 .. 9999: below step x 100 the hero serves. Monotone: who was served at 5 % still is at 25 %."""
    return int.from_bytes(_digest(fingerprint, "bucket", query.query_id)[:8]) % BUCKETS


def arm_served(fingerprint: str, query: Query, percent: int) -> str:
    """Whose answer the user would see at this step; the other one is a shadow."""
    return "hero" if bucket(fingerprint, query) < percent * BUCKETS // 100 else "baseline"


def arm_order(fingerprint: str, query: Query, arms: tuple[str, ...]) -> tuple[str, ...]:
    """Which arm answers first: each order equally often."""
    orders = list(permutations(arms))
    return orders[int.from_bytes(_digest(fingerprint, "arms", query.query_id)[:8]) % len(orders)]


def seed(fingerprint: str) -> int:
    """Seed of every simulation of this release."""
    return int.from_bytes(_digest(fingerprint, "seed", "")[:6])


def _digest(fingerprint: str, purpose: str, text: str) -> bytes:
    return hmac.digest(bytes.fromhex(fingerprint), f"{purpose}:{text}".encode(), hashlib.sha256)
