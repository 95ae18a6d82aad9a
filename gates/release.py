"""What one gate run says: the heroes it judged, their cells, and the decision about each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from gates.attestation import AmissTest, after_looking, stands
from gates.place import commits_told
from gates.policy import Policy
from gates.rule.climbed import NEVER, Climbed
from gates.verdicts import SEVERITY, Cell, Decision, decision_words


class Difference(NamedTuple):
    """One key in which the hero's configuration differs from the baseline's, as text."""

    key: str
    baseline: str
    hero: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A hero as the gate sees it: who it is, what it is compared with, and under which policy."""

    name: str
    source: str  # path of the pack, as given
    owner: str
    claim: str  # what the hero is meant to improve, in the owner's words
    claim_metric: str = "ndcg_at_10"  # the measure that the claim is about: "ndcg_at_10", "recall_at_50" or "cpu_ms"
    claim_intent: str  # the intent that the claim is about, "" for all queries
    config_hash: str
    baseline_name: str
    baseline_config_hash: str
    baseline_stack: tuple[str, ...] = ()  # what was promoted into the baseline, a line each, oldest first
    differs: tuple[Difference, ...]
    policy: Policy
    windows: int  # this run may use in all: the policy's, or more where --max-windows asks for them
    max_windows: int  # a step may use as the policy is written, whatever this run is given
    command: str = ""  # that asked, and that makes packs of both runs, where it is in no pack
    packs: str = ""
    #: simulated error rates of this policy by these sources, as decimal strings; {} where none were simulated
    characteristics: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The decision about one hero, with everything it rests on."""

    subject: Subject
    decision: Decision
    reasons: tuple[str, ...]  # each begins with the key of its check
    cells: tuple[Cell, ...]
    planned: tuple[str, ...]  # node ids
    passed: tuple[str, ...]
    missing: tuple[str, ...]
    not_reached: tuple[str, ...]
    amiss: tuple[AmissTest, ...] = ()
    strays: tuple[str, ...] = ()  # node ids that failed without being planned
    climbed: Climbed = NEVER

    @property
    def told(self) -> str:
        """The decision as reports name it."""
        return decision_words(self.decision, self.subject.policy.mode)

    @property
    def final(self) -> bool:
        """May it be made the baseline?"""
        policy = self.subject.policy
        return stands(self.decision, policy.mode, policy.content(), self.climbed.constants)

    @property
    def after_looking(self) -> bool:
        """Was what it is asked chosen after its differences were seen?"""
        return after_looking(self.subject.policy.content(), self.climbed.constants)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One run of the gate over one or more heroes."""

    run_id: str
    commit: str  # of the tool: "4f2c9e1 clean", "4f2c9e1 with uncommitted changes", "no commit"
    configs_commit: str  # of the repository in which configs lie, "" where they lie in none
    mode: str
    exposure: str  # "replay" or "live"
    started_at: str  # UTC, ISO 8601
    finished_at: str
    seconds: float
    artifacts: Path  # --artifacts
    configs: Path = Path("configs")  # --configs
    run_folder: Path  # where the workers left this run's evidence parts
    outcomes: tuple[Outcome, ...]

    @property
    def commits(self) -> str:
        """Of the tool, and of the configs where that is another."""
        return commits_told(self.commit, self.configs_commit)

    @property
    def decision(self) -> Decision:
        """The worst hero's decision."""
        return max((outcome.decision for outcome in self.outcomes), key=SEVERITY.index, default=Decision.HOLD)

    @property
    def told(self) -> str:
        """The same as reports name it."""
        return decision_words(self.decision, self.mode)
