"""What does a promotion change? The baseline, and nothing before every condition holds; a rollback asks for none.

`promote` makes an attested hero the incumbent: its configuration becomes `baseline.yaml`, the file that was there goes
to `previous/` as the rollback target, and a signed statement says so. `rollback` puts the newest of those files back,
byte for byte. The statement comes first: where a promotion was killed after it, saying `promote` again finishes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from evidence.files import write_whole
from fixtures.lock import load_locked
from fixtures.packs import Hero
from gates.errors import GateError
from reports.attestation import chain, people, statements, trust, verify
from reports.attestation.chain import Chain, Statement
from reports.attestation.signing import Signer, open_signer
from reports.attestation.statements import digest_in
from reports.escaping import clean
from reports.promotion import conditions
from reports.promotion.conditions import Refused, Wanted
from rollout.jobs.numbers import numbers_of_run, write_numbers

PREVIOUS = "previous"  # baselines that a rollback brings back, the newest one first


class NotRecorded(GateError):
    """It was done, but the chain does not say so."""


class PromotionSaid(NamedTuple):
    """What the statement of a promotion says."""

    statement: Statement
    decision: str  # digest of the statement whose decision it used up
    fingerprint: str  # of the release
    before: str  # digest of the baseline's file that it found
    after: str  # and of the one that it left


def promote(asked: Wanted, name: str, *, accept_untrusted: bool) -> list[str]:
    """Make a hero the incumbent; returns what is told. Raises Refused with the first condition that does not hold."""
    hero = load_locked(name, asked.configs)
    with chain.owned(asked.artifacts):
        verified = verify.verify(asked.artifacts, asked.root, asked.now)
        if verified.problems:
            raise Refused(f"{asked.artifacts}: {verified.problems[0]}; run the canary again")
        decided = conditions.decided(verified.heroes, hero.subject.name, asked)
        words = people.in_force(
            verified.chain, decided.statement.digest, asked.now, asked.root, accept_untrusted=accept_untrusted
        )
        done = [p for p in _promotions(verified.chain) if p.decision == decided.statement.digest]
        if done:
            return _finish(asked, hero, verified.chain, done[0])
        conditions.require_trust(decided, accept_untrusted)
        conditions.require_fresh(decided, hero, asked)
        lifted = conditions.require_people(words, hero.subject.policy.promotion, asked.now)
        signer = open_signer()
        conditions.require_promoter(signer, asked, accept_untrusted)
        others = [d.statement for n, d in verified.heroes.items() if n != hero.subject.name]
        content = _text_of(hero, decided.statement.digest, decided.attestation.release_fingerprint)
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


def roll_back(asked: Wanted) -> list[str]:
    """Put the previous baseline back. Freeze windows, approvals and keys never stand in its way."""
    kept = _kept(asked)
    if not kept:
        raise Refused(
            f"{asked.configs / PREVIOUS}: no baseline is kept there; nothing was promoted since the first one"
        )
    content, before = kept[-1].read_bytes(), asked.baseline.read_bytes()
    said = _change(asked, content)
    write_whole(asked.baseline, content)  # the users first; whatever fails below, the old baseline serves
    _put_back(kept[-1].with_suffix(conditions.NUMBERS), asked.numbers)
    kept[-1].unlink()
    with suppress(OSError):  # it holds older ones
        kept[-1].parent.rmdir()
    last = _promotions(chain.read(asked.artifacts))[-1:]
    hero = last[0].statement.hero if last and last[0].after == chain.digest(before) else ""
    try:
        _record(asked, "rollback", hero, content, said, open_signer())
    except GateError as error:
        raise NotRecorded(f"rolled back, {asked.baseline} is what it was, but nothing is signed: {error}") from None
    return [
        f"rolled back  {asked.baseline} is what it was before{f' {hero} was promoted' if hero else ''}",
        f"next         a promoted decision is used up: run the canary again before {hero or 'a hero'} is promoted anew",
    ]


def _promotions(whole: Chain) -> list[PromotionSaid]:
    """What was promoted, in order."""
    return [
        PromotionSaid(
            statement,
            digest_in(statement.predicate, "decision"),
            str(statement.predicate.get("releaseFingerprint", "")),
            digest_in(statement.predicate, "from"),
            digest_in(statement.predicate, "to"),
        )
        for statement in whole.statements
        if statement.kind == "promotion"
    ]


def _finish(asked: Wanted, hero: Hero, whole: Chain, done: PromotionSaid) -> list[str]:
    """Finish what was recorded but killed before it was done; else the decision is used up."""
    name, file = hero.subject.name, f"{chain.BUNDLES}/{done.statement.file}"
    if done.before != chain.digest(asked.baseline.read_bytes()):
        raise Refused(f"{name}: this decision was promoted already ({file}); run the canary again")
    later = [s for s in whole.statements if s.number > done.statement.number and s.kind == "rollback"]
    if later:
        raise Refused(f"{name}: promoted and rolled back ({chain.BUNDLES}/{later[-1].file}); run the canary again")
    content = _text_of(hero, done.decision, done.fingerprint)
    if chain.digest(content) != done.after:
        raise Refused(f"{hero.subject.source}: changed since {file} was signed; run the canary again")
    _keep(asked)
    _serve(asked, hero, content)
    return [f"promoted  {name}: finished what {file} recorded"]


def _change(asked: Wanted, content: bytes) -> dict[str, Any]:
    return {
        "by": clean(asked.by),
        "why": clean(asked.why),
        "from": {"sha256": chain.digest(asked.baseline.read_bytes())},
        "to": {"sha256": chain.digest(content)},
        "createdOn": asked.now.isoformat(timespec="seconds"),
    }


def _record(asked: Wanted, kind: str, hero: str, content: bytes, said: Mapping[str, Any], signer: Signer) -> None:
    judged = trust.judge(asked.root, signer.keyid, "promote", asked.now, ephemeral=signer.ephemeral)
    signed_by = statements.signer(signer.keyid, ephemeral=signer.ephemeral, words=judged.words)
    statement = statements.change_statement(kind, hero, chain.digest(content), said, signed_by)
    chain.append(asked.artifacts, kind, hero, statement, signer)


def _text_of(hero: Hero, decision: str, fingerprint: str) -> bytes:
    """The hero's configuration as the pack of an incumbent."""
    return (
        f"# The incumbent: {hero.subject.name}, promoted as release {fingerprint[:16]} by statement {decision[:16]}.\n"
        "# Written by make promote; make rollback brings the one before back, from previous/.\n"
        "schema: hero-gate/pack/v1\n"
        f"name: {hero.subject.baseline_name}\n"
        f"{yaml.safe_dump({'owner': hero.subject.owner}, allow_unicode=True)}"
        "claim: {text: what serves today}\n"
        f"selected:\n{_block(hero.system_kind.block)}"
    ).encode()


def _block(system: Mapping[str, Any]) -> str:
    """A `selected` block as packs are written: a line for each key."""

    def flow(value: Any) -> str:
        text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
        return text.removesuffix("\n").removesuffix("...").strip()

    return "".join(f"  {key}: {flow(value)}\n" for key, value in system.items())


def _kept(asked: Wanted) -> list[Path]:
    return sorted((asked.configs / PREVIOUS).glob("[0-9]*.yaml"))


def _keep(asked: Wanted) -> None:
    """Copy the incumbent's file to the rollback targets, unless a killed promotion did so already."""
    kept, content = _kept(asked), asked.baseline.read_bytes()
    if kept and kept[-1].read_bytes() == content:
        return
    number = int(kept[-1].name[:4]) + 1 if kept else 1
    copy = asked.configs / PREVIOUS / f"{number:04d}-{chain.digest(content)[:16]}.yaml"
    if asked.numbers.exists():
        write_whole(copy.with_suffix(conditions.NUMBERS), asked.numbers.read_bytes())
    write_whole(copy, content)  # last: this is the file that a rollback looks for


def _serve(asked: Wanted, hero: Hero, content: bytes) -> None:
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
