"""Is a user's own check gated, planned, refused, reported, attested and replayed like ours: by YAML, and as a class?"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fixtures.packs import load_hero
from gates.checks.forms import Count
from gates.errors import ConfigError
from gates.planning.attainability import require_attainable
from gates.planning.characteristics import Characteristics, read_characteristics
from gates.planning.power import plan_lines
from gates.policy import Policy, load_policy
from reports.attestation.replay import replay
from tests.edits import append, replace
from tests.gates.builders import arm, pairs
from tests.recorded_release import Checkout, pack

#: Check -> what a policy says of it, with the fault that must turn it RED; a class says its own.
OWN = {
    "mrr_at_10": "{form: loss, measure: RR@10, margin: 0.2, fault: {kind: shuffled}}",
    "zero_results": "{form: rate, measure: zero_results, share: 0.2, fault: {kind: empty, share: 0.9}}",
    "first_hit": "{form: loss, measure: P@1, margin: 0.2, fault: {kind: empty, share: 0.9}}",
    "price": "{form: quantile, column: cost_usd, quantile: 0.7, margin: 0.5, fault: "
    "{kind: column, column: cost_usd, value: 9}}",
    "refusals": "{form: count, column: refused, rate: 0.1, fault: {kind: column, column: refused, value: 1}}",
    "fairness": "{check: 'mypkg.fairness:Fairness', limit: 0.2}",
}

FAIRNESS = '''
"""Do small shops get their share of the first page?"""

from gates.checks.check import Check, Limits, Name, Share
from gates.checks.forms import Rate


class FairnessLimits(Limits):
    """At most `limit` of the answers show no small shop."""

    limit: Share


class Fairness(Check):
    """Small shops disappear from the first page."""

    limits, needs, decides = FairnessLimits, "unfair", "unfair"
    unit, name = "share of answers", Name(label="answers without a small shop", unit="%", scale=100, digits=1)
    kind, fault = "guard", {"kind": "column", "column": "unfair", "value": 1}

    def form(self, limits, constants, intent):
        return Rate(column="unfair", above=0.5, share=limits.limit)

    def broken(self, limits):
        return "answers without a small shop"
'''

MORE = '''
"""Is it asked otherwise?"""

from gates.checks.forms import Form, Loss
from mypkg.fairness import Fairness


class New(Form):
    """A form that is none of ours."""


class Newly(Fairness):
    """Asked anew."""

    def form(self, limits, constants, intent):
        return New()


class Right(Fairness):
    """Less is right."""

    decides = "ndcg"

    def form(self, limits, constants, intent):
        return Loss(column="ndcg", margin=limits.limit)
'''

#: Classes that a gate could not ask -> what is said of them, in one line.
MISTAKEN = {
    "NoDocstring": ("__doc__ = None", "should have a docstring, which it has not"),
    "NoForm": ("form = Check.form", "should give one of gates.checks.forms as its form, not None"),
    "NotAForm": ("form = lambda self, limits, constants, intent: 1", "gates.checks.forms as its form, not 1"),
    "Broken": ("form = lambda self, *asked: asked[9]", "cannot be asked before the preflight (IndexError: "),
    "NotLimits": ("limits = dict", "should have limits, which it has not"),
    "NamedByText": ("name = 'unfair'", "should have name, which it has not"),
    "NoFault": ("fault = 'column'", "should have fault, which it has not"),
    "Job": ("kind = 'job'", "should have kind gate or guard, not job"),
}


@pytest.fixture
def package(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    """A user's package with one check in one file."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "mypkg").mkdir()
    (folder / "mypkg" / "__init__.py").touch()
    (folder / "mypkg" / "fairness.py").write_text(FAIRNESS, encoding="utf-8")
    classes = [f'class {name}(Fairness):\n    "Says something."\n    {said}\n' for name, (said, _) in MISTAKEN.items()]
    bad = "from gates.checks.check import Check\nfrom mypkg.fairness import Fairness\n" + "\n".join(classes)
    (folder / "mypkg" / "mistaken.py").write_text(bad, encoding="utf-8")
    (folder / "mypkg" / "more.py").write_text(MORE, encoding="utf-8")
    (folder / "mypkg" / "exits.py").write_text("raise SystemExit(0)", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{root}")
    monkeypatch.syspath_prepend(str(folder))
    return folder / "mypkg"


#: What would end a climb before it is known what these checks say of the faults.
SOONER = ("pool stop_rule aece_tau sla_recall_at_50_delta ndcg_at_10 ece recall_all ndcg_all calibration_all").split()


@pytest.fixture
def own(whole_checkout: Checkout, package: Path) -> Checkout:
    """A checkout in miniature whose answers tell what else they cost, under a policy with all of these checks."""
    configs = whole_checkout.folder / "configs"
    for run in configs.glob("*.run"):
        lines = (line.split() for line in run.read_text(encoding="utf-8").splitlines())
        told = (f"{' '.join(line)} cost_usd=0.{int(line[0][1:]) % 7} refused=0 unfair=0\n" for line in lines)
        run.write_text("".join(told), encoding="utf-8")
    append(configs / "policy.yaml", "checks:\n" + "".join(f"  {key}: {said}\n" for key, said in OWN.items()))
    whole_checkout.lock()
    return whole_checkout


def test_an_equal_hero_is_promoted_and_everybody_says_so(own: Checkout) -> None:
    run = own.gate("-v")
    attested = {cell["check"]: cell for cell in own.attestation("equal")["cells"] if cell["kind"] == "guard"}
    page = (own.folder / "reports" / "out" / "index.html").read_text(encoding="utf-8")
    assert (own.decision("equal"), run.ret) == ("PROMOTE", 0)
    for key in OWN:
        assert (attested[key]["verdict"], attested[key]["required"]) == ("GREEN", "green")
        assert f"test_guard[equal-{key}] PASSED" in run.stdout.str()
        assert (key if key != "fairness" else "answers without a small shop") in page
    assert replay(own.folder / "reports" / "out" / "equal").differences == ()


@pytest.mark.parametrize("key", OWN)
def test_its_fault_turns_it_red(own: Checkout, key: str) -> None:
    policy = own.folder / "configs" / "policy.yaml"
    others = [*SOONER, *(other for other in OWN if other != key)]
    sooner = "".join(f"  {check}: it would end the climb sooner\n" for check in others)
    replace(policy, "checks:\n", f"{sooner}checks:\n")
    replace(policy, "promotes: true", "promotes: false")  # without a stop rule
    bad = own.folder / "configs" / "bad.yaml"
    fault = dict(load_policy(policy).check(key).check.fault)
    bad.write_text(f"{pack('bad', 'equal')}fault: {json.dumps(fault)}\n", encoding="utf-8")
    run = own.gate(hero="configs/bad.yaml")
    assert key in {cell["check"] for cell in own.attestation("bad")["cells"] if cell["verdict"] == "RED"}
    assert own.decision("bad") == "ROLLBACK"
    assert replay(own.folder / "reports" / "out" / "bad").differences == ()
    run.stdout.fnmatch_lines(["ROLLBACK  bad*"])


def test_a_class_that_changed_is_not_what_was_locked(own: Checkout, package: Path) -> None:
    replace(package / "fairness.py", "above=0.5", "above=5")
    own.gate()
    assert own.decision("equal") == "HOLD"
    assert any("sources.mypkg" in reason for reason in own.attestation("equal")["reasons"])


@pytest.fixture
def known(root: Path) -> Characteristics:
    """What an equal hero of this repository is known to do."""
    return read_characteristics(root / "configs" / "characteristics.json")


@pytest.fixture
def read(tmp_path: Path, root: Path, package: Path) -> Callable[[str], Policy]:
    """Reads the shipped policy with one check more."""

    def loaded(said: str) -> Policy:
        path = Path(shutil.copy(root / "configs" / "policy.yaml", tmp_path))
        append(path, f"checks:\n  mine: {said}\n")
        return load_policy(path)

    return loaded


@pytest.mark.parametrize("key", OWN)
def test_it_is_planned(read: Callable[[str], Policy], known: Characteristics, key: str) -> None:
    policy = read(OWN[key])
    require_attainable("policy.yaml", policy, known)
    planned = "\n".join(plan_lines("lexical", policy, known.streams))
    assert "mine over the canary" in planned  # to be shown
    assert "mine: " in planned  # and what of it is found


@pytest.mark.parametrize(
    "said",
    [
        "{form: loss, measure: RR@10, margin: 0.0001}",
        "{form: rate, measure: zero_results, share: 0.0001}",
        "{form: count, column: refused, rate: 0.00001}",
        "{check: 'mypkg.fairness:Fairness', limit: 0.0001}",
    ],
)
def test_what_no_equal_hero_can_show_is_refused(
    read: Callable[[str], Policy], known: Characteristics, said: str
) -> None:
    policy = read(said)
    with pytest.raises(ConfigError, match=r"mine over the canary: an equal hero is shown to hold with .*checks\.mine"):
        require_attainable("policy.yaml", policy, known)


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("{form: loss, measure: RR@ten, margin: 0.1}", "measure RR@ten is none of nDCG@10, "),
        ("{form: loss, measure: p95_latency_ms, margin: 0.1}", "measure p95_latency_ms is none of nDCG@10, "),
        ("{form: loss, measure: zero_results, margin: 0.1}", "should be a measure of which more is better"),
        ("{form: rate, measure: RR@10, share: 0.1}", "should be a measure of which less is better, RR@10 is none"),
        ("{form: count, measure: latency_ms, rate: 0.1}", "should be a measure in [0, 1], latency_ms is none"),
        ("{form: loss, measure: NumRet, margin: 0.1}", "should be a measure in [0, 1], NumRet is none"),
        ("{form: loss, measure: P@100, margin: 0.1}", "measure P@100 looks deeper than the 50 ranks of an answer"),
        ("loss", "mine"),
        ("{form: loss, margin: 0.1}", "should name a measure, or a column that the system answers with"),
        ("{form: los, measure: RR@10, margin: 0.1}", "'los'"),
        ("{form: rate, column: latency_ms, share: 0.1}", "column latency_ms is measured by the gate"),
        ("{check: 'nopkg.fairness:Fairness'}", "checks.mine.class: nopkg.fairness:Fairness cannot be imported"),
        ("{check: 'mypkg.exits:Nothing'}", "mypkg.exits:Nothing cannot be imported (SystemExit: 0)"),
        ("{check: 'mypkg.fairness'}", "should be package.module:Class"),
        *((f"{{check: 'mypkg.mistaken:{name}', limit: 0.1}}", told) for name, (_, told) in MISTAKEN.items()),
        ("{check: 'mypkg.fairness:Check'}", "mypkg.fairness:Check should have name, decides, unit, which it has not"),
        ("{check: 'mypkg.fairness:Nothing'}", "mypkg.fairness has no Nothing; name a class of it"),
        ("{check: 'mypkg.fairness:Share'}", "should be a class of gates.checks.check.Check"),
        ("{check: 'mypkg.fairness:Fairness', limit: 2}", "its limits are those of mypkg.fairness:Fairness"),
        (
            "{form: loss, column: price, margin: 0.1}\n  other: {form: rate, column: price, share: 0.1}",
            "checks ask price for a loss and otherwise; ask a column in one direction",
        ),
        (
            f"{OWN['mrr_at_10']}\n  ndcg_error: {OWN['mrr_at_10']}",
            "checks names ndcg_error, which is one of ours; call it otherwise",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(read: Callable[[str], Policy], said: str, refused: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(said)
    (mistake,) = caught.value.mistakes
    assert refused in mistake
    assert "\n" not in mistake


def test_the_plan_says_of_what_it_knows_the_best_case_alone(
    read: Callable[[str], Policy], known: Characteristics, package: Path
) -> None:
    assert "best case, since an equal hero was never measured in it: spend, mine" in told_last(
        read(OWN["price"]), known
    )
    assert "mine" not in told_last(read("{form: loss, measure: nDCG@10, margin: 0.02}"), known)
    said = told_last(read("{check: 'mypkg.more:Newly', limit: 0.1}"), known)
    assert "not known beforehand, since the form is none of ours: mine" in said


def told_last(policy: Policy, known: Characteristics) -> str:
    return "\n".join(plan_lines("lexical", policy, known.streams)[-2:])


def test_a_fault_that_nobody_could_seed_is_refused(configs: Path) -> None:
    said = "{form: loss, measure: RR@10, margin: 0.2, fault: {kind: nosuch}}"
    append(configs / "policy.yaml", f"checks:\n  mine: {said}\n")
    with pytest.raises(ConfigError, match=r"checks\.mine\.fault: kind: 'nosuch'"):
        load_hero("equal", configs)


def test_mode_offline_takes_a_class_that_asks_for_a_loss(tmp_path: Path, root: Path, package: Path) -> None:
    path = Path(shutil.copy(root / "gates" / "templates" / "offline.yaml", tmp_path / "policy.yaml"))
    append(path, "checks:\n  mine: {check: 'mypkg.more:Right', limit: 0.1}\n")
    assert load_policy(path).losses["mine"].margin == 0.1


def test_any_value_but_0_is_an_event() -> None:
    form = Count(column="refused", rate=0.1)
    hero, baseline = (arm(5).put(refused=np.array(told)) for told in ([0.004, 2, -1, 0, 2], [0, 2, 0, 0, 0]))
    assert form.only(pairs(hero, baseline)).tolist() == [1, 0, 1, 0, 1]
