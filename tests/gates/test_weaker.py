"""Is a policy told where it is weaker than its template?"""

from pathlib import Path
from typing import Any

import pytest

from gates.offline import TEMPLATES
from gates.policy import load_policy
from gates.weaker import weaker_places
from tests.gates.builders import edited

CONFIGS = Path(__file__).parents[2] / "configs"

#: Edits that weaken the shipped policy: legal, and told with the template's value.
TOLD = {
    "mode": ("letter", "mode letter (evidence)"),
    "latency": ("server", "latency server (client)"),
    "characteristics": ("", "characteristics none (characteristics.json)"),
    "promotion.valid_days": (30, "promotion.valid_days 30 (7)"),
    "ladder.steps": ([50, 60, 70, 100], "ladder.steps 50 60 70 100 (5 25 50 100)"),
    "ladder.min_windows": (1, "ladder.min_windows 1 (4)"),
    "ladder.red_every": (800, "ladder.red_every 800 (100)"),
    "error_rates.green": (0.05, "error_rates.green 0.05 (0.01)"),
    "gates.aece_tau.red_above": (0.1, "gates.aece_tau.red_above 0.1 (0.025)"),
    "gates.aece_tau.bins": (2, "gates.aece_tau.bins 2 (10)"),
    "gates.aece_tau.green_below": (
        [0.06, 0.05, 0.04, 0.04], "gates.aece_tau.green_below 0.06 0.05 0.04 0.04 (0.06 0.05 0.04 0.035)",
    ),
    "gates.calibrator_p99.on_red": ("hold", "gates.calibrator_p99.on_red hold (rollback)"),
    "guards.p99_latency.required": ("not_red", "guards.p99_latency.required not_red (green)"),
    "guards.within_sla.share": (0.6, "guards.within_sla.share 0.6 (0.95)"),
    "slices.recall.tolerated_loss": (
        {"error": 0.05}, "slices.recall.tolerated_loss error 0.05 (docstring 0.002, identifier 0.002)",
    ),
    "slices.intents": ([], "slices.intents none (docstring identifier error)"),
    "left_out": ({"spend": "no router here"}, "left_out.spend no router here (asked)"),
}  # fmt: skip


def test_the_shipped_policy_is_the_template() -> None:
    assert load_policy(CONFIGS / "policy.yaml").digest() == load_policy(TEMPLATES / "canary.yaml").digest()
    assert weaker_places(load_policy(CONFIGS / "policy.yaml")) == ()


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [("mode", "warn", "mode warn (evidence)"), *((place, *of) for place, of in TOLD.items())],
)
def test_what_is_legal_but_weaker_is_told(place: str, value: Any, told: str) -> None:
    assert weaker_places(edited(place, value)) == (told,)


@pytest.mark.parametrize(
    ("place", "value"), [("guards.ndcg_at_10.margin", 0.005), ("promotion.approvals", 2), ("ladder.min_windows", 5)]
)
def test_what_is_stronger_is_not(place: str, value: Any) -> None:
    assert weaker_places(edited(place, value)) == ()
