"""What is known of a release beside its answers? Recorded before the climb, and attested: verdicts follow from it."""

from __future__ import annotations

from gates.documents import Document


class LockState(Document):
    """What fixtures.lock found: does the lock fit what is here now?"""

    status: str  # "frozen", "none", "unreadable"
    differs: tuple[str, ...] = ()  # names of fields
    changes: tuple[str, ...] = ()  # a line for each of them
    renew: str  # the command that locks what is there now
    why: str = ""  # it is unreadable
    fingerprint: str = ""
    locked_at: str = ""


class IndexFound(Document):
    """The state of an index, and how many of some documents it finds by their own words."""

    counts: dict[str, int]  # structure -> documents
    damaged: tuple[str, ...]  # files
    sampled: int
    found: int


class OracleAnswer(Document):
    """Where the hero put a known answer; rank 0 is "not found"."""

    id: str
    query: str
    expected: str
    rank: int


class OraclesAsked(Document):
    """The known answers that were asked for, or why none was."""

    why: str = ""
    within: int = 0  # rank
    asked: tuple[OracleAnswer, ...] = ()


class SanityFacts(Document):
    """What the sanity battery knows beside the answers (gates.checks.snapshot)."""

    asked: int  # queries
    of: int  # and how many should have been
    places: str  # "all" where the collection knows every document, "judged" where those with judgements alone
    fallbacks: tuple[str, ...]  # router decisions that mean "the core did not answer"
    configurations: tuple[str, str]  # hashes of both arms' configurations, without a seeded fault
    oracles: OraclesAsked | None = None  # None where not asked, as index
    index: IndexFound | None = None
