"""May what runs be promoted as what was locked? Only where no field of the lock differs."""

from gates.checks.check import Check, HoldLimits, Name
from gates.documents import Document
from gates.verdicts import Cell, Kind, Verdict

SHOWN = 4  # fields that are named


class LockState(Document):
    """What fixtures.lock found: does the lock fit what is here now?"""

    status: str  # "frozen", "none", "unreadable"
    differs: tuple[str, ...] = ()  # names of fields
    changes: tuple[str, ...] = ()  # a line for each of them
    renew: str  # the command that locks what is there now
    why: str = ""  # it is unreadable
    fingerprint: str = ""
    locked_at: str = ""


class Lock(Check):
    """What is promoted is not what was frozen and reviewed."""

    key, kind, place = "lock", Kind.INSTRUMENT, 1
    stays = True
    unit, name = "fields that differ", Name(label="fields not as locked", digits=0)
    mend = "undo what was changed, or lock the hero anew where the change is meant"
    broken_words = "what runs is not what was locked"

    def judge(self, hero: str, limits: HoldLimits, state: LockState) -> Cell:
        """GREEN when the lock fits. `state` is what fixtures.lock.lock_state found."""
        differs, status, renew = state.differs, state.status, state.renew
        if status == "none":
            note = f"no lock: what was never locked cannot be promoted, only held or rolled back; {renew}"
        elif status != "frozen":
            note = f"the lock cannot be trusted: {state.why or status}; {renew}"
        elif differs:
            more = f" and {len(differs) - SHOWN} more" if len(differs) > SHOWN else ""
            note = f"not what was locked: {', '.join(differs[:SHOWN])}{more}; mend it, or {renew}"
        else:
            note = ""
        observed = str(max(len(differs), 1 if note else 0))
        told = {"unit": self.unit, "observed": observed, "limit": "0", "n": 1, "note": note}
        return self.before_climb(hero, limits.on_red, Verdict.RED if note else Verdict.GREEN, **told)
