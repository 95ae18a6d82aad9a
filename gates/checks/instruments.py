"""Questions about the measuring itself that are streams: is traffic split as told, does the baseline equal itself?

They can only hold.
"""

from __future__ import annotations

from gates.checks.forms import net_ms
from gates.checks.machine import ask_machine
from gates.checks.question import Array, Constants, Question, bet_against_loss, detectable_mean, flag
from gates.pairs import Pairs
from gates.policy import Policy
from gates.statistics import pvalues
from gates.statistics.eprocess import bet
from gates.verdicts import Kind


def ask_instruments(policy: Policy, constants: Constants) -> dict[str, Question]:
    """The asked ones, by check."""
    questions = (_traffic_share(), _aa_shadow(policy, constants), ask_machine(constants))
    return {q.check: q for q in questions if q.check in policy.asked_instruments}


def _traffic_share() -> Question:
    def more(p: Pairs) -> Array:
        return p.served - p.share

    return Question(
        check="traffic_share",
        kind=Kind.INSTRUMENT,
        required="not_red",
        unit="share of traffic beyond the step's",
        limit=0.0,
        red=((lambda p: bet(more(p)), lambda p: bet(-more(p))),),
        measure=lambda p: pvalues.mean_interval(more(p)),
        two_sided=True,
        detectable=lambda p, log_needed: detectable_mean(more(p), log_needed),
    )


def _aa_shadow(policy: Policy, constants: Constants) -> Question:
    margin = policy.instruments.aa_shadow.margin

    def lost(p: Pairs) -> Array:
        return p.baseline.recall[p.repeated] - p.repeat.recall

    def slower(p: Pairs) -> Array:
        return flag(net_ms(p.repeat) > constants.q95_ms) - flag(net_ms(p.baseline)[p.repeated] > constants.q95_ms)

    return Question(
        check="aa_shadow",
        kind=Kind.INSTRUMENT,
        required="green",
        unit="recall lost to itself",
        limit=margin,
        red=(
            (lambda p: bet(lost(p)), lambda p: bet(-lost(p))),
            (lambda p: bet(slower(p)), lambda p: bet(-slower(p))),
        ),
        green=(lambda p: bet_against_loss(lost(p), margin), lambda p: bet_against_loss(-lost(p), margin)),
        measure=lambda p: pvalues.mean_interval(lost(p)),
        two_sided=True,
        count=lambda p: len(p.repeated),
    )
