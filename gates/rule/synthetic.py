"""What are heroes made of whose right verdict is known? Pairs made up under a policy, and evaluators to try on them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gates.checks.against import Tail
from gates.checks.forms import Form, Loss, Rate
from gates.checks.question import Constants
from gates.checks.sla_recall import SlaRecall
from gates.pairs import COLUMNS, Arm, Pairs
from gates.policy import Policy
from gates.rule.evaluator import Evaluator
from gates.rule.questions import AskedForm, asked_checks
from gates.rule.trackers import Thresholds
from gates.statistics import Array
from gates.verdicts import Kind

N = 800  # pairs of a window


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """What heroes are made up under."""

    policy: Policy
    constants: Constants
    missing: Mapping[str, str]  # asked check -> why its input is not there

    @property
    def thresholds(self) -> Thresholds:
        """What evidence must reach."""
        return Thresholds.of(self.policy)

    @property
    def in_a_row(self) -> int:
        """Bad windows after which all that can be RED is: a question that moves learns its direction from the first."""
        return max(2, self.policy.letter.red_windows) if self.policy.mode == "letter" else 2

    def evaluator(self, **fixed: Any) -> Evaluator:
        """A new one at the first step; `fixed` by the preflight otherwise than it was."""
        new = Evaluator(
            hero="made_up", policy=self.policy, constants=replace(self.constants, **fixed), missing=self.missing
        )
        new.begin_step(self.policy.ladder.steps[0])
        return new

    def shown(self, *windows: Pairs, **fixed: Any) -> Evaluator:
        """A new evaluator that was shown these windows."""
        new = self.evaluator(**fixed)
        for window in windows:
            new.observe(window)
            new.end_window()
        return new

    def asked(self, *kinds: Kind) -> tuple[AskedForm, ...]:
        """What is asked of pairs and not missing."""
        return tuple(a for a in asked_checks(self.policy, self.constants, *kinds) if a.head.check not in self.missing)

    def recall_gate(self, mode: str = "evidence") -> str:
        """The gate that the histories are tried on, where this mode asks it; "" where there is none."""
        key = SlaRecall.key
        asked = self.policy.rule == mode and key in self.policy.asked(Kind.GATE) and key not in self.missing
        return key if asked else ""

    def losing(self, n: int, each: float) -> Pairs:
        """A window in which `n` pairs lose so much recall, and the others nothing."""
        pairs = self.pairs(0)
        baseline, hero = np.full(N, 0.5), np.full(N, 0.5)
        hero[:: N // n][:n] -= each / 2
        baseline[:: N // n][:n] += each / 2
        return replace(
            pairs,
            hero=pairs.hero.put(recall=hero, found=hero),
            baseline=pairs.baseline.put(recall=baseline, found=baseline),
        )

    def pairs(self, seed: int, n: int = N) -> Pairs:
        """A window of a hero that answers as the baseline does: all is found, in time, with honest confidence."""
        draw, ones, policy = np.random.default_rng((seed, n)), np.ones(n), self.policy
        confidence = np.clip(draw.normal(self.constants.median_confidence, 0.1, n), 0.01, 0.99)
        latency_ms = np.clip(self.constants.q95_ms, 1e-3, policy.sla_ms) * draw.uniform(0.5, 0.9, n)
        nothing: dict[str, Any] = dict.fromkeys(COLUMNS, np.zeros(n))
        arm = Arm(**nothing).put(
            ndcg=ones, recall=ones, found=ones, credits=ones, latency_ms=latency_ms, confidence=confidence,
            correct=(draw.random(n) < confidence).astype(np.float64),
            **{column: _fine([a.form for a in self.asked() if a.check.decides == column], n) for column in policy.more},
        )  # fmt: skip
        repeated = np.arange(0, n, policy.ladder.aa_every)
        share = policy.ladder.steps[0] / 100
        return Pairs(
            hero=arm,
            baseline=arm,
            repeat=arm.rows(repeated),
            repeated=repeated,
            intent=(np.arange(n) % max(1, len(policy.slices.intents))).astype(np.int8),
            served=np.diff(np.floor(np.arange(n + 1) * share)),
            share=np.full(n, share),
        )


def _fine(forms: list[Form], n: int) -> Array:
    """What a column that only a policy's own checks read holds of an answer with which nothing is wrong."""
    if any(isinstance(form, Loss) for form in forms):
        return np.ones(n)
    least = [float(np.min(form.before)) for form in forms if isinstance(form, Tail) and len(form.before)]
    least += [form.above for form in forms if isinstance(form, Rate) and form.above < 0]
    return np.full(n, min(least, default=0.0))
