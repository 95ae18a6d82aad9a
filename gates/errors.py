"""What can go wrong that a user can mend. Each message is one line: value, expectation, place, way out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable


class GateError(Exception):
    """The gate cannot judge as asked."""


class ConfigError(GateError):
    """A YAML file says something that cannot be meant; `mistakes` holds every one of them."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(mistakes))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[list[str]]]:
        return type(self), (self.mistakes,)


class EvidenceError(GateError):
    """Evidence is missing, empty or not a number where a check needs it."""


class NotAsked(EvidenceError):
    """There is nothing on this machine that could be asked: that says nothing of what answers users."""


def failures(codes: Iterable[str]) -> str:
    """How many of these answers failed, and how: "connection refused for 400 of 400 queries"; "" where none did."""
    found = Counter(codes)
    n = found.total()
    del found[""]
    return ", ".join(f"{_spoken(code)} for {k:,} of {n:,} queries" for code, k in found.most_common())


def _spoken(code: str) -> str:
    """An error code as words: the name of an exception is one word, and says that it is an error."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", code).lower()
    return words.removesuffix(" error") if words.count(" ") > 1 else words
