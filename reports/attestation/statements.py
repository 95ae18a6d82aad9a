"""What does a signed statement say? in-toto Statements v1 as dictionaries, built from attestation.json alone.

Since a decision's statement holds nothing else, whoever has the attestation can build it again and compare bytes.
Who signs it, and `previous`, which chains it to the statement before it, are added by `reports.attestation.chain`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785

from gates.archive import ALLURE
from gates.attestation import ATTESTATION, Attestation, ReleaseAttestation
from gates.errors import GateError
from gates.place import HERE
from gates.rule.decide import item_id
from gates.verdicts import Decision, Verdict

EVIDENCE = ("agg.parquet", "hits.parquet")
#: The files of a hero's folder, and of the release's, that an attestation names by digest; plots/ is a folder of them.
QUERIES = "queries.html"  # all that changed; the page has those that changed most
ARTEFACTS = (
    "agg.parquet", "hero_span_v22.csv", "hits.parquet", "judge-first.csv", "plots/*", "pool_counts_by_system.csv",
    QUERIES,
)  # fmt: skip
PAGES = ("index.html", "summary.md")
RELEASED = (*PAGES, f"{ALLURE}/*")
STATEMENT = "https://in-toto.io/Statement/v1"
PROPERTY = "HERO_GATE_PROMOTED"
VERIFIER = "urn:hero-gate:verifier:v1"
#: Kind of a statement -> its predicateType.
PREDICATES = {
    "run": "https://in-toto.io/attestation/test-result/v0.1",
    "decision": "urn:hero-gate:gate-decision:v1",
    "svr": "https://in-toto.io/attestation/svr/v0.1",
    "approval": "urn:hero-gate:approval:v1",
    "override": "urn:hero-gate:override:v1",
    "promotion": "urn:hero-gate:promotion:v1",
    "rollback": "urn:hero-gate:rollback:v1",
    "exception": "urn:hero-gate:exception:v1",
    "documents": "urn:hero-gate:documents:v1",
}
OF_RUNS = ("run", "decision", "svr")  # all else people say
#: Where a statement says when it was made, whatever its kind.
_TIMES = ("finishedOn", "timeCreated", "createdOn")
#: What every attestation of a run says of it, as statements call it; and how a planned test of it went.
_RUN = {
    "runId": "run_id", "commit": "commit", "configsCommit": "configs_commit", "mode": "mode", "exposure": "exposure",
    "startedOn": "started_at", "finishedOn": "finished_at",
}  # fmt: skip
_TESTS = {"passedTests": "passed", "warnedTests": "warned", "failedTests": "failed", "notRunTests": "not run"}
_RESULT = {Decision.PROMOTE: "PASSED", Decision.HOLD: "WARNED", Decision.ROLLBACK: "FAILED"}

Document = Mapping[str, Any]  # a statement, or a part of one

COMMAND = HERE.typed("./hero-gate verify")

#: What a statement that is none of ours makes the code that reads it raise.
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """How a run will be signed once it is attested: pages are written before that, with this on them."""

    words: str  # after "signed": by whom, and whether anybody vouches for the key
    trusted: bool
    run: str  # file in bundles/ of the run's statement
    decisions: Mapping[str, str]  # hero -> file in bundles/ of its decision's statement
    first: int  # number of the run's statement


class StatementError(GateError):
    """What is attested must not be signed so; one line: what, where, and the way out."""


def encode(statement: Document) -> bytes:
    """The one way to write a statement: canonical JSON (RFC 8785)."""
    return rfc8785.dumps(dict(statement))


def made_at(statement: Document) -> datetime | None:
    """When the signer says that the statement was made; None where it does not, or not with a time zone."""
    predicate = _part(statement, "predicate")
    return time_in(predicate, next((name for name in _TIMES if name in predicate), ""))


def time_in(predicate: Document, name: str) -> datetime | None:
    """The time that a predicate gives of something, None where it gives none, or one without a zone."""
    try:
        when = datetime.fromisoformat(str(predicate.get(name)))
    except ValueError:
        return None
    return when if when.tzinfo else None


def hero_of(statement: Document) -> str:
    """The hero that a statement is about, "" for a whole run."""
    return str(_part(statement, "predicate").get("hero", ""))


def digest_in(predicate: Document, name: str) -> str:
    """The digest that a predicate gives of something, "" where it gives none."""
    return str(_part(predicate, name).get("sha256", ""))


def run_statement(release: ReleaseAttestation, digest: str, heroes: Mapping[str, Attestation]) -> dict[str, Any]:
    """The test result of one run. `digest` is of the release's attestation.json, `heroes` are the heroes'.

    A test stands among passed only where pytest passed it and its evidence is GREEN. What never ran, or came back
    without evidence, stands in `notRunTests` (ours): a consumer may accept warned tests, and nothing was shown by it.
    """
    heroes = dict(sorted(heroes.items()))  # whatever order they were judged or listed in
    policies = sorted({hero.policy_digest for hero in heroes.values()})
    locks = [(name, hero.release_fingerprint) for name, hero in heroes.items()]
    return in_toto(
        "run",
        [resource(ATTESTATION, digest), *(resource(name, lock) for name, lock in locks if lock)],
        {
            "result": _RESULT[release.decision],
            "configuration": [
                *(resource("policy", policy) for policy in policies),
                *(resource(f"{name}/lock_material", lock) for name, lock in locks if lock),
            ],
            **{name: _named(heroes, outcome) for name, outcome in _TESTS.items()},
            **{name: getattr(release, field) for name, field in _RUN.items()},
        },
    )


def decision_statement(hero: Attestation, digest: str, run: str) -> dict[str, Any]:
    """The decision about one hero. `hero` is its attestation, `digest` of those bytes, `run` of the run's statement."""
    require_evidence(hero)
    name, fingerprint, sources = hero.hero, hero.release_fingerprint, _part(hero.lock_material, "sources")
    function: dict[str, Any] = {"module": "gates.rule.decide"}
    if "gates" in sources:  # a ladder that never began locked nothing
        function["digest"] = {"sha256": sources["gates"]}
    return in_toto(
        "decision",
        [*([resource(name, fingerprint)] if fingerprint else []), resource(f"{name}/{ATTESTATION}", digest)],
        {
            "hero": name,
            "decision": str(hero.decision),
            "reasons": list(hero.reasons),
            "configHash": hero.config_hash,
            "baselineConfigHash": hero.baseline_config_hash,
            "policy": {"digest": {"sha256": hero.policy_digest}},
            "evidence": [
                {
                    **resource(f"{name}/{entry.name}", entry.sha256),
                    "annotations": {"logicalSha256": entry.logical_sha256, "rows": str(entry.rows)},
                }
                for entry in hero.evidence
            ],
            "decisionFunction": function,
            "run": {"sha256": run},
            **{name: getattr(hero, field) for name, field in _RUN.items()},
        },
    )


def svr_statement(hero: Attestation, decision: str) -> dict[str, Any]:
    """The Simple Verification Result of a promotion, for admission control: its absence denies.

    `decision` is the digest of the decision's statement. Raises StatementError for any decision but PROMOTE.
    """
    if not hero.promotes:
        raise StatementError(f"{hero.hero}: {hero.told}, but only PROMOTE is a verification result")
    require_evidence(hero)
    return in_toto(
        "svr",
        [resource(hero.hero, hero.release_fingerprint)],
        {
            "verifier": {"id": VERIFIER, "policy": {"digest": {"sha256": hero.policy_digest}}},
            "timeCreated": hero.finished_at,
            "properties": [PROPERTY],
            "hero": hero.hero,
            "exposure": hero.exposure,
            "runId": hero.run_id,
            "decision": {"sha256": decision},
        },
    )


def said_statement(kind: str, hero: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """What people say of a `decision`, or of a change `from` what served `to` what serves; in `said` who and why."""
    change, word = digest_in(said, "to"), digest_in(said, "decision")
    about = resource("baseline.yaml", change) if change else resource(f"decision/{hero}", word)
    return in_toto(kind, [about], {"hero": hero, **said})


def require_evidence(hero: Attestation) -> None:
    """Raise StatementError where an attestation promotes without evidence: that is never signed."""
    if hero.decision is not Decision.PROMOTE:
        return
    rows = {entry.name: entry.rows for entry in hero.evidence}
    lacking = [name for name in EVIDENCE if not rows.get(name)]
    lacking += [f"a result of {test}" for test in hero.tests.missing]
    if not hero.release_fingerprint:
        lacking.append("a release fingerprint")
    if lacking:
        raise StatementError(f"{hero.hero}: PROMOTE without {lacking[0]} is never signed; run the canary again")


def node_ids(hero: Attestation) -> Iterator[tuple[str, str]]:
    """Each planned test of a hero, and whether it passed, warned, failed or was "not run"."""
    tests = hero.tests
    verdicts = {item_id((hero.hero, cell.step, cell.check)): cell.verdict for cell in hero.cells}
    passed, not_run = set(tests.passed), {*tests.missing, *tests.not_reached}
    for test in tests.planned:
        verdict = verdicts.get(test.partition("[")[2].removesuffix("]"))
        if test in not_run:
            yield test, "not run"
        elif test in passed and verdict is Verdict.GREEN:
            yield test, "passed"
        else:
            yield test, "warned" if verdict is Verdict.INCONCLUSIVE else "failed"


def _named(heroes: Mapping[str, Attestation], outcome: str) -> list[str]:
    return [test for hero in heroes.values() for test, was in node_ids(hero) if was == outcome]


def in_toto(kind: str, subjects: Sequence[Document], predicate: Document) -> dict[str, Any]:
    """A statement of this kind about its subjects, by no key yet."""
    return {
        "_type": STATEMENT,
        "subject": list(subjects),
        "predicateType": PREDICATES[kind],
        "predicate": dict(predicate),
    }


def resource(name: str, sha256: str) -> dict[str, Any]:
    """A ResourceDescriptor of in-toto."""
    return {"name": name, "digest": {"sha256": sha256}}


def _part(document: Document, name: str) -> Document:
    part = document.get(name)
    return part if isinstance(part, Mapping) else {}
