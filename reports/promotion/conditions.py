"""May a decision be promoted? Every condition, asked before anything is changed; the first that fails is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from fixtures.fingerprint import changes
from fixtures.lock import read_lock
from fixtures.material import material_before
from fixtures.packs import Hero
from gates.documents import read_yaml
from gates.errors import GateError
from gates.policy import Promotion, load_policy
from gates.verdicts import Decision
from reports.attestation import people, trust
from reports.attestation.signing import Signer
from reports.attestation.trust import TrustRoot
from reports.attestation.verify import Decided

NUMBERS = ".numbers.json"


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

    @property
    def baseline(self) -> Path:
        """The incumbent's file."""
        return self.configs / load_policy(self.configs / "policy.yaml").baseline

    @property
    def numbers(self) -> Path:
        """The numbers that the incumbent was promoted on, which the nights compare with."""
        return self.baseline.with_suffix(NUMBERS)


def decided(heroes: Mapping[str, Decided], name: str, asked: Wanted) -> Decided:
    """The decision about a hero, which must be PROMOTE."""
    if name not in heroes:
        there = ", ".join(heroes) or "none"
        raise Refused(f"--hero={name}: no signed decision in {asked.artifacts} (there: {there}); run make canary first")
    decided = heroes[name]
    decision = decided.attestation.decision
    if decision is not Decision.PROMOTE:
        reason = decided.attestation.reasons[:1]
        raise Refused(f"{name}: {decision}, but only PROMOTE is promoted: {reason[0] if reason else 'no reason given'}")
    return decided


def require_trust(decided: Decided, accept_untrusted: bool) -> None:
    """Refuse what nobody vouches for, unless that is accepted."""
    if not decided.judged.trusted and not accept_untrusted:
        raise Refused(
            f"{decided.statement.hero}: signed {decided.judged.words}; sign with a key of configs/trusted_keys.json "
            "(docs/verify.md), or say --accept-untrusted, which is recorded"
        )


def require_promoter(signer: Signer, asked: Wanted, accept_untrusted: bool) -> None:
    """Refuse a promotion that would be signed by a key that may not promote, unless that is accepted."""
    judged = trust.judge(asked.root, signer.keyid, "promote", asked.now, ephemeral=signer.ephemeral)
    if not judged.trusted and not accept_untrusted:
        raise Refused(
            f"this promotion would be signed {judged.words}; set HERO_GATE_SIGNER to a key that may promote, or say "
            "--accept-untrusted, which is recorded"
        )


def require_fresh(decided: Decided, hero: Hero, asked: Wanted) -> None:
    """Refuse what was decided about another configuration, baseline, policy or source than those here, or long ago."""
    attested, subject = decided.attestation, hero.subject
    promotion = subject.policy.promotion
    until = datetime.fromisoformat(attested.finished_at) + timedelta(days=promotion.valid_days)
    if asked.now > until:
        raise Refused(
            f"{subject.name}: decided {attested.finished_at[:10]}, valid for {promotion.valid_days} days: expired; "
            "run the canary again"
        )
    if hero.fault is not None:
        raise Refused(f"{subject.source}: has a seeded fault; it is there to be stopped, never to be promoted")
    if hero.baseline_kind.block != read_yaml(asked.baseline).get("selected"):
        raise Refused(
            f"{subject.source}: brings its own baseline, so {asked.baseline} is not what it was compared with"
        )
    if attested.baseline_config_hash != subject.baseline_config_hash:
        raise Refused(
            f"{subject.name}: judged against baseline {attested.baseline_config_hash}, but {asked.baseline} is "
            f"{subject.baseline_config_hash}: stale; run the canary again"
        )
    if subject.config_hash == subject.baseline_config_hash:
        raise Refused(f"{subject.name}: its configuration is the baseline's already; there is nothing to promote")
    try:
        locked = read_lock(hero)["fingerprint"]
    except (OSError, ValueError) as error:
        raise Refused(f"{hero.lock_file}: {error}; make lock HERO={subject.name}, then run the canary again") from None
    if attested.release_fingerprint != locked:
        raise Refused(
            f"{subject.name}: attested for release {attested.release_fingerprint[:16]}, but {hero.lock_file} is "
            f"{locked[:16]}: another release; run the canary again"
        )
    now = material_before(hero, Path.cwd())
    differs = changes({key: value for key, value in attested.lock_material.items() if key in now}, now)
    if differs:
        raise Refused(f"{subject.name}: not what was attested: {differs[0]}; run the canary again")


def require_people(words: Sequence[people.Word], promotion: Promotion, now: datetime) -> list[people.Word]:
    """Refuse without enough approvals or in a freeze window; returns the overrides that lifted one."""
    approvals = [word for word in words if word.kind == "approval"]
    # a name is the signer's own word: two people have two keys
    approved = min(len({word.by for word in approvals}), len({word.statement.keyid for word in approvals}))
    if approved < promotion.approvals:
        raise Refused(
            f"approvals: {approved} in force, but the policy asks for {promotion.approvals} by different people, each "
            "with a key of their own; python -m reports.attestation approve --help"
        )
    frozen = next((window for window in promotion.freeze if window.begins <= now < window.ends), None)
    if frozen is None:
        return []
    lifted = [word for word in words if word.kind == "override"]
    if not lifted:
        raise Refused(
            f"freeze until {frozen.ends:%Y-%m-%d %H:%M} UTC ({frozen.why}); wait, or have it lifted: "
            "python -m reports.attestation override --help"
        )
    return lifted
