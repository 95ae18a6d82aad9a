"""Which alert does a decision raise, and which has none yet? A gate run asks once it has decided, as does each tick."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from evidence.files import regular
from gates.attestation import ATTESTATION, Attestation, AttestationError
from gates.errors import ConfigError
from gates.names import check_name
from gates.verdicts import Because, Decision
from reports.alerts.event import Event, module
from reports.alerts.log import LOG, Log, emit, read_log, words_of
from reports.alerts.rules import DECISIONS, built_in, load_alert_rules
from reports.escaping import cut, typed

_REASONS, _REASON_LENGTH = 3, 300
#: Decisions older than this are news to nobody.
_RECENT = timedelta(days=7)
#: What gates.plugin records before anything is decided.
_UNFINISHED = "run started, not finished"


def tell_decisions(artifacts: Path, configs: Path, now: datetime) -> str:
    """Append the alert of each decision that none tells of; "" or one line that says what went wrong.

    Never in the way of a decision: where nothing can be appended the next tick does this again, and mistakes in
    alerts.yaml leave the rules as shipped.
    """
    trouble = ""
    try:
        rules = load_alert_rules(configs)
    except ConfigError as error:
        rules, trouble = built_in(), f"alerts: told by the rules as shipped, since {error.mistakes[0]}"
    try:
        emit(untold_decisions(artifacts, read_log(artifacts), now), artifacts, rules, now)
    except OSError as error:
        return f"alerts: nothing appended to {typed(artifacts / LOG)} ({words_of(error)}); the next tick will tell it"
    return trouble


def untold_decisions(artifacts: Path, log: Log, now: datetime) -> Iterator[Event]:
    """Recent decisions that no alert tells of, as their attestations say them."""
    told = {alert.decision for alert in log.alerts if alert.kind in DECISIONS}
    for place in ("history/*/*", "*"):  # put away since, and of the last run
        for path in sorted(artifacts.glob(f"{place}/{ATTESTATION}")):
            try:
                attestation = Attestation.read_file(regular(path))
            except (OSError, AttestationError):
                continue  # of another version, or no attestation: `reports.attestation verify` says so
            decision = (attestation.run_id, attestation.hero, str(attestation.decision).lower())
            recent = now - datetime.fromisoformat(attestation.finished_at) < _RECENT
            if recent and decision not in told and stands(attestation, artifacts):
                yield decision_event(attestation, artifacts)


def stands(attestation: Attestation, artifacts: Path) -> bool:
    """Was it decided? Not by a run that only began, nor by one that was killed before it signed its promotion."""
    if any(_UNFINISHED in reason for reason in attestation.reasons):
        return False
    return attestation.decision is not Decision.PROMOTE or (artifacts / "bundles" / str(attestation.bundle)).is_file()


def decision_event(attestation: Attestation, artifacts: Path) -> Event:
    """The event of one hero's decision, from its attestation: the same whether the run tells it or a tick finds it."""
    decision, hero, reasons = attestation.decision, attestation.hero, attestation.reasons
    check, step, _ = Because.read(reasons[0] if reasons else "")
    cell = next((cell for cell in attestation.cells if (cell.check, cell.step) == (check, step)), None)
    name = check_name(check, cell.unit if cell else "", attestation.mode)
    numbers = map(name.show, (cell.observed, cell.limit) if cell else ("", ""))
    observed, limit = (f"{number} {name.unit}".rstrip() if number else "" for number in numbers)
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
        title=f"{attestation.told} {hero}: {cut(card.reason, _REASON_LENGTH)}",
        text="\n".join((card.serves, f"next: {card.next}", *because)),
        command=module("reports.attestation", "show", str(artifacts.absolute())),
        run_id=attestation.run_id,
        exposure=attestation.exposure,
        review_due=attestation.review_due if attestation.promotes else "",
    )
