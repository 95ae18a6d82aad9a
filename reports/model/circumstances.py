"""What is said beside every decision: its cost, the machine that it was made on, the rule, and how often that errs?"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from fixtures.systems.waiting import SWITCHES, UNKNOWN
from gates.checks.check import number_of
from gates.offline import OFFLINE
from gates.policy import Policy
from gates.release import Outcome, Subject
from gates.verdicts import NOT_ENFORCED, WARN
from gates.weaker import weaker_places
from reports.model.labels import short

WEAKER_SHOWN = 2  # places on a first screen; the page and the attestation have all
NOT_SIMULATED = "not simulated for this policy and these sources"


def budget_words(outcome: Outcome) -> str:
    """The budget in words: "13 of 24 windows used, waiting for traffic"."""
    words = f"{outcome.climbed.windows} of {outcome.subject.windows} windows used"
    return f"{words}, waiting for traffic" if outcome.climbed.waiting else words


def machine_words(outcome: Outcome) -> tuple[str, ...]:
    """How much of the clock was waiting, and whose the processors were; nothing where no pair was asked."""
    told = outcome.climbed.machine
    if outcome.subject.policy.mode == OFFLINE or told is None or not (told.hero or told.baseline):
        return ()
    shares = [f"{arm} {_percent(share)}" for arm, share in (("hero", told.hero), ("baseline", told.baseline)) if share]
    at_most = "at most " if told.waiting == SWITCHES else ""
    words = [f"waiting {at_most}{', '.join(shares)} of the clock"]
    if told.waiting == UNKNOWN:
        words = ["waiting unknown: no clock rolls back"]
    for whose, used in (("other processes had", told.others), ("other threads of its own", told.own_threads)):
        if number_of(used) >= 0.05:
            words.append(f"{whose} {short(f'{number_of(used):.1f}')} of {told.processors} processors")
    for name, share in (("steal", told.steal), ("throttled", told.throttled)):
        if number_of(share) >= 0.001:
            words.append(f"{name} {_percent(share)}")
    return tuple(words)


def _percent(share: str) -> str:
    return f"{short(f'{100 * number_of(share):.1f}')} %"


def policy_words(policy: Policy, shown: int = WEAKER_SHOWN) -> str:
    """Where the policy is weaker than its template; "" where it is nowhere, or promotes nothing and names none."""
    if not policy.based_on:
        return "based on no template: nobody compared its limits" if policy.promotes else ""
    places = weaker_places(policy)
    if not places:
        return ""
    more = f"; and {len(places) - shown} more" if len(places) > shown else ""
    counted = "1 place" if len(places) == 1 else f"{len(places)} places"
    return f"weaker than the template {policy.based_on} in {counted}: {'; '.join(places[:shown])}{more}"


def wrong_words(subject: Subject) -> str:
    """How often a decision is wrong, as upper bounds; "" where it was not simulated.

    A bound is never rounded down, a probability that speaks against the letter never up.
    """
    rates = subject.characteristics
    if subject.policy.mode == "letter":
        if "letter_false_rollback" not in rates:
            return ""
        return f"an equal hero is rolled back with probability {_at_least(rates['letter_false_rollback'])}"
    told = {"equal hero rolled back": "false_rollback_upper", "1-point loss promoted": "missed_loss_upper"}
    return ", ".join(f"{what} <= {_at_most(rates[key])} %" for what, key in told.items() if key in rates)


def rates_words(subject: Subject) -> str:
    """All that is known of the error rates, in one line."""
    rates, words = subject.characteristics, wrong_words(subject)
    if not words:
        return NOT_SIMULATED
    if "promoted_equal" in rates and subject.policy.mode != "letter":
        words += f", equal hero promoted {_at_least(str(100 * Decimal(rates['promoted_equal'])), 1)} %"
    return f"{words} ({int(rates['releases']):,} simulated releases)" if "releases" in rates else words


def mode_words(subject: Subject) -> str:
    """By which rule the gates were decided."""
    more = {
        "letter": ": point thresholds, no error rate is controlled",
        WARN: f": {NOT_ENFORCED}, decided as by evidence",
        OFFLINE: ": one look at all judged queries, Gaffke's bounds; no user was asked anything",
    }
    return f"{subject.policy.mode}{more.get(subject.policy.mode, '')}"


def _at_most(share: str) -> str:
    """A share in percent with two digits, rounded up."""
    percent = Context(prec=2, rounding=ROUND_CEILING).create_decimal(share).scaleb(2)
    return f"{percent.normalize():f}"


def _at_least(number: str, places: int = 2) -> str:
    """A number with so many digits after the point at most, rounded down."""
    return f"{Decimal(number).quantize(Decimal(10) ** -places, ROUND_FLOOR).normalize():f}"
