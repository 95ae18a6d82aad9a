"""How does a change serve that nothing promotes? By EXCEPTION: signed, for a while, told until something else serves.

It is no decision and never called one: it owes the canary that was not waited for (docs/runbook.md#exception).
"""

from datetime import timedelta

from fixtures.packs import load_hero
from gates.place import HERE
from reports.attestation.say import text_of, until_of
from reports.attestation.signing import Signer, open_signer
from reports.promotion import change, conditions, journal
from reports.promotion.conditions import Refused, Wanted
from reports.promotion.journal import Undertaking


def serve_by_exception(asked: Wanted, name: str, ticket: str, until: str) -> list[str]:
    """Let a hero serve until then without a PROMOTE; returns what is told. Raises Refused."""
    why, ticket, ends = text_of("why", asked.why), text_of("ticket", ticket), until_of(until, asked.now)

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
            "changes": change.changed(hero),
            "untrustedAccepted": [] if trusted else ["promoter"],
        }
        return change.to_serve(asked, "exception", hero, change.text_of(asked, hero, how, how), said), signer

    with journal.alone(asked):
        made = change.carried_out(asked, exception)
    told = [f"EXCEPTION {made.hero} serves until {ends:%Y-%m-%d %H:%M} UTC: no PROMOTE, told as P1"]
    told += [
        f"untrusted {what}: nobody vouches for the key; that is recorded" for what in made.said["untrustedAccepted"]
    ]
    how = HERE.typed(f"judge {made.hero} where the baseline before it stands, then make rollback and make promote")
    return [*told, f"next      it owes a canary: {how}"]
