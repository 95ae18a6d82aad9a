"""Pairs, constants, policies and cells for tests of the rules: as good as can be, but for what a test changes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gates.checks.question import Asked, Constants
from gates.documents import checked
from gates.pairs import Arm, Pairs
from gates.policy import Policy
from gates.release import Outcome, Release, Subject
from gates.rule.evaluator import Evaluator
from gates.rule.questions import DECIDE, asked_checks
from gates.verdicts import Cell, Decision, Kind, Verdict

CONFIGS = Path(__file__).parents[2] / "configs"


def arm(n: int, seed: int = 0, **columns: Any) -> Arm:
    """One arm's answers: calibrated, quick and without errors. A column is one value for all, or one for each."""
    draw = np.random.default_rng(seed)
    confidence = draw.uniform(0.05, 0.95, n)
    values: dict[str, Any] = {
        "ndcg": draw.uniform(0, 1, n),
        "recall": draw.choice([0.0, 0.5, 1.0], n),
        "latency_ms": draw.uniform(5, 20, n),
        "wait_ms": 0.0,
        "calibrator_ms": 0.01,
        "confidence": confidence,
        "correct": draw.uniform(0, 1, n) < confidence,
        "file_credits": 0.0,
        "credits": 1.0,
        "error": 0.0,
        "spend_ms": 0.0,
        "cut": 0.0,
        **columns,
    }
    values.setdefault("found", values["recall"])
    whole: dict[str, Any] = {
        k: np.broadcast_to(np.asarray(v, dtype=np.float64), (n,)).copy() for k, v in values.items()
    }
    return Arm(**whole)


def pairs(hero: Arm, baseline: Arm, *, repeat_every: int = 4, percent: int = 5) -> Pairs:
    """The two arms side by side; the baseline repeats itself exactly, three intents take turns, traffic is fair."""
    n = len(baseline)
    repeated = np.arange(0, n, repeat_every)
    return Pairs(
        hero=hero,
        baseline=baseline,
        repeat=baseline.rows(repeated),
        repeated=repeated,
        intent=(np.arange(n) % 3).astype(np.int8),
        served=np.diff(np.floor(np.arange(n + 1) * percent / 100)),
        share=np.full(n, percent / 100),
    )


def equal_pairs(n: int, seed: int = 0, **hero: Any) -> Pairs:
    """A hero that answers as the baseline does, but for the columns given."""
    baseline = arm(n, seed)
    if "recall" in hero:
        hero.setdefault("found", hero["recall"])
    changed = {name: np.broadcast_to(np.asarray(v, np.float64), (n,)).copy() for name, v in hero.items()}
    return pairs(baseline.put(**changed), baseline)


def questions_of(policy: Policy) -> dict[str, Asked]:
    """Everything that the policy asks of pairs, by check."""
    return {a.head.check: a.form.ask(a.head) for a in asked_checks(policy, constants(), *DECIDE, Kind.INSTRUMENT)}


def constants(**changes: Any) -> Constants:
    """What a preflight of such answers fixes."""
    edges = tuple(np.linspace(0.05, 0.95, 11)[1:-1].tolist())
    values = {
        "median_confidence": 0.5,
        "baseline_ms": tuple(np.linspace(5, 20, 800).tolist()),
        "bin_edges": edges,
        "signs": (1.0,) * 10,
        "slice_edges": ((0.275, 0.5, 0.725),) * 3,
        "sla_ms": 150.0,
        "seed": 22,
    }
    return Constants(**{**values, **changes})


def judged(policy: Policy, windows: Iterable[Pairs] = (), *, at: int = 5, **missing: str) -> Evaluator:
    """An evaluator that was shown whole windows of one step."""
    evaluator = Evaluator(hero="lexical", policy=policy, constants=constants(), missing=missing)
    evaluator.begin_step(at)
    for window in windows:
        evaluator.observe(window)
        evaluator.end_window()
    return evaluator


def changed(policy: Policy, **parts: Any) -> Policy:
    """The policy with other values in some blocks: changed(policy, guards={"errors": {"rate": 0.01}})."""
    document = policy.model_dump(mode="python", by_alias=True)
    for part, values in parts.items():
        whole = part in ("heroes", "left_out", "checks") or not isinstance(values, dict)
        document[part] = values if whole else _merged(document[part], values)
    return Policy.model_validate(document)


def edited(place: str, value: Any) -> Policy:
    """The shipped policy, read with another value at one place: edited("guards.errors.rate", 0.01)."""
    document = block = yaml.safe_load((CONFIGS / "policy.yaml").read_text(encoding="utf-8"))
    *path, last = place.split(".")
    for key in path:
        block = block[key]
    block[last] = value
    return checked(document, Policy, "policy.yaml")


def _merged(block: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    return {**block, **{k: {**block[k], **v} if isinstance(v, dict) else v for k, v in values.items()}}


def cell(verdict: Verdict = Verdict.GREEN, **changes: Any) -> Cell:
    """A cell of the recall gate at 5 %."""
    values: dict[str, Any] = {
        "hero": "lexical",
        "step": 5,
        "check": "sla_recall_at_50_delta",
        "kind": Kind.GATE,
        "required": "green",
        "on_red": "rollback",
        "observed": "0.001",
        "limit": "0.02",
        "n": 3200,
        "windows": 4,
    }
    return Cell(verdict=verdict, **{**values, **changes})


def release(policy: Policy, *decisions: Decision, cells: tuple[Cell, ...] = ()) -> Release:
    """A run that decided so about as many heroes, who all have these cells."""
    nothing: dict[str, Any] = dict.fromkeys(("reasons", "planned", "passed", "missing", "not_reached"), ())
    subject: dict[str, Any] = dict.fromkeys(
        ("source", "owner", "claim", "claim_intent", "config_hash", "baseline_name", "baseline_config_hash"), ""
    )
    return Release(
        run_id="", commit="", configs_commit="", mode="evidence", exposure="replay", started_at="", finished_at="",
        seconds=0.0, artifacts=Path(), run_folder=Path(),
        outcomes=tuple(
            Outcome(
                subject=Subject(name=name, differs=(), policy=policy, windows=24, max_windows=8, **subject),
                decision=decision, cells=cells, **nothing,
            )
            for name, decision in zip(("lexical", "router", "ann"), decisions, strict=False)
        ),
    )  # fmt: skip
