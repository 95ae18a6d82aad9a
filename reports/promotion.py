"""What does a promotion change? The baseline, and nothing before every condition holds; a rollback asks for none.

`promote` makes an attested hero the incumbent: its configuration becomes `baseline.yaml`, the file that was there goes
to `previous/` as the rollback target, and a signed statement says so. `rollback` puts the newest of those files back,
byte for byte. The statement comes first: where a promotion was killed after it, saying `promote` again finishes it.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from evidence.files import write_whole
from fixtures.fingerprint import changes
from fixtures.lock import load_locked, read_lock
from fixtures.material import material_before
from fixtures.packs import Hero
from gates.documents import read_yaml
from gates.errors import GateError
from gates.policy import Promotion, load_policy
from gates.verdicts import Decision
from reports.attestation import chain, people, statements, trust, verify
from reports.attestation.chain import Chain, Statement
from reports.attestation.signing import Signer, open_signer
from reports.attestation.trust import TrustRoot
from reports.attestation.verify import Decided
from reports.escaping import clean
from rollout.jobs.numbers import numbers_of_run, write_numbers

PREVIOUS = "previous"  # baselines that a rollback brings back, the newest one first
NUMBERS = ".numbers.json"


class Refused(GateError):
    """Nothing was changed; one line: value, expectation, place, way out."""


class NotRecorded(GateError):
    """It was done, but the chain does not say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
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


def promote(asked: Asked, name: str, *, accept_untrusted: bool) -> list[str]:
    """Make a hero the incumbent; returns what is told. Raises Refused with the first condition that does not hold."""
    hero = load_locked(name, asked.configs)
    with chain.owned(asked.artifacts):
        verified = verify.verify(asked.artifacts, asked.root, asked.now)
        if verified.problems:
            raise Refused(f"{asked.artifacts}: {verified.problems[0]}; run the canary again")
        decided = _decided(verified.heroes, hero.subject.name, asked)
        words = people.in_force(
            verified.chain, decided.statement.digest, asked.now, asked.root, accept_untrusted=accept_untrusted
        )
        done = _promotion_of(verified.chain, decided.statement.digest)
        if done is not None:
            return _finish(asked, hero, done)
        _require_trust(decided, accept_untrusted)
        _require_fresh(decided, hero, asked)
        lifted = _require_people(words, hero.subject.policy.promotion, asked.now)
        signer = open_signer()
        _require_promoter(signer, asked, accept_untrusted)
        others = [d.statement for n, d in verified.heroes.items() if n != hero.subject.name]
        content = _baseline_text(hero, decided.statement)
        said = {
            **_change(asked, content),
            "decision": {"sha256": decided.statement.digest},
            "releaseFingerprint": decided.attestation.release_fingerprint,
            "untrustedAccepted": "yes" if accept_untrusted and not decided.judged.trusted else "no",
            "approvals": [word.statement.digest for word in words if word.kind == "approval"],
            "freezeLiftedBy": [word.statement.digest for word in lifted],
            "stale": [{"hero": other.hero, "decision": {"sha256": other.digest}} for other in others],
        }
        _keep(asked)
        _record(asked, "promotion", hero.subject.name, content, said, signer)
        _serve(asked, hero, content)
    return [
        f"promoted  {hero.subject.name}: {asked.baseline} is now {hero.subject.config_hash}; "
        f"the one before is {_kept(asked)[-1].relative_to(asked.configs)}",
        *([f"stale     {', '.join(o.hero for o in others)}: judged against the old baseline"] if others else []),
        *(
            ["untrusted the decision was signed by a key that nobody vouches for; that is recorded"]
            if said["untrustedAccepted"] == "yes"
            else []
        ),
        f"next      commit {asked.configs}, lock the heroes to come; make rollback brings the old baseline back",
    ]


def roll_back(asked: Asked) -> list[str]:
    """Put the previous baseline back. Freeze windows, approvals and keys never stand in its way."""
    kept = _kept(asked)
    if not kept:
        raise Refused(
            f"{asked.configs / PREVIOUS}: no baseline is kept there; nothing was promoted since the first one"
        )
    content, before = kept[-1].read_bytes(), asked.baseline.read_bytes()
    said = _change(asked, content)
    write_whole(asked.baseline, content)  # the users first; whatever fails below, the old baseline serves
    _put_back(kept[-1].with_suffix(NUMBERS), asked.numbers)
    kept[-1].unlink()
    with suppress(OSError):  # it holds older ones
        kept[-1].parent.rmdir()
    promoted = chain.read(asked.artifacts).last("promotion")
    hero = promoted.hero if promoted and promoted.predicate["to"]["sha256"] == chain.digest(before) else ""
    try:
        _record(asked, "rollback", hero, content, said, open_signer())
    except GateError as error:
        raise NotRecorded(f"rolled back, {asked.baseline} is what it was, but nothing is signed: {error}") from None
    return [
        f"rolled back  {asked.baseline} is what it was before{f' {hero} was promoted' if hero else ''}",
        f"next         a promoted decision is used up: run the canary again before {hero or 'a hero'} is promoted anew",
    ]


def _decided(heroes: Mapping[str, Decided], name: str, asked: Asked) -> Decided:
    if name not in heroes:
        there = ", ".join(heroes) or "none"
        raise Refused(f"--hero={name}: no signed decision in {asked.artifacts} (there: {there}); run make canary first")
    decided = heroes[name]
    decision = decided.attestation.decision
    if decision is not Decision.PROMOTE:
        reason = decided.attestation.reasons[:1]
        raise Refused(f"{name}: {decision}, but only PROMOTE is promoted: {reason[0] if reason else 'no reason given'}")
    return decided


def _require_trust(decided: Decided, accept_untrusted: bool) -> None:
    if not decided.judged.trusted and not accept_untrusted:
        raise Refused(
            f"{decided.statement.hero}: signed {decided.judged.words}; sign with a key of configs/trusted_keys.json "
            "(docs/verify.md), or say --accept-untrusted, which is recorded"
        )


def _require_promoter(signer: Signer, asked: Asked, accept_untrusted: bool) -> None:
    judged = trust.judge(asked.root, signer.keyid, "promote", asked.now, ephemeral=signer.ephemeral)
    if not judged.trusted and not accept_untrusted:
        raise Refused(
            f"this promotion would be signed {judged.words}; set HERO_GATE_SIGNER to a key that may promote, or say "
            "--accept-untrusted, which is recorded"
        )


def _require_fresh(decided: Decided, hero: Hero, asked: Asked) -> None:
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
    if hero.baseline_system != read_yaml(asked.baseline).get("selected"):
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


def _require_people(words: Sequence[people.Word], promotion: Promotion, now: datetime) -> list[people.Word]:
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


def _promotion_of(whole: Chain, decision: str) -> Statement | None:
    """The promotion that used a decision up."""
    return next(
        (s for s in whole.statements if s.kind == "promotion" and s.predicate["decision"]["sha256"] == decision), None
    )


def _finish(asked: Asked, hero: Hero, done: Statement) -> list[str]:
    """Finish what was recorded but killed before it was done; else the decision is used up."""
    if done.predicate["from"]["sha256"] != chain.digest(asked.baseline.read_bytes()):
        raise Refused(
            f"{done.hero}: this decision was promoted already ({chain.BUNDLES}/{done.file}); run the canary again"
        )
    later = [s for s in chain.read(asked.artifacts).statements if s.number > done.number and s.kind == "rollback"]
    if later:
        raise Refused(f"{done.hero}: promoted and rolled back ({chain.BUNDLES}/{later[-1].file}); run the canary again")
    decision = str(done.predicate["decision"]["sha256"])
    content = _text_of(hero, decision, str(done.predicate["releaseFingerprint"]))
    if chain.digest(content) != done.predicate["to"]["sha256"]:
        raise Refused(
            f"{hero.subject.source}: changed since {chain.BUNDLES}/{done.file} was signed; run the canary again"
        )
    _keep(asked)
    _serve(asked, hero, content)
    return [f"promoted  {done.hero}: finished what {chain.BUNDLES}/{done.file} recorded"]


def _change(asked: Asked, content: bytes) -> dict[str, Any]:
    return {
        "by": clean(asked.by),
        "why": clean(asked.why),
        "from": {"sha256": chain.digest(asked.baseline.read_bytes())},
        "to": {"sha256": chain.digest(content)},
        "createdOn": asked.now.isoformat(timespec="seconds"),
    }


def _record(asked: Asked, kind: str, hero: str, content: bytes, said: Mapping[str, Any], signer: Signer) -> None:
    judged = trust.judge(asked.root, signer.keyid, "promote", asked.now, ephemeral=signer.ephemeral)
    signed_by = statements.signer(signer.keyid, ephemeral=signer.ephemeral, words=judged.words)
    statement = statements.change_statement(kind, hero, chain.digest(content), said, signed_by)
    chain.append(asked.artifacts, kind, hero, statement, signer)


def _baseline_text(hero: Hero, decision: Statement) -> bytes:
    return _text_of(hero, decision.digest, str(decision.content["subject"][0]["digest"]["sha256"]))


def _text_of(hero: Hero, decision: str, fingerprint: str) -> bytes:
    """The hero's configuration as the pack of an incumbent."""
    return (
        f"# The incumbent: {hero.subject.name}, promoted as release {fingerprint[:16]} by statement {decision[:16]}.\n"
        "# Written by make promote; make rollback brings the one before back, from previous/.\n"
        "schema: hero-gate/pack/v1\n"
        f"name: {hero.subject.baseline_name}\n"
        f"{yaml.safe_dump({'owner': hero.subject.owner}, allow_unicode=True)}"
        "claim: {text: what serves today}\n"
        f"selected:\n{_block(hero.system)}"
    ).encode()


def _block(system: Mapping[str, Any]) -> str:
    """A `selected` block as packs are written: a line for each key."""

    def flow(value: Any) -> str:
        text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
        return text.removesuffix("\n").removesuffix("...").strip()

    return "".join(f"  {key}: {flow(value)}\n" for key, value in system.items())


def _kept(asked: Asked) -> list[Path]:
    return sorted((asked.configs / PREVIOUS).glob("[0-9]*.yaml"))


def _keep(asked: Asked) -> None:
    """Copy the incumbent's file to the rollback targets, unless a killed promotion did so already."""
    kept, content = _kept(asked), asked.baseline.read_bytes()
    if kept and kept[-1].read_bytes() == content:
        return
    number = int(kept[-1].name[:4]) + 1 if kept else 1
    copy = asked.configs / PREVIOUS / f"{number:04d}-{chain.digest(content)[:16]}.yaml"
    if asked.numbers.exists():
        write_whole(copy.with_suffix(NUMBERS), asked.numbers.read_bytes())
    write_whole(copy, content)  # last: this is the file that a rollback looks for


def _serve(asked: Asked, hero: Hero, content: bytes) -> None:
    """Let the hero serve, and keep the numbers that it was promoted on."""
    numbers = numbers_of_run(asked.artifacts / hero.subject.name)
    write_whole(asked.baseline, content)
    write_numbers(asked.numbers, numbers)


def _put_back(kept: Path, place: Path) -> None:
    """Bring a kept file back to its place; where none was kept, none was there."""
    if not kept.exists():
        place.unlink(missing_ok=True)
        return
    write_whole(place, kept.read_bytes())
    kept.unlink()


def main(arguments: Sequence[str]) -> int:
    """`promote` and `rollback`: 0 when done, 1 when refused."""
    parser = argparse.ArgumentParser(prog="python -m reports.promotion", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    promoting = commands.add_parser("promote", help="make an attested hero the baseline")
    promoting.add_argument("--hero", required=True, help="a hero of the policy, or the path of a pack")
    promoting.add_argument("--accept-untrusted", action="store_true", help="though nobody vouches for a key; recorded")
    backing = commands.add_parser("rollback", help="bring the previous baseline back")
    for command in (promoting, backing):
        command.add_argument("--artifacts", type=Path, default=Path("reports/out"))
        command.add_argument("--configs", type=Path, default=Path("configs"))
        command.add_argument("--trust", type=Path, help="trust root (default: configs/trusted_keys.json)")
        command.add_argument("--by", default=getpass.getuser(), help="who does it")
        command.add_argument("--why", default="", help="in a sentence")
    given = parser.parse_args(arguments)
    try:
        asked = Asked(
            artifacts=given.artifacts,
            configs=given.configs,
            by=given.by,
            why=given.why,
            root=trust.read_trust(given.trust),
            now=datetime.now(UTC),
        )
        told = (
            promote(asked, given.hero, accept_untrusted=given.accept_untrusted)
            if given.command == "promote"
            else roll_back(asked)
        )
    except GateError as error:
        print(error if isinstance(error, NotRecorded) else f"refused: {error}", file=sys.stderr)
        return 1
    print("\n".join(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
