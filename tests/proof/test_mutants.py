"""Can the table of seeded faults rot, and does a fault count as caught only when its own check caught it?"""

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from fixtures.pack_file import Pack
from fixtures.packs import Hero, load_hero
from gates.errors import ConfigError
from gates.policy import Policy, load_policy
from gates.verdicts import Kind
from proof.mutants import run as runs
from proof.mutants.__main__ import CONTROL, applies_to, main, results, score_table
from proof.mutants.mutant import EQUAL, REFUSALS, Mutant, Patch, seeded
from proof.mutants.run import NEVER_PROMOTES, Run, Scene, Score, score, write_pack
from proof.mutants.table import BY_NAME, TABLE, all_mutants
from tests import forked
from tests.edits import replace
from tests.recorded_release import Checkout
from tests.reports.finished_run import UNDRAWN

AREAS = (
    "hero", "index", "data", "clock", "traffic split", "A/A", "calibrator", "evidence files", "policy", "gate code",
)  # fmt: skip
EARLIER_DEFECTS = {"promotes_despite_violation", "history_pruned", "green_between_forgotten", "polled_twice"}
LOST = Mutant(name="lost", area="hero", what="", check="sla_recall_at_50_delta", pack=seeded("empty", share=0.1))


@pytest.fixture(scope="module")
def smoke(root: Path) -> Policy:
    return load_policy(root / "configs" / "smoke" / "policy.yaml")


@pytest.fixture
def recorded(release_template: Path) -> Hero:
    """A hero of a user: a recorded run compared with the incumbent of its policy's folder."""
    return load_hero("equal", release_template / "configs")


@pytest.fixture
def alone(release_template: Path, tmp_path: Path) -> Hero:
    """The same hero with an incumbent of its own."""
    configs = release_template / "configs"
    for name in ("equal.run", "qrels.txt"):
        (tmp_path / name).write_bytes((configs / name).read_bytes())
    document = yaml.safe_load((configs / "equal.yaml").read_text())
    pack = {**document, "name": "alone", "baseline": document["selected"], "selected": "baseline"}
    (tmp_path / "alone.yaml").write_text(yaml.safe_dump(pack))
    return load_hero(str(tmp_path / "alone.yaml"), configs)


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run is a fork: a process of its own that need not import everything anew."""
    really = subprocess.run

    def run(command: Sequence[str], **asked: Any) -> Any:
        ours = command[0] == sys.executable
        return forked.run(command[2:], asked["cwd"], asked.get("env")) if ours else really(command, **asked)

    monkeypatch.setattr(runs.subprocess, "run", run)


def ran(
    status: int = 10, decision: str = "HOLD", reasons: tuple[str, ...] = (), red: tuple[str, ...] = (), said: str = ""
) -> Run:
    return Run(status=status, decision=decision, reasons=reasons, red=frozenset(red), said=said, seconds=1.0)


CAUGHT = ran(20, "ROLLBACK", red=("sla_recall_at_50_delta",))


class TestTable:
    def test_it_holds_many_faults_of_every_area(self, smoke: Policy) -> None:
        mutants = all_mutants(smoke)
        assert len(mutants) >= 40
        assert {mutant.area for mutant in mutants} == set(AREAS)
        assert len({mutant.name for mutant in mutants}) == len(mutants)
        assert set(BY_NAME) >= EARLIER_DEFECTS

    def test_each_names_its_check_and_what_is_changed(self, smoke: Policy, root: Path) -> None:
        equal = yaml.safe_load((root / EQUAL).read_text())
        for mutant in all_mutants(smoke):
            assert mutant.what, mutant.name
            assert mutant.check in (*smoke.asked(*Kind), *REFUSALS), mutant.name
            assert mutant.says or mutant.check not in REFUSALS, f"{mutant.name}: refusals differ by their words"
            assert mutant.pack or mutant.patch or mutant.arguments or mutant.environment, mutant.name
            if mutant.check != "configuration":
                Pack.model_validate({**equal, **mutant.pack})

    @pytest.mark.parametrize("mutant", [m for m in TABLE if m.patch], ids=lambda mutant: mutant.name)
    def test_the_function_that_it_replaces_is_there(self, mutant: Mutant) -> None:
        assert mutant.patch is not None
        assert callable(mutant.patch.change(mutant.patch.found()[2])) or mutant.patch.of.endswith((".green", ":EXIT"))

    def test_each_check_with_a_fault_is_seeded_for_the_first_intent(self, smoke: Policy) -> None:
        packs = {mutant.check: mutant.pack for mutant in all_mutants(smoke) if mutant.name.startswith("hero_")}
        assert packs["errors"]["fault"]["kind"] == "failing"
        assert packs["ndcg_docstring"]["fault"]["intent"] == "docstring"
        assert "ndcg_error" not in packs


class TestPatch:
    @pytest.mark.parametrize(("of", "found"), [("mutated_home", [2, 2]), ("mutated_guest", [1, 2])])
    def test_a_function_is_replaced_wherever_it_was_imported_to_or_by_its_name_elsewhere_there_alone(
        self, monkeypatch: pytest.MonkeyPatch, of: str, found: list[int]
    ) -> None:
        home, guest = ModuleType("mutated_home"), ModuleType("mutated_guest")
        exec("def one(): return 1", vars(home))
        vars(guest)["one"] = vars(home)["one"]
        for module in (home, guest):
            monkeypatch.setitem(sys.modules, module.__name__, module)
        Patch(f"{of}:one", lambda one: lambda: one() + 1).apply()
        assert [vars(module)["one"]() for module in (home, guest)] == found

    @pytest.mark.parametrize("of", ["gates.rule.decide:decides", "gates.nothing:decide", "gates.rule.decide:Seen.gone"])
    def test_a_name_that_is_gone_is_told(self, of: str) -> None:
        with pytest.raises(ConfigError, match=f"^{of}: nothing of this name .*; name the function as it is now$"):
            Patch(of, lambda old: old).found()


class TestScore:
    MISSING = dataclasses.replace(LOST, check="errors", says="missing, no evidence")
    REFUSED = dataclasses.replace(LOST, check="configuration", says="unknown key")

    @pytest.mark.parametrize(
        ("mutant", "run"),
        [
            (LOST, ran(20, "ROLLBACK", ("sla_recall_at_50_delta at 5 %: RED",), red=("sla_recall_at_50_delta",))),
            (LOST, ran(20, "ROLLBACK", ("errors: RED",), red=("errors", "sla_recall_at_50_delta"))),
            (LOST, ran(20, "ROLLBACK", ("recall_error: RED",), red=("recall_error",))),  # its slice, a look earlier
            (MISSING, ran(reasons=("aece_tau: open", "errors: missing, no evidence"))),
            (REFUSED, ran(4, "", said="ERROR: policy.yaml: guards.ndcg: unknown key; known here: ...")),
            (REFUSED, ran(3, reasons=("reports: not written: unknown key",))),
        ],
    )
    def test_caught_by_its_check(self, mutant: Mutant, run: Run) -> None:
        assert score(mutant, run).caught

    @pytest.mark.parametrize(
        ("mutant", "run", "because"),
        [
            (LOST, ran(0, "PROMOTE"), "promoted"),
            (LOST, ran(10, "HOLD", (NEVER_PROMOTES,)), "promoted"),
            # what a pipeline reads is the exit status, what a promoter reads is the attestation
            (LOST, ran(0, "ROLLBACK", ("sla_recall_at_50_delta: RED",), red=("sla_recall_at_50_delta",)), "promoted"),
            (LOST, ran(20, "PROMOTE", ("sla_recall_at_50_delta: RED",), red=("sla_recall_at_50_delta",)), "promoted"),
            # stopped by luck
            (LOST, ran(20, "ROLLBACK", ("ndcg_at_10: RED",), red=("ndcg_at_10",)), "ndcg_at_10: RED"),
            (LOST, ran(20, "ROLLBACK", ("spend: RED",), red=("calibration_error",)), "spend: RED"),
            (LOST, ran(10, "HOLD", ("sla_recall_at_50_delta at 5 %: INCONCLUSIVE",)), "at 5 %: INCONCLUSIVE"),
            (MISSING, ran(reasons=("ndcg_at_10: missing, no evidence",)), "ndcg_at_10: missing"),
            (REFUSED, ran(4, "", said="\nERROR: no such file\n"), "no such file"),
            # words that were printed, but are no reason of the decision
            (REFUSED, ran(reasons=("errors: missing",), said="unknown key"), "errors: missing"),
        ],
    )
    def test_anything_else_is_not_caught_and_why_is_told(self, mutant: Mutant, run: Run, because: str) -> None:
        found = score(mutant, run)
        assert not found.caught
        assert because in found.because


class TestSeeding:
    def test_a_pack_with_its_own_baseline_can_stand_anywhere(
        self, release_template: Path, tmp_path: Path, alone: Hero
    ) -> None:
        (tmp_path / "elsewhere").mkdir()
        seeded_pack = write_pack(LOST, alone, tmp_path / "elsewhere")
        hero = load_hero(str(seeded_pack), release_template / "configs")
        assert hero.fault is not None
        assert (hero.fault.kind, hero.subject.name) == ("empty", "alone")
        assert hero.subject.baseline_config_hash == alone.subject.baseline_config_hash

    def test_a_packs_own_policy_is_kept(self, alone: Hero, tmp_path: Path) -> None:
        pack = Path(alone.subject.source)
        pack.write_text(f"{pack.read_text()}policy: {{ladder: {{window: 100}}}}\n")
        path = write_pack(BY_NAME["limit_loosened_by_pack"], alone, tmp_path)
        policy = yaml.safe_load(path.read_text())["policy"]
        assert policy["ladder"] == {"window": 100}
        assert "gates" in policy


class TestUsersHero:
    @pytest.mark.parametrize(
        ("mutant", "why"),
        [
            (BY_NAME["one_document_twice"], ""),
            (BY_NAME["calibrator_is_slow"], "recorded"),
            # a check that is not asked needs catch nothing
            (dataclasses.replace(LOST, heroes="any", check="calibrator_p99"), "a recorded run calls no calibrator"),
        ],
    )
    def test_only_what_can_be_seeded_is(self, recorded: Hero, mutant: Mutant, why: str) -> None:
        said = applies_to(mutant, recorded)
        assert why in said
        assert bool(why) is bool(said)

    def test_a_timed_hero_gets_faults_of_the_clock(self, root: Path) -> None:
        hero = load_hero("lexical", root / "configs" / "smoke")
        assert applies_to(BY_NAME["calibrator_is_slow"], hero) == ""


class TestCommandLine:
    SCENE = Scene(checkout=Path("nowhere"), configs="configs")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--only=arms_swapped,nonsense"], "no mutant nonsense; there are hero_"),
            (["--hero=lexical", "--only=arms_swapped"], "no mutant arms_swapped"),  # for the repository's own heroes
            (["--hero=nonsense"], "no such hero; there are lexical"),
            (["--hero=nonsense.yaml"], "nonsense.yaml: no such file"),
            (["--hero=lexical", "--configs=nonsense"], "policy.yaml: no such file"),
        ],
    )
    def test_what_cannot_be_meant_is_told_in_one_line(
        self, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
    ) -> None:
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert said in err
        assert len(err.splitlines()) == 1

    @pytest.mark.parametrize(
        ("control", "mutant", "status", "said"),
        [
            (  # a gate that holds everything
                ran(reasons=("errors: missing, no evidence",)), CAUGHT, 2,
                ["nothing can be scored: configs/good/equal.yaml is stopped without any fault: errors: missing"],
            ),
            (ran(reasons=(NEVER_PROMOTES,)), CAUGHT, 0, ["mutants: 1 of 1 caught"]),
            (ran(0, "PROMOTE"), ran(0, "PROMOTE"), 1, ["escaped: lost: ", "mutants: 0 of 1 caught"]),
        ],
        ids=["nothing scored", "caught", "escaped"],
    )  # fmt: skip
    def test_the_score_is_told(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
        control: Run, mutant: Run, status: int, said: list[str],
    ) -> None:  # fmt: skip
        monkeypatch.setattr(runs, "run_mutant", lambda tried, *_: control if tried is CONTROL else mutant)
        assert score_table([LOST], self.SCENE, "") == status
        lines = capsys.readouterr().out.splitlines()[-len(said) :]
        assert all(line.startswith(text) for line, text in zip(lines, said, strict=True))

    def test_what_cannot_be_seeded_is_not_caught(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def gone(*_: object) -> Run:
            raise ConfigError(["a:b: nothing of this name"])

        monkeypatch.setattr(runs, "run_mutant", gone)
        assert [s for _, s, _ in results([LOST], self.SCENE, "")] == [
            Score(False, "not seeded: a:b: nothing of this name")
        ]


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize(("mode", "workers"), [("evidence", ()), ("warn", ("-n1",))])
def test_a_fault_is_seeded_and_caught_end_to_end(
    whole_checkout: Checkout, root: Path, mode: str, workers: tuple[str, ...]
) -> None:
    """A canary in miniature promotes the hero; when it finds nothing, a test that passes everything saves it not.

    Also where the policy lets every canary end with 0: its checks are tried as if they were enforced.
    """
    replace(whole_checkout.folder / "configs" / "policy.yaml", "mode: evidence", f"mode: {mode}")
    scene = Scene(checkout=whole_checkout.folder, configs="configs")
    blind = dataclasses.replace(
        BY_NAME["blind_item"],
        arguments=("-p", "xdist", *UNDRAWN, *workers),
        environment={"PYTHONPATH": str(root)},  # where proof is; a copy for mutants has it
    )
    control = dataclasses.replace(blind, name="control", pack={}, patch=None)
    tried = [blind, control] if not workers else [blind]
    because = {mutant.name: result.because for mutant, result, _ in results(tried, scene, "equal")}
    assert because.pop("control", "promoted") == "promoted"
    assert because == {"blind_item": "sla_recall_at_50_delta is RED"}


@pytest.mark.usefixtures("forks")
def test_a_check_of_the_users_own_is_seeded_and_catches(whole_checkout: Checkout) -> None:
    policy = whole_checkout.folder / "configs" / "policy.yaml"
    # as few as no hero has: else the loss of recall may be RED a look before it, as the order of the queries falls
    own = "  nothing: {form: rate, measure: zero_results, share: 0.001, fault: {kind: empty, share: 0.4}}"
    policy.write_text(f"{policy.read_text()}\nchecks:\n{own}\n")
    hero = load_hero("equal", policy.parent)
    (mutant,) = [m for m in all_mutants(hero.subject.policy) if m.check == "nothing"]
    assert applies_to(mutant, hero) == ""
    mutant = dataclasses.replace(mutant, arguments=("-p", "xdist", *UNDRAWN))
    scene = Scene(checkout=whole_checkout.folder, configs="configs")
    assert [result for _, result, _ in results([mutant], scene, "equal")] == [Score(True, "nothing is RED")]
