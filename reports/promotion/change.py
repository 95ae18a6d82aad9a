"""What does a promotion change? The baseline, and nothing before every condition holds; a rollback asks for none.

`promote` makes an attested hero the incumbent: its configuration becomes `baseline.yaml`, the file that was there goes
to `previous/` as the rollback target, and a signed statement says so. `roll_back` puts the newest of those files back,
byte for byte. Each is one change of `journal`, under one lock of the folder of configs.

`serve_by_exception` lets serve what nothing promotes: signed, for a while, told until something else serves. That is no
decision and never called one: it owes the canary that was not waited for (docs/runbook.md#exception).
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import yaml

from fixtures.lock import load_locked
from fixtures.pack_file import Brought
from fixtures.packs import Hero, load_hero
from gates.errors import GateError
from gates.place import HERE
from reports.attestation import chain, people, say, verify
from reports.attestation.signing import Signer, open_signer
from reports.attestation.statements import digest_in
from reports.escaping import clean, cut, elsewhere, typed
from reports.promotion import conditions, journal
from reports.promotion.conditions import AS_TEXT, Refused, Wanted, text_in
from reports.promotion.journal import PREVIOUS, Undertaking
from reports.promotion.serving import serving
from rollout.jobs.numbers import numbers_of_run, numbers_text


def promote(asked: Wanted, name: str) -> list[str]:
    """Make a hero the incumbent; returns what is told. Raises Refused with the first condition that does not hold."""
    with journal.alone(asked), chain.owned(asked.artifacts):
        intent = carried_out(asked, lambda: _promotion(asked, name))
    stale = [other["hero"] for other in intent.said["stale"]]
    options = elsewhere(asked.configs, asked.artifacts)
    back = HERE.typed(" ".join(("./hero-gate rollback", *options)) if options else "make rollback")
    return [
        f"promoted  {intent.hero}: {asked.baseline} is now {intent.config_hash}; "
        f"the one before is {PREVIOUS}/{intent.kept}",
        *([f"stale     {', '.join(stale)}: judged against the old baseline"] if stale else []),
        *_untrusted(intent),
        f"next      commit {typed(asked.configs)}, lock the heroes to come; {back} brings the old baseline back",
    ]


def roll_back(asked: Wanted) -> list[str]:
    """Put the previous baseline back. Freeze windows, approvals and keys never stand in its way."""
    with journal.alone(asked):
        begun = journal.interrupted(asked)
        if begun and begun.kind != "rollback" and journal.is_recorded(asked, begun):
            journal.carry_out(asked, begun)
            begun = None
        intent = begun.taken_back(asked) if begun else _rollback(asked)
        journal.carry_out(asked, intent)
    hero = intent.hero
    return [
        f"rolled back  {asked.baseline} is what it was before{f' {hero} was promoted' if hero else ''}",
        f"next         a promoted decision is used up: run the canary again before {hero or 'a hero'} is promoted anew",
    ]


def serve_by_exception(asked: Wanted, name: str, ticket: str, until: str) -> list[str]:
    """Let a hero serve until then without a PROMOTE; returns what is told. Raises Refused."""
    why, ticket, ends = say.text_of("why", asked.why), say.text_of("ticket", ticket), say.until_of(until, asked.now)

    def exception() -> tuple[Undertaking, Signer]:
        hero = load_hero(name, asked.configs, foreseen=False)
        conditions.require_another(hero, asked)
        days = hero.subject.policy.promotion.valid_days
        if ends - asked.now > timedelta(days=days):
            raise Refused(f"--until={until}: more than {days} days ahead (valid_days); name a day before")
        signer = open_signer()
        trusted = conditions.require_promoter(signer, asked)
        how = f"serves by EXCEPTION until {ends:%Y-%m-%d %H:%M} UTC, not by a PROMOTE"
        said = {
            "why": why,
            "ticket": ticket,
            "until": ends.isoformat(timespec="seconds"),
            "configHash": hero.subject.config_hash,
            "changes": changed(hero),
            "untrustedAccepted": [] if trusted else ["promoter"],
        }
        return to_serve(asked, "exception", hero, text_of(asked, hero, how, how), said), signer

    with journal.alone(asked):
        made = carried_out(asked, exception)
    how = HERE.typed(f"judge {made.hero} where the baseline before it stands, then make rollback and make promote")
    return [
        f"EXCEPTION {made.hero} serves until {ends:%Y-%m-%d %H:%M} UTC: no PROMOTE, told as P1",
        *_untrusted(made),
        f"next      it owes a canary: {how}",
    ]


def _untrusted(made: Undertaking) -> list[str]:
    told = made.said["untrustedAccepted"]
    return [f"untrusted {what}: nobody vouches for the key; that is recorded" for what in told]


def carried_out(asked: Wanted, planned: Callable[[], tuple[Undertaking, Signer]]) -> Undertaking:
    """End what was interrupted, then make what is planned: a rollback is carried on, all else is put back first."""
    begun = journal.interrupted(asked)
    if begun and (begun.kind == "rollback" or journal.is_recorded(asked, begun)):
        journal.carry_out(asked, begun)
        begun = None
    if begun:
        journal.put_back(asked, begun)
    try:
        undertaking, signer = planned()
    except GateError:
        if begun:  # what was half promoted has been rolled back, and the chain says so
            journal.carry_out(asked, begun.taken_back(asked))
        raise
    journal.carry_out(asked, undertaking, signer)
    return undertaking


def _promotion(asked: Wanted, name: str) -> tuple[Undertaking, Signer]:
    """Everything that must hold, asked anew each time; then what is changed, and the key that says so."""
    hero = load_locked(name, asked.configs)
    verified = verify.verify(asked.artifacts, asked.root)
    if verified.problems:
        problem, way_out = verified.problems[0], "run the canary again"
        raise Refused(f"{asked.artifacts}: {problem}" + ("" if way_out in problem else f"; {way_out}"))
    decided = conditions.decided(verified.heroes, hero.subject.name, asked)
    way_out = "sign with a key of configs/trusted_keys.json (docs/verify.md)"
    trusted = {"decision": conditions.require_trust(decided.vouched, asked, f"{hero.subject.name}:", way_out)}
    conditions.require_unused(decided, chain.read(asked.state))
    conditions.require_fresh(decided, hero, asked)
    digest, fingerprint = decided.statement.digest, decided.attestation.release_fingerprint
    said_of_it = people.said_of(verified.chain, digest, asked.now, asked.root, asked.accept_untrusted)
    words = [word for word in said_of_it if word.counts]
    lifted = conditions.require_people(words, hero.subject.policy.promotion, asked.now)
    signer = open_signer()
    trusted |= {"promoter": conditions.require_promoter(signer, asked)}
    trusted |= {f"{word.statement.kind} by {word.by}": word.trusted for word in words}
    conditions.require_evidence(decided, asked)
    others = [d.statement for n, d in verified.heroes.items() if n != hero.subject.name]
    after = text_of(
        asked, hero, f"promoted as release {fingerprint[:16]} by decision {digest[:16]}", "what serves today"
    )
    said = {
        "decision": {"sha256": digest},
        "changes": changed(hero),
        "releaseFingerprint": fingerprint,
        "untrustedAccepted": [what for what, counts in trusted.items() if not counts],
        "approvals": [word.statement.digest for word in words if word.statement.kind == "approval"],
        "freezeLiftedBy": [word.statement.digest for word in lifted],
        "stale": [{"hero": other.hero, "decision": {"sha256": other.digest}} for other in others],
    }
    numbers = numbers_text(numbers_of_run(asked.artifacts / hero.subject.name))
    return to_serve(asked, "promotion", hero, after, said, numbers), signer


def to_serve(
    asked: Wanted, kind: Any, hero: Hero, after: str, said: Mapping[str, Any], numbers: str = ""
) -> Undertaking:
    """A hero in the incumbent's place, which goes to the rollback targets."""
    kept, before = journal.kept(asked), asked.serving
    change = asked.change(before, after)
    number = int(kept[-1].name[:4]) + 1 if kept else 1
    return Undertaking(
        kind=kind,
        hero=hero.subject.name,
        before=before,
        after=after,
        kept=f"{number:04d}-{digest_in(change, 'from')[:16]}.yaml",
        numbers=numbers,
        config_hash=hero.subject.config_hash,
        statements=chain.length(asked.state),
        said={**change, **said},
    )


def _rollback(asked: Wanted) -> Undertaking:
    """The newest rollback target in the incumbent's place."""
    kept = journal.kept(asked)
    if not kept:
        raise Refused(
            f"{asked.configs / PREVIOUS}: no baseline is kept there; nothing was promoted since the first one"
        )
    before, after = asked.serving, text_in(kept[-1])
    change = asked.change(before, after)
    made = serving(asked.configs)
    of_it = {} if made is None else {k: v for k, v in made.predicate.items() if k in ("decision", "releaseFingerprint")}
    return Undertaking(
        kind="rollback",
        hero=made.hero if made else "",
        before=before,
        after=after,
        kept=kept[-1].name,
        statements=chain.length(asked.state),
        said={**change, **of_it},
    )


def changed(hero: Hero) -> dict[str, str]:
    """What it changes in what serves, by dotted key."""
    return {clean(one.key): clean(f"{cut(one.baseline, 40)} > {cut(one.hero, 40)}") for one in hero.subject.differs}


def text_of(asked: Wanted, hero: Hero, how: str, claim: str) -> str:
    """The hero's configuration as the pack of an incumbent, on top of what was promoted before; text of its bytes."""
    brought = Brought(
        hero=hero.subject.name,
        owner=hero.subject.owner,
        by=clean(asked.by) or "-",
        how=f"{how}, {asked.now:%Y-%m-%d}",
        changed=changed(hero),
    )
    pack = {
        "schema": "hero-gate/pack/v1",
        "name": hero.subject.baseline_name,
        "owner": hero.subject.owner,
        "claim": {"text": claim},
        "selected": dict(hero.system_kind.block),
        "stack": [one.model_dump(mode="json") for one in (*hero.stack, brought)],
    }
    text = (
        f"# The incumbent: {hero.subject.name}, {how}.\n"
        f"# Written by {HERE.typed('make promote; make rollback')} brings the one before back, from previous/.\n"
        f"{yaml.safe_dump(pack, default_flow_style=None, sort_keys=False, allow_unicode=True, width=10_000)}"
    )
    return text.encode().decode(AS_TEXT)
