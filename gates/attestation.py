"""What is on record of a decision? The types of `attestation.json`, one of each hero and one of the release.

Numbers that decide are decimal strings. The files are canonical JSON (RFC 8785), so that whoever has the content has
the bytes; their JSON Schema is docs/attestation.schema.json.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import rfc8785
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from gates.documents import Document, mistakes, require_regular
from gates.errors import ConfigError, GateError
from gates.offline import OFFLINE
from gates.place import commits_told
from gates.rule.climbed import Facts, RunLoad
from gates.verdicts import WARN, Decision, Kind, Verdict, decision_words

ATTESTATION = "attestation.json"


class AttestationError(GateError):
    """It cannot be read as an attestation; one line: value, expectation, place, way out."""


def _time(said: str) -> str:
    """The text of a time with its zone, as it was written."""
    if datetime.fromisoformat(said).tzinfo is None:
        raise ValueError("a time without its zone")
    return said


Time = Annotated[str, AfterValidator(_time)]


class AttestedPart(Document):
    """Base of what stands in an attestation: no value is taken for one of another type."""

    model_config = ConfigDict(strict=True)

    @classmethod
    def about(cls, said: object) -> Self:
        """What is said of a value whose fields are called alike."""
        return cls(**{name: getattr(said, name) for name in cls.model_fields})


class AttestedCell(AttestedPart):
    """One check and its answer; `step` is 0 for a check over the whole canary."""

    check: str
    step: int
    kind: Kind
    verdict: Verdict
    required: str
    on_red: str
    observed: str
    limit: str
    unit: str
    headroom: str
    n: int
    ci_lower: str
    ci_upper: str
    e_red: str
    e_red_needed: str
    e_green: str
    e_green_needed: str
    note: str


class AttestedCard(AttestedPart):
    """What people were told of a hero: the words of terminal, page, summary and alert."""

    reason: str
    serves: str
    next: str
    owner: str
    deadline: str  # "" where there is none


class AttestedStep(AttestedPart):
    """What the gates of one step amount to; NOT_REACHED where the ladder ended before it."""

    percent: int
    decision: Literal["PROMOTE", "HOLD", "ROLLBACK", "NOT_REACHED"]
    windows: int


class AttestedTraffic(AttestedPart):
    """What the decision does to traffic, in percent of users."""

    from_percent: int
    to_percent: int
    rolled_back_at_step: int | None


class AttestedGain(AttestedPart):
    """One measure on the same queries: both arms, and hero minus baseline with its 95 % interval."""

    metric: str
    intent: str  # "" for all queries
    n: int
    baseline: str
    hero: str
    difference: str
    ci_lower: str
    ci_upper: str
    claim: str  # what the owner claims of this measure, "" of any other


class AmissTest(AttestedPart):
    """A planned test whose pytest outcome does not agree with its evidence."""

    test: str  # "lexical-5-aece_tau"
    outcome: str
    error: str
    evidence: bool  # a cell came with it


class AttestedTests(AttestedPart):
    """Node ids of the planned tests, and what became of them."""

    planned: tuple[str, ...]
    passed: tuple[str, ...]
    missing: tuple[str, ...]
    not_reached: tuple[str, ...]
    amiss: tuple[AmissTest, ...]
    strays: tuple[str, ...]


class AttestedBudget(AttestedPart):
    """Windows: used, of how many in all, a step of the policy may use; held for too little traffic?"""

    windows: int
    of: int
    max_windows: int
    waiting: bool


class Artefact(AttestedPart):
    """A file beside the attestation."""

    name: str
    sha256: str


class EvidenceFile(Artefact):
    """A file that the verdicts follow from; `logical_sha256` is of its content, however it is encoded."""

    logical_sha256: str
    rows: int


class AttestedWhole(AttestedPart):
    """What both kinds have in common."""

    run_id: str
    commit: str  # of the tool
    configs_commit: str  # of the repository in which the configs lie, "" where they lie in none
    mode: str
    exposure: str
    decision: Decision
    artefacts: tuple[Artefact, ...]
    started_at: Time
    finished_at: Time
    review_due: Time
    bundle: str | None  # file in bundles/ with the signed statement; None where nothing is signed

    @property
    def commits(self) -> str:
        """Of the tool, and of the configs where that is another."""
        return commits_told(self.commit, self.configs_commit)

    @property
    def told(self) -> str:
        """The decision as reports name it."""
        return decision_words(self.decision, self.mode)

    def content(self) -> bytes:
        """The file's bytes: canonical JSON."""
        return rfc8785.dumps(self.model_dump(mode="json", by_alias=True))

    @classmethod
    def read(cls, content: bytes, place: str) -> Self:
        """Read a file's bytes, canonical or not. Raises AttestationError."""
        (schema,) = get_args(cls.model_fields["schema_"].annotation)
        try:
            found = json.loads(content)
            said = found.get("schema") if isinstance(found, dict) else None
            if said != schema:
                raise AttestationError(
                    f"{place}: schema {str(said)[:60]!r}, but {schema} is expected; read it with the release that "
                    "wrote it, or run the canary again"
                )
            return cls.model_validate_json(content)
        except ValidationError as error:
            told = f"{mistakes(place, error, cls)[0][:200]}; run the canary again"
        except (ValueError, RecursionError) as error:
            told = f"{place}: not JSON ({type(error).__name__}); run the canary again"
        raise AttestationError(told)

    @classmethod
    def read_file(cls, path: Path) -> Self:
        """Read a file. Raises AttestationError, OSError."""
        return cls.read(attested_bytes(path), str(path))


def attested_bytes(path: Path) -> bytes:
    """What a file holds. Raises AttestationError for a pipe, a device or what fills the memory, and OSError."""
    try:
        require_regular(path)
    except ConfigError as error:
        raise AttestationError(error.mistakes[0]) from None
    return path.read_bytes()


class Attestation(AttestedWhole):
    """The decision about one hero and everything that it rests on."""

    schema_: Literal["hero-gate/attestation/v2"] = Field(default="hero-gate/attestation/v2", alias="schema")
    hero: str
    config_hash: str
    baseline: str
    baseline_config_hash: str
    baseline_stack: tuple[str, ...]  # what was promoted into the baseline, a line each, oldest first
    release_fingerprint: str  # sha256 of lock_material; "" where the climb never began
    lock_material: dict[str, Any]
    policy: dict[str, Any]
    policy_digest: str
    policy_based_on: str  # the template that it was compared with; "" where it names none
    policy_weaker: tuple[str, ...]  # its places that are weaker than that, with both values
    reasons: tuple[str, ...]
    card: AttestedCard
    constants: Facts | None
    machine: RunLoad | None
    traffic: AttestedTraffic
    steps: tuple[AttestedStep, ...]
    cells: tuple[AttestedCell, ...]  # in the order of the plan
    left_out: dict[str, str]
    gains: tuple[AttestedGain, ...]
    tests: AttestedTests
    budget: AttestedBudget
    characteristics: dict[str, str]
    evidence: tuple[EvidenceFile, ...]

    @property
    def promotes(self) -> bool:
        """May it be made the baseline for this?"""
        return stands(self.decision, self.mode, self.policy, self.constants)


def stands(decision: Decision, mode: str, policy: Mapping[str, Any], facts: Facts | None) -> bool:
    """May what was decided under a policy, given as its content, be made the baseline for this?"""
    if decision is not Decision.PROMOTE or mode == WARN:
        return False
    final = bool((policy.get("offline") or {}).get("final")) and not after_looking(policy, facts)
    return final or mode != OFFLINE


def after_looking(policy: Mapping[str, Any], facts: Facts | None) -> bool:
    """Was what it asks chosen after its differences were seen?"""
    again = facts is not None and facts.look is not None and facts.look.again
    return again or bool((policy.get("offline") or {}).get("chosen_after_looking"))


class AttestedHero(AttestedPart):
    """What the release says of one of its heroes."""

    hero: str
    decision: Decision
    config_hash: str
    reasons: tuple[str, ...]
    attestation: str  # path of its attestation
    sha256: str  # of those bytes


class ReleaseAttestation(AttestedWhole):
    """The heroes of one run, and the worst of their decisions."""

    schema_: Literal["hero-gate/release/v2"] = Field(default="hero-gate/release/v2", alias="schema")
    heroes: tuple[AttestedHero, ...]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of both kinds."""
    return TypeAdapter(Attestation | ReleaseAttestation).json_schema(mode="serialization")
