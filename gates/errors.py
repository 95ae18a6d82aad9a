"""What can go wrong that a user can mend. Each message is one line: value, expectation, place, way out."""

from __future__ import annotations


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
