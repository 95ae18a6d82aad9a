"""Is a policy that cannot be meant refused, each mistake in one line, and is the rest of it what it says?"""

from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import pytest
import yaml

from gates.checks.registry import keys_of
from gates.errors import ConfigError
from gates.policy import Policy, load_policy
from gates.verdicts import Kind
from tests.gates.builders import changed, edited

GATES, GUARDS, INSTRUMENTS = (keys_of(kind) for kind in (Kind.GATE, Kind.GUARD, Kind.INSTRUMENT))


#: Limits that are so far out that a check would show nothing.
NO_ONE_MEANS = (
    ("gates.calibrator_p99.limit_ms", 1e9), ("gates.calibrator_p99.share", 0.999),
    ("gates.sla_recall_at_50_delta.sla_ms", 1e9), ("gates.sla_recall_at_50_delta.margin", 0.999),
    ("guards.ndcg_at_10.margin", 0.999), ("guards.p95_latency.margin_ms", 1e9), ("guards.within_sla.share", 0.0001),
    ("guards.errors.rate", 0.999), ("guards.spend.cap_ms", 1e9), ("instruments.aa_shadow.margin", 0.999),
    ("ladder.aa_every", 10**9), ("ladder.preflight", 1), ("error_rates.red", 1e-9), ("sanity.queries", 1),
    ("sanity.index_integrity.found", 1e-9), ("sanity.pool.share", 1e-9), ("sanity.stop_rule.variance", 1e-12),
    ("sanity.stop_rule.perfect", 0.9999), ("letter.recall_lost", 1e9), ("letter.red_windows", 10**9),
    ("promotion.valid_days", 10**9), ("promotion.approvals", True), ("promotes", "yes"), ("based_on", "shipped"),
)  # fmt: skip


@pytest.fixture
def document(root: Path) -> dict[str, Any]:
    """The policy's document, to be spoiled."""
    loaded: dict[str, Any] = yaml.safe_load((root / "configs" / "policy.yaml").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        ("ladder.steps", [5, 50, 25, 100], "ladder: steps [5, 50, 25, 100] should rise, each step once"),
        ("ladder.steps", [], "ladder: steps [] should rise, each step once"),
        ("ladder.steps", [5, 25, 50, 120], "ladder.steps.3: 120: Input should be less than or equal to 100"),
        ("ladder.min_windows", 9, "ladder: min_windows 9 should be at most max_windows 8"),
        ("ladder.red_every", 300, "ladder: window 800 should be a multiple of red_every 300"),
        ("ladder.total_windows", 15, "ladder: total_windows 15 should allow min_windows at each step (16)"),
        ("ladder.window", 0, ": 0: Input should be greater than 0"),
        ("error_rates.red", 0, ": 0: Input should be greater than or equal to 0.000001"),
        ("error_rates.green", 1, ": 1: Input should be less than 1"),
        ("gates.aece_tau.red_above", 0.2, ": 0.2: Input should be less than or equal to 0.1"),
        ("gates.aece_tau.bins", 1, ": 1: Input should be greater than or equal to 2"),
        ("gates.aece_tau.green_below", [0.1], "(the whole file): gates.aece_tau.green_below has 1 limits, but"),
        ("gates.calibrator_p99.on_red", "ignore", ": 'ignore': Input should be 'rollback'"),
        ("guards.file_credit.margin", 0.5, ": 0.5: Input should be less than or equal to 0.1"),
        ("guards.within_sla.sla_ms", float("inf"), ": inf: Input should be a finite number"),
        ("guards.within_sla.share", float("nan"), ": nan: Input should be"),
        ("instruments.aa_shadow.on_red", "rollback", ": 'rollback': Input should be 'hold'"),
        ("left_out", {"no_such": "why"}, "(the whole file): left_out names no_such; checks are index_integrity,"),
        ("left_out", dict.fromkeys(GATES, "why"), "(the whole file): left_out leaves no gate; keep one of"),
        ("heroes", {}, "(the whole file): heroes names no hero; their number sets the RED threshold"),
        ("heroes", {"Lexical-2": "x.yaml"}, "heroes.Lexical-2.[key]: 'Lexical-2': String should match pattern"),
        ("error_rates.green", 0.5, "error_rates: green is 0.5, but should be at most 0.05"),
        ("error_rates.red", 0.3, "error_rates: red is 0.3, but should be at most 0.05"),
        ("mode", "wran", ": 'wran': Input should be 'evidence', 'letter', 'warn' or 'offline'"),
        ("schema", "hero-gate/policy/v2", ": 'hero-gate/policy/v2': Input should be 'hero-gate/policy/v1'"),
        (
            "slices.recall.tolerated_loss",
            {"eror": 0.002},
            "slices: tolerated_loss: ['eror'] should be among the intents, ['docstring', 'identifier', 'error']",
        ),
        ("guards.recall", {}, ": unknown key; known here: ece, errors, file_credit, ndcg_at_10,"),
        *((place, value, ":") for place, value in NO_ONE_MEANS),
        ("publish", {}, "publish: should name a folder or a branch, one of them"),
        ("publish", {"folder": "a", "branch": "b"}, "publish: "),
        ("publish", {"branch": "b", "outside": True}, "publish: "),
        ("publish", {"branch": "-b"}, "publish.branch: '-b': String should match pattern"),
        ("publish", {"folder": " "}, "publish.folder: "),
        ("left_out", {"ndcg_at_10": ""}, "left_out.ndcg_at_10: "),
        ("left_out", {"spend": " ! "}, "left_out.spend: "),
        *(
            ("left_out", {key: "not wanted"}, f"(the whole file): left_out names {key}, which stay asked of whatever")
            for key in ("lock", "known_answers", "preflight", "stop_rule")  # what a promotion rests on
        ),
    ],
)
def test_a_mistake_is_one_line(place: str, value: object, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        edited(place, value)
    (mistake,) = caught.value.mistakes
    assert mistake.startswith(f"policy.yaml: {place}{says}" if says.startswith(":") else f"policy.yaml: {says}")
    assert "\n" not in mistake


def mistakes_of(document: dict[str, Any], folder: Path) -> list[str]:
    """What is told of a policy's document, without its path."""
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_policy(path)
    return [mistake.removeprefix(f"{path}: ") for mistake in caught.value.mistakes]


def test_a_policy_of_before_is_refused_in_a_line(document: dict[str, Any], tmp_path: Path, root: Path) -> None:
    """And where somebody has begun to bring it up to date, each other place in its own."""
    document["error_rates"] = {"red": 0.009, "two_windows": 0.001, "green": 0.01}
    document["slices"]["calibration"] = {"on_red": "rollback", "limit": 0.05}
    document["guards"]["ece"]["on_red"] = "rollback"
    del document["guards"]["p99_latency"], document["slices"]["ndcg"], document["instruments"]["machine"]
    (told,) = mistakes_of(document, tmp_path)
    says = "error_rates.two_windows: of the rule before version 3; docs/migration.md says what to write instead"
    assert told == says
    note = (root / "docs" / "migration.md").read_text(encoding="utf-8")
    assert f"`policy.yaml: {says.partition(';')[0]}; …`" in note
    del document["error_rates"]["two_windows"]
    assert [mistake.partition(":")[0] for mistake in mistakes_of(document, tmp_path)] == [
        "guards.p99_latency", "guards.ece.on_red", "slices.ndcg", "slices.calibration.allowed",
        "slices.calibration.limit", "instruments.machine",
    ]  # fmt: skip


def test_all_mistakes_are_told_together(document: dict[str, Any], tmp_path: Path) -> None:
    del document["error_rates"]
    document["keep_runs"] = -1
    document["ladder"]["window"] = "many"
    document["owner"] = "me"
    told = [mistake.partition(":")[0] for mistake in mistakes_of(document, tmp_path)]
    assert told == ["keep_runs", "ladder.window", "error_rates", "owner"]


def test_what_is_left_out_is_asked_no_more(policy: Policy) -> None:
    less = changed(policy, left_out={"aece_tau": "no confidence", "errors": "none", "traffic_share": "none"})
    for kind, all_of, out in (
        (Kind.GATE, GATES, "aece_tau"), (Kind.GUARD, GUARDS, "errors"), (Kind.INSTRUMENT, INSTRUMENTS, "traffic_share"),
    ):  # fmt: skip
        assert policy.asked(kind) == all_of
        assert less.asked(kind) == tuple(key for key in all_of if key != out)


def test_every_check_says_what_its_red_does(policy: Policy) -> None:
    for check in (*GATES, *GUARDS):
        assert policy.on_red(check) == ("hold" if check == "ece" else "rollback")
    assert {policy.on_red(check) for check in policy.asked(Kind.SLICE)} == {"rollback"}
    assert {policy.on_red(check) for check in INSTRUMENTS} == {"hold"}
    with pytest.raises(KeyError):
        policy.on_red("no_such")


def test_the_digest_is_of_the_content(root: Path, tmp_path: Path, document: dict[str, Any], policy: Policy) -> None:
    path = tmp_path / "other_name.yaml"
    path.write_text("# another comment\n" + yaml.safe_dump(document, sort_keys=True), encoding="utf-8")
    assert load_policy(path).digest() == policy.digest()
    path.write_text(yaml.safe_dump({**document, "publish": {"branch": "hero/documents"}}), encoding="utf-8")
    assert load_policy(path).digest() == policy.digest()  # heroes are judged by nothing of that
    assert changed(policy, ladder={"total_windows": 25}).digest() != policy.digest()


@pytest.mark.parametrize("own", [{}, {"mrr": {"form": "loss", "measure": "RR@10", "margin": 0.1}}], ids=["ours", "own"])
def test_a_policy_crosses_processes(policy: Policy, own: dict[str, Any]) -> None:
    sent = changed(policy, checks=own)
    asked = sent.asked(Kind.GUARD)
    assert ForkingPickler.loads(ForkingPickler.dumps(sent)).asked(Kind.GUARD) == asked
