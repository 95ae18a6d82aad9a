"""What was seen that may be worth telling? Whoever sees it says so with this, and needs none of the rules."""

import os
import shlex
from dataclasses import dataclass

from gates.place import HERE
from reports.escaping import clean

#: The kind of an event with which a job says that it found nothing but what it told at the same moment.
ALL = "all"


def typed_here(*words: str) -> str:
    """A command as it works on this machine, whoever types it wherever: its folder, its Python, its cache."""
    cache = os.environ.get("HERO_GATE_CACHE", "")
    named = f"HERO_GATE_CACHE={shlex.quote(cache)} " if cache else ""
    return f"cd {shlex.quote(str(HERE.home))} && {named}{shlex.join(words)}"


def module(*words: str) -> str:
    """The same of `python -m`."""
    return typed_here(*HERE.argv("python", "-m", *words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that was seen and may be worth telling. Times are ISO 8601 with their offset.

    Of the kind ALL: all else that its job had found is over.
    """

    kind: str  # one of reports.alerts.rules.KINDS
    check: str  # the check, or the job
    title: str
    since: str  # when it began
    seen_at: str  # when it was seen to be so
    command: str  # to look closer, as it is typed anywhere on this machine
    hero: str = ""
    config: str = ""  # the hero's config_hash: a changed config is a new hero
    observed: str = ""
    limit: str = ""
    text: str = ""
    owner: str = ""  # of the hero or the job; of an alert: who acts
    severity: str = ""  # P0 to P3; of an event: in place of the rule's
    run_id: str = ""
    job: str = ""  # the scheduled job that found it
    serves: str = ""  # the name of what answers users
    exposure: str = ""  # "live", "replay", "" where nothing was served
    review_due: str = ""  # when somebody must look again at what was promoted
    resolved: bool = False  # is the news that it is over?

    @property
    def decision(self) -> tuple[str, str, str]:
        """Which decision, where it is one: a run decides once about a hero."""
        return self.run_id, self.hero, self.kind

    @property
    def key(self) -> str:
        """What stays the same when the same thing is seen again."""
        hero = f"{self.hero}@{self.config[:8]}" if self.hero and self.config else self.hero
        job = self.job if self.kind == "not_evidenced" else ""  # two may miss the same, and each ends its own
        return clean("/".join(part for part in (self.kind, hero, self.check, self.exposure, job) if part))
