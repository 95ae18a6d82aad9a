"""What is told of three heroes whose every number is fixed? The terminal's golden pictures are drawn from these."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from gates.names import sentence
from gates.policy import Policy
from gates.release import Difference, Outcome, Release, Subject
from gates.rule.climbed import NEVER, ClimbedStep, RunLoad
from gates.statistics.pvalues import Interval
from gates.verdicts import Cell, Decision, Kind, Verdict
from reports.attestation.statements import Seal
from reports.model.card import card_of
from reports.model.examples import Example, Place
from reports.model.gains import Gain
from reports.model.pictured import pictures_of
from reports.model.pictures import Picture, read_pool
from reports.model.story import Story, tell
from reports.render.pages import Plot, plotted, render
from reports.render.terminal import ending
from tests.recorded_release import HEROES

RATES = {
    "false_rollback": "0.0001",
    "false_rollback_upper": "0.000367",
    "missed_loss": "0",
    "missed_loss_upper": "0.0005",
    "promoted_equal": "0.9719",
    "releases": "10000",
}
#: How each of them is signed: with a key made for the run.
SEAL = Seal(
    words="with a key made for this run: UNTRUSTED, nobody vouches for it",
    trusted=False,
    run="000001-run.sigstore.json",
    decisions={hero: f"000002-decision-{hero}.sigstore.json" for hero in ("lexical", "router", "ann", *HEROES)},
    first=1,
)
#: What a quiet machine says of itself.
MACHINE = RunLoad(
    waiting="run queue", processors=2, seconds="31.2", hero="0.021", baseline="0.0194",
    own_threads="0", others="0.12", steal="0", throttled="0", windows=(),
)  # fmt: skip
#: What a busy one says.
BUSY = MACHINE.model_copy(
    update={"hero": "0.413", "baseline": "0.387", "others": "1.81", "steal": "0.004", "own_threads": "0.7"}
)
_LIMITS = {
    "calibrator_p99": "1", "confidence_shift": "0.02", "sla_recall_at_50_delta": "0.02", "p95_latency": "5",
    "ece": "0.015",
}  # fmt: skip


def release(policy: Policy, decision: Decision) -> tuple[Release, Story]:
    """One hero with this decision, told as `reports.model.story` does, with handmade gains and examples."""
    outcome = _outcome(policy, decision)
    whole = run_of(outcome, run_id="20261201T101500Z-c0ffee", artifacts=Path("reports/out"), run_folder=Path("nowhere"))
    _, told = told_of(whole, outcome)
    measure = "ndcg_at_10" if decision is Decision.PROMOTE else "sla_recall_at_50"
    intents = {
        "docstring": {measure: _gain(measure, 0.002, -0.001, 0.005, "docstring")},
        "identifier": {measure: _gain(measure, -0.034, -0.045, -0.023, "identifier")},
    }
    story = replace(
        told, gains=_GAINS, by_intent=intents, measure=measure, changed=(_LOST, _GAINED),
        card=card_of(whole, outcome, _GAINS, intents),
    )  # fmt: skip
    return whole, story


def changed(policy: Policy, decision: Decision, check: str, **values: Any) -> tuple[Release, Story]:
    """The same release with other values in the cells of one check that were reached."""
    whole, story = release(policy, decision)
    cells = tuple(
        replace(c, **values) if c.check == check and c.verdict is not Verdict.NOT_REACHED else c
        for c in story.outcome.cells
    )
    return told_of(whole, replace(story.outcome, cells=cells))


def broken(policy: Policy, check: str) -> tuple[Release, Story]:
    """A hero whose ladder ended since this check was shown broken, and no other."""
    decision = Decision.ROLLBACK if policy.on_red(check) == "rollback" else Decision.HOLD
    whole, story = release(policy, Decision.PROMOTE)
    red = replace(
        cell(policy, "lexical", 0, check, Verdict.RED), e_red="7043", note="trigger: e-process", ended="ended"
    )
    cells = tuple(red if c.check == check else c for c in story.outcome.cells)
    outcome = climbed(story.outcome, ended="ended", rolled_back_at_step=100)
    return told_of(whole, replace(outcome, decision=decision, cells=cells, reasons=(check,)))


def nothing_measured(policy: Policy, error: str) -> tuple[Release, Story]:
    """A hero of which every check ended in the same error."""
    whole, story = release(policy, Decision.HOLD)
    planned = story.outcome.planned
    reasons = tuple(f"check_{i}: error, no evidence: {error}" for i in range(len(planned)))
    return told_of(whole, replace(story.outcome, cells=(), climbed=NEVER, passed=(), missing=planned, reasons=reasons))


def waiting(policy: Policy) -> tuple[Release, Story]:
    """A hero that was held at 25 % since too few queries were left for another window."""
    whole, story = release(policy, Decision.HOLD)
    ended = "held at 25 %: waiting for traffic: 300 fresh queries are left, a window needs 800"
    return told_of(whole, climbed(story.outcome, ended=ended, waiting=True, unused_queries=300))


def climbed(outcome: Outcome, **values: Any) -> Outcome:
    """The outcome of a climb of which other things are on record."""
    return replace(outcome, climbed=outcome.climbed.model_copy(update=values))


def steps_of(*steps: tuple[int, int]) -> tuple[ClimbedStep, ...]:
    """Steps that were begun: (percent, windows)."""
    return tuple(ClimbedStep(percent=percent, windows=windows) for percent, windows in steps)


def told_of(whole: Release, outcome: Outcome) -> tuple[Release, Story]:
    """A run over this outcome, told without evidence."""
    whole = replace(whole, outcomes=(outcome,))
    (story,) = tell(replace(whole, artifacts=Path("nowhere")))  # nothing lies there
    return whole, replace(story, card=card_of(whole, outcome))


def by_letter(policy: Policy) -> Policy:
    """The same policy in mode letter."""
    return policy.model_copy(update={"mode": "letter"})


def with_rates(story: Story, **rates: str) -> Story:
    """The same hero with these error rates and no others."""
    subject = replace(story.outcome.subject, characteristics=rates)
    return replace(story, outcome=replace(story.outcome, subject=subject))


def lines_of(release: Release, *stories: Story) -> list[str]:
    """What the terminal ends with."""
    return ending(release, stories, SEAL)


def draw(release: Release, story: Story) -> tuple[Plot, ...]:
    """The plots of a hero, whose tables lie among the results."""
    shown = pictures_of(release, story, read_pool(release.artifacts / story.hero))
    return tuple(_plot(story.hero, picture) for picture in shown)


@cache
def _plot(hero: str, picture: Picture) -> Plot:
    """Equal pictures are drawn once: that it would be the same again is in test_plots.py."""
    return plotted(hero, (picture,))[0]


def page_of(release: Release, *stories: Story) -> str:
    """The page, without plots and evidence."""
    return render("index.html", release=release, stories=stories, seal=SEAL, plots={}, evidence={})


def summary_of(release: Release, *stories: Story) -> str:
    """What a pull request shows."""
    return render("summary.md", release=release, stories=stories, seal=SEAL)


def run_of(*outcomes: Outcome, run_id: str, artifacts: Path, run_folder: Path) -> Release:
    """A run of half a minute at a clean commit."""
    return Release(
        run_id=run_id,
        commit="4f2c9e1 clean",
        configs_commit="4f2c9e1 clean",
        mode=outcomes[0].subject.policy.mode,
        exposure="replay",
        started_at="2026-12-01T10:15:00+00:00",
        finished_at="2026-12-01T10:15:31+00:00",
        seconds=31.0,
        artifacts=artifacts,
        run_folder=run_folder,
        outcomes=outcomes,
    )


def subject(policy: Policy, name: str) -> Subject:
    """A hero that changes two keys of the baseline."""
    return Subject(
        name=name,
        source=f"configs/{name}_pack.yaml",
        owner="Search Engineering",
        claim="error messages gain",
        claim_metric="ndcg_at_10",
        claim_intent="",
        config_hash="7c1e9a04b2d35f88",
        baseline_name="lens",
        baseline_config_hash="0a94be71c6d2203f",
        differs=(Difference("ann.efSearch", "32", "64"), Difference("ann.pq.refine_topk", "0", "48")),
        policy=policy,
        windows=policy.ladder.total_windows,
        max_windows=policy.ladder.max_windows,
        characteristics=RATES,
    )


def cell(policy: Policy, hero: str, step: int, check: str, verdict: Verdict, observed: str = "0.01") -> Cell:
    """A cell with numbers where it was reached."""
    asked, limit = policy.check(check), _LIMITS.get(check, "0.05")
    if check == "aece_tau" and step:
        limit = str(policy.gates.aece_tau.green_below[policy.ladder.steps.index(step)])
    bare = Cell(
        hero=hero,
        step=step,
        check=check,
        kind=asked.check.kind,
        verdict=verdict,
        required=asked.check.required(asked.limits),
        on_red=policy.on_red(check),
        ended="" if verdict is Verdict.GREEN else "ended",
    )
    if verdict is Verdict.NOT_REACHED:
        return bare
    if bare.kind is Kind.SANITY:
        return replace(bare, observed=observed, limit=limit, n=400)
    return replace(
        bare, observed=observed, limit=limit, headroom="0.4", n=6_400, windows=8, ci_lower="-0.001", ci_upper="0.023",
        e_red="4.2", e_red_needed="6000", e_green="31", e_green_needed="100",
    )  # fmt: skip


def _cells(policy: Policy, hero: str, last: int, verdict: Verdict) -> Iterator[Cell]:
    """GREEN everywhere up to step `last`, where SLA-Recall has `verdict`; nothing after it."""
    for step in policy.ladder.steps:
        for check in policy.asked(Kind.GATE):
            here = Verdict.GREEN if step <= last else Verdict.NOT_REACHED
            decides = step == last and check == "sla_recall_at_50_delta"
            found = cell(policy, hero, step, check, verdict if decides else here)
            red = {"e_red": "6480", "note": "trigger: e-process"} if found.verdict is Verdict.RED else {}
            yield replace(found, **red)
    for check in policy.asked(Kind.SANITY, Kind.GUARD, Kind.SLICE, Kind.INSTRUMENT):
        green = cell(policy, hero, 0, check, Verdict.GREEN)
        yield green if green.required == "green" else replace(green, verdict=Verdict.INCONCLUSIVE, ended="ended")


def _outcome(policy: Policy, decision: Decision) -> Outcome:
    name, last, verdict, record = {
        Decision.PROMOTE: ("lexical", 100, Verdict.GREEN, {
            "pairs": 12_800, "steps": steps_of(*((step, 4) for step in policy.ladder.steps)), "to_percent": 100,
            "machine": MACHINE,
        }),
        Decision.HOLD: ("router", 25, Verdict.INCONCLUSIVE, {
            "pairs": 9_600, "steps": steps_of((5, 4), (25, 8)), "unused_queries": 11_700, "pairs_per_second": "300",
            "machine": MACHINE, "ended": "held at 25 %: sla_recall_at_50_delta undecided: budget of 8 windows used up",
        }),
        Decision.ROLLBACK: ("ann", 25, Verdict.RED, {
            "pairs": 5_600, "steps": steps_of((5, 4), (25, 3)), "rolled_back_at_step": 25,
            "ended": "rolled back at 25 % by sla_recall_at_50_delta",
        }),
    }[decision]  # fmt: skip
    cells = tuple(_cells(policy, name, last, verdict))
    ids = tuple(f"test_gate[{'-'.join(map(str, c.key))}]" for c in cells)
    reasons = tuple(f"{c.check}: {sentence(c)}" for c in cells if c.verdict is not Verdict.GREEN)
    return Outcome(
        subject=subject(policy, name), decision=decision, cells=cells, planned=ids, passed=ids, missing=(),
        not_reached=(), climbed=NEVER.model_copy(update=record),
        reasons=() if decision is Decision.PROMOTE else reasons,
    )  # fmt: skip


def _gain(metric: str, difference: float, lower: float, upper: float, intent: str = "") -> Gain:
    return Gain(
        metric=metric, intent=intent, n=6_400, baseline=0.612, hero=0.612 + difference,
        difference=Interval(difference, lower, upper),
    )  # fmt: skip


_GAINS = {
    metric: _gain(metric, *difference)
    for metric, *difference in (
        ("ndcg_at_10", 0.009, 0.005, 0.013),
        ("sla_recall_at_50", 0.002, -0.001, 0.005),
        ("p95_latency_ms", 0.9, 0.8, 1.0),
        ("p95_net_ms", 0.8, 0.7, 0.9),
        ("cpu_ms", -0.13, -0.14, -0.12),
        ("ece", -0.001, -0.004, 0.002),
        ("file_credit", -0.001, -0.004, 0.002),
    )
}
_LOST = Example(
    text="invalid literal for int() with base 10 and \x1b[31mmore\u202e",
    intent="error",
    difference=-1.0,
    judged=("pandas/core/window.py:1204-1210",),
    baseline=Place(rank=1, where="pandas/core/window.py:1204", first="pandas/core/window.py:1204"),
    hero=Place(first="twisted/web/server.py:88"),
)
_GAINED = replace(
    _LOST, text="close idle", difference=1.0, baseline=Place(trouble="late: 182 ms"),
    hero=Place(rank=2, where="twisted/web/server.py:88", first="twisted/web/http.py:9"),
)  # fmt: skip
