"""May a decision be promoted? Every condition, asked before anything is changed; the first that fails is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fixtures.fingerprint import changes
from fixtures.lock import material_before, read_lock, renewal
from fixtures.packs import Hero
from gates.archive import state_of
from gates.documents import read_yaml, require_regular
from gates.errors import GateError
from gates.offline import OFFLINE
from gates.place import HERE
from gates.policy import Promotion, load_policy
from gates.verdicts import Decision
from reports.attestation import chain, people, trust
from reports.attestation.chain import Chain
from reports.attestation.replay import replay
from reports.attestation.signing import Signer
from reports.attestation.statements import digest_in, made_at
from reports.attestation.trust import TrustRoot, Vouched
from reports.attestation.verify import Decided
from reports.escaping import clean

_BY_EVIDENCE = "--decision-mode=evidence" if HERE.installed else "ARGS=--decision-mode=evidence"
AS_TEXT = "latin-1"  # any bytes, and the same ones back


class Refused(GateError):
    """Nothing was changed; one line: value, expectation, place, way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Who wants what, where."""

    artifacts: Path
    configs: Path
    by: str
    why: str
    root: TrustRoot
    now: datetime
    accept_untrusted: bool = False

    @property
    def baseline(self) -> Path:
        """The incumbent's file."""
        return baseline_of(self.configs)

    @property
    def serving(self) -> str:
        """What stands in it, "" where somebody took it away: a rollback brings one back."""
        return text_in(self.baseline) if self.baseline.exists() else ""

    @property
    def state(self) -> Path:
        """What outlives results: the chain of all that ever served, and the journal of a change."""
        return state_of(self.configs)

    def change(self, before: str, after: str) -> dict[str, Any]:
        """Who changes what, as every statement of a change says it."""
        return {
            "by": clean(self.by),
            "why": clean(self.why),
            "from": {"sha256": chain.digest(before.encode(AS_TEXT))},
            "to": {"sha256": chain.digest(after.encode(AS_TEXT))},
            "createdOn": self.now.isoformat(timespec="seconds"),
        }


def text_in(path: Path) -> str:
    """The bytes of a file as text. Raises ConfigError for a pipe or a device, at which one may wait for ever."""
    require_regular(path)
    return path.read_bytes().decode(AS_TEXT)


def baseline_of(configs: Path) -> Path:
    """The file of what serves."""
    return configs / load_policy(configs / "policy.yaml").baseline


def decided(heroes: Mapping[str, Decided], name: str, asked: Wanted) -> Decided:
    """The decision about a hero, which must be PROMOTE."""
    if name not in heroes:
        there = ", ".join(heroes) or "none"
        raise Refused(
            f"--hero={name}: no signed decision in {asked.artifacts} (there: {there}); "
            f"run {HERE.typed('make canary')} first"
        )
    decided = heroes[name]
    decision = decided.attestation.decision
    if decision is not Decision.PROMOTE:
        reason = decided.attestation.reasons[:1]
        raise Refused(f"{name}: {decision}, but only PROMOTE is promoted: {reason[0] if reason else 'no reason given'}")
    if not decided.attestation.promotes and decided.attestation.mode == OFFLINE:
        final = (decided.attestation.policy.get("offline") or {}).get("final")
        why = "what it was asked was chosen after looking" if final else "its policy does not say offline.final: true"
        raise Refused(
            f"{name}: a PROMOTE of mode offline opens the first step of a canary, and {why}; climb the canary, or "
            "judge fresh queries"
        )
    if not decided.attestation.promotes:
        raise Refused(
            f"{name}: {decided.attestation.told}, but only what is enforced is promoted; "
            f"{HERE.typed('make lock and make canary')} once more, each with {_BY_EVIDENCE}"
        )
    return decided


def require_trust(vouched: Vouched, asked: Wanted, what: str, way_out: str) -> bool:
    """Does a signature count? Refuse one that does not, unless that is accepted."""
    if not vouched.trusted and not asked.accept_untrusted:
        raise Refused(f"{what} signed {vouched.words}; {way_out}, or say --accept-untrusted, which is recorded")
    return vouched.trusted


def require_promoter(signer: Signer, asked: Wanted) -> bool:
    """May this key promote? Refuse any other, unless that is accepted."""
    vouched = trust.weigh(asked.root, signer.keyid, "promote", asked.now, ephemeral=signer.ephemeral)
    return require_trust(vouched, asked, "this promotion would be", "set HERO_GATE_SIGNER to a key that may promote")


def require_unused(decided: Decided, whole: Chain) -> None:
    """Refuse a decision that was promoted before, or was made before its release was promoted or rolled back."""
    name, attested = decided.statement.hero, decided.attestation
    if whole.problems:
        raise Refused(f"the chain of what served: {whole.problems[0]}")
    for change in whole.statements:
        file = f"{chain.BUNDLES}/{change.file}"
        if digest_in(change.predicate, "decision") == decided.statement.digest:
            raise Refused(f"{name}: this decision was promoted already ({file}); run the canary again")
        same = change.predicate.get("releaseFingerprint") == attested.release_fingerprint
        at = made_at(change.content)
        if same and at and datetime.fromisoformat(attested.started_at) < at:
            what = "rolled back" if change.kind == "rollback" else "promoted"
            raise Refused(f"{name}: {what} since it was decided ({file}); run the canary again")


def require_evidence(decided: Decided, asked: Wanted) -> None:
    """Refuse a decision that does not follow from its evidence."""
    differs = replay(asked.artifacts / decided.statement.hero).differences
    if differs:
        raise Refused(f"{decided.statement.hero}: not what its evidence gives: {differs[0]}; run the canary again")


def require_fresh(decided: Decided, hero: Hero, asked: Wanted) -> None:
    """Refuse what was decided about another configuration, baseline, policy or source than those here, or long ago."""
    attested, subject = decided.attestation, hero.subject
    promotion = subject.policy.promotion
    at = datetime.fromisoformat(attested.finished_at)
    if at > asked.now:
        raise Refused(f"{subject.name}: decided {attested.finished_at}, which is yet to come; see to the clocks")
    if asked.now - at > timedelta(days=promotion.valid_days):
        raise Refused(
            f"{subject.name}: decided {attested.finished_at[:10]}, valid for {promotion.valid_days} days: expired; "
            "run the canary again"
        )
    require_another(hero, asked)
    if attested.baseline_config_hash != subject.baseline_config_hash:
        raise Refused(
            f"{subject.name}: judged against baseline {attested.baseline_config_hash}, but {asked.baseline} is "
            f"{subject.baseline_config_hash}: stale; run the canary again"
        )
    try:
        locked = read_lock(hero)["fingerprint"]
    except (OSError, ValueError) as error:
        raise Refused(f"{hero.lock_file}: {error}; {renewal(hero)}, then run the canary again") from None
    if attested.release_fingerprint != locked:
        raise Refused(
            f"{subject.name}: attested for release {attested.release_fingerprint[:16]}, but {hero.lock_file} is "
            f"{locked[:16]}: another release; run the canary again"
        )
    now = material_before(hero, HERE.house)
    differs = changes({key: value for key, value in attested.lock_material.items() if key in now}, now)
    if differs:
        raise Refused(f"{subject.name}: not what was attested: {differs[0]}; run the canary again")


def require_another(hero: Hero, asked: Wanted) -> None:
    """Refuse what can never serve, and what serves already."""
    subject = hero.subject
    if hero.fault is not None:
        raise Refused(f"{subject.source}: has a seeded fault; it is there to be stopped, never to be promoted")
    if hero.baseline_kind.block != read_yaml(asked.baseline).get("selected"):
        raise Refused(
            f"{subject.source}: brings its own baseline, so {asked.baseline} is not what it was compared with"
        )
    if subject.config_hash == subject.baseline_config_hash:
        raise Refused(f"{subject.name}: its configuration is the baseline's already; there is nothing to promote")


def require_people(words: Sequence[people.Word], promotion: Promotion, now: datetime) -> list[people.Word]:
    """Refuse without enough approvals or in a freeze window; returns the overrides that lifted one."""
    approvals = [word for word in words if word.statement.kind == "approval"]
    # a name is the signer's own word: two people have two keys
    approved = min(len({word.by for word in approvals}), len({word.statement.keyid for word in approvals}))
    if approved < promotion.approvals:
        raise Refused(
            f"approvals: {approved} in force, but the policy asks for {promotion.approvals} by different people, each "
            f"with a key of their own; {HERE.typed('python -m reports.attestation approve --help')}"
        )
    frozen = next((window for window in promotion.freeze if window.begins <= now < window.ends), None)
    if frozen is None:
        return []
    lifted = [word for word in words if word.statement.kind == "override"]
    if not lifted:
        raise Refused(
            f"freeze until {frozen.ends:%Y-%m-%d %H:%M} UTC ({frozen.why}); wait, or have it lifted: "
            f"{HERE.typed('python -m reports.attestation override --help')}"
        )
    return lifted
