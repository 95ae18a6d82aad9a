"""Which alert does a decision raise? A gate run appends it to alerts.jsonl; delivering it is the next tick's work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gates.attestation import Attestation
from gates.checks.check import Name
from gates.errors import ConfigError
from gates.names import check_name
from gates.release import Release
from gates.verdicts import Decision
from reports.alerts.event import Event, module
from reports.alerts.log import LOG, emit, words_of
from reports.alerts.rules import built_in, load_alert_rules
from reports.escaping import cut, typed

if TYPE_CHECKING:  # it brings all that reads evidence, which most ticks need not wait for
    from reports.model.story import Story
    from reports.render.told import Told

_REASONS, _REASON_LENGTH = 3, 300


def pytest_gate_signed(told: Told, configs: Path) -> str:
    """Put the alerts of the signed decisions on record."""
    return notify_decisions(told.release, configs, told.stories)


def notify_decisions(release: Release, configs: Path, stories: Sequence[Story] = ()) -> str:
    """Append the alert of each decision of this run; "" or one line that says what went wrong.

    Called after the attestations are written and never in the way of a decision: where nothing can be appended the
    next tick finds the decision without its alert (automation/alerts.py), and mistakes in alerts.yaml leave the rules
    as shipped.
    """
    from reports.attestation.document import attest  # a second that a tick, which imports this module, need not wait

    trouble = ""
    try:
        rules = load_alert_rules(configs)
    except ConfigError as error:
        rules, trouble = built_in(), f"alerts: told by the rules as shipped, since {error.mistakes[0]}"
    told = {story.hero: story for story in stories}
    events = [decision_event(attest(release, o, told.get(o.subject.name)), release.artifacts) for o in release.outcomes]
    try:
        emit(events, release.artifacts, rules, datetime.now(UTC))
    except OSError as error:
        place = typed(release.artifacts / LOG)
        return f"alerts: nothing appended to {place} ({words_of(error)}); the next tick will tell it"
    return trouble


def decision_event(attestation: Attestation, artifacts: Path) -> Event:
    """The event of one hero's decision, from its attestation: the same whether the run tells it or a tick finds it."""
    decision, hero, reasons = attestation.decision, attestation.hero, attestation.reasons
    asked = reasons[0].partition(": ")[0] if reasons else ""  # "aece_tau at 25 %", "lock"
    check = asked.partition(" at ")[0]
    cells = {f"{cell.check} at {cell.step} %" if cell.step else cell.check: cell for cell in attestation.cells}
    cell = cells.get(asked)
    name = check_name(check, cell.unit if cell else "", attestation.mode)
    observed, limit = (_shown(name, number) for number in ((cell.observed, cell.limit) if cell else ("", "")))
    card, because = attestation.card, [cut(reason, _REASON_LENGTH) for reason in reasons[:_REASONS]]
    return Event(
        kind=str(decision).lower(),
        hero=hero,
        config=attestation.config_hash,
        check=check,
        observed=observed,
        limit=limit,
        since=attestation.finished_at,
        seen_at=attestation.finished_at,
        owner=card.owner,
        title=f"{decision} {hero}: {cut(card.reason, _REASON_LENGTH)}",
        text="\n".join((card.serves, f"next: {card.next}", *because)),
        command=module("reports.attestation", "show", str(artifacts.absolute())),
        run_id=attestation.run_id,
        exposure=attestation.exposure,
        review_due=attestation.review_due if decision is Decision.PROMOTE else "",
    )


def _shown(name: Name, number: str) -> str:
    """A number with its unit, as people read it; "" for what is none."""
    shown = name.show(number)
    return f"{shown} {name.unit}".rstrip() if shown else ""
