"""Is a policy told where it is weaker than its template, and refused where no limit can be meant?"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gates.documents import checked
from gates.errors import ConfigError
from gates.policy import Policy, load_policy
from gates.weaker import TEMPLATES, weaker_places

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

#: Edits that no one means.
REFUSED: dict[str, Any] = {
    "gates.calibrator_p99.limit_ms": 1e9, "gates.calibrator_p99.share": 0.999,
    "gates.sla_recall_at_50_delta.sla_ms": 1e9, "gates.sla_recall_at_50_delta.margin": 0.999,
    "guards.ndcg_at_10.margin": 0.999, "guards.p95_latency.margin_ms": 1e9, "guards.within_sla.share": 0.0001,
    "guards.errors.rate": 0.999, "guards.spend.cap_ms": 1e9, "instruments.aa_shadow.margin": 0.999,
    "ladder.aa_every": 10**9, "ladder.preflight": 1, "error_rates.red": 1e-9,
    "sanity.queries": 1, "sanity.index_integrity.found": 1e-9, "sanity.pool.share": 1e-9,
    "sanity.stop_rule.variance": 1e-12, "sanity.stop_rule.perfect": 0.9999, "letter.recall_lost": 1e9,
    "letter.red_windows": 10**9, "promotion.valid_days": 10**9, "promotion.approvals": True, "promotes": "yes",
    "left_out": {"ndcg_at_10": ""}, "left_out.": {"spend": " ! "}, "based_on": "shipped",
}  # fmt: skip


def edited(place: str, value: Any) -> Policy:
    document = block = yaml.safe_load((CONFIGS / "policy.yaml").read_text())
    *path, last = place.rstrip(".").split(".")
    for key in path:
        block = block[key]
    block[last] = value
    return checked(document, Policy, "policy.yaml")


def test_the_shipped_policy_is_the_template() -> None:
    assert load_policy(CONFIGS / "policy.yaml").digest() == load_policy(TEMPLATES / "canary.yaml").digest()
    assert weaker_places(load_policy(CONFIGS / "policy.yaml")) == ()


@pytest.mark.parametrize("place", TOLD)
def test_what_is_legal_but_weaker_is_told(place: str) -> None:
    value, told = TOLD[place]
    assert weaker_places(edited(place, value)) == (told,)


@pytest.mark.parametrize(
    ("place", "value"), [("guards.ndcg_at_10.margin", 0.005), ("promotion.approvals", 2), ("ladder.min_windows", 5)]
)
def test_what_is_stronger_is_not(place: str, value: Any) -> None:
    assert weaker_places(edited(place, value)) == ()


@pytest.mark.parametrize("place", REFUSED)
def test_what_cannot_be_meant_is_refused_in_a_line(place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        edited(place, REFUSED[place])
    (line,) = caught.value.mistakes
    assert line.startswith(f"policy.yaml: {place.rstrip('.')}")


@pytest.mark.parametrize("key", ["lock", "known_answers", "preflight", "stop_rule"])
def test_what_a_promotion_rests_on_stays(key: str) -> None:
    with pytest.raises(ConfigError, match=f"left_out names {key}, which stay asked of whatever may be promoted$"):
        edited("left_out", {key: "is not wanted"})
