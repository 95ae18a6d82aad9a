"""Does every line of the truth table lead to its decision, in one process and in several?"""

import shutil
from fnmatch import fnmatch
from pathlib import Path

import pytest
from filelock import FileLock

from gates.policy import Policy, load_policy
from gates.rule.decide import plan
from tests.edits import put
from tests.gates import stored
from tests.recorded_release import Checkout, declare, pack

Workers = tuple[str, ...]
MISHAPS = "tests.gates.mishaps"

#: What befalls one item of a hero -> its decision, and what one of the reasons says.
LINES = {
    "untouched": ("PROMOTE", ""),
    "silenced_red": ("ROLLBACK", "sla_recall_at_50_delta at 50 %: RED"),
    "skip_mark": ("HOLD", "skipped, no evidence"),
    "skip_in_body": ("HOLD", "evidence says GREEN, pytest says skipped"),
    "xfail_mark": ("HOLD", "evidence says GREEN, pytest says xpassed"),
    "xfail_of_a_failure": ("HOLD", "evidence says GREEN, pytest says xfailed"),
    "deselected": ("HOLD", "missing, no evidence"),
    "broken_fixture": ("HOLD", "error, no evidence"),
    "broken_teardown": ("HOLD", "evidence says GREEN, pytest says error"),
    "broken_body": ("HOLD", "evidence says GREEN, pytest says failed"),
    "broken_replay": ("HOLD", "error, no evidence"),
    "no_evidence": ("HOLD", "passed, no evidence"),
    "evidence_twice": ("HOLD", "passed, no evidence"),
    "evidence_of_another_step": ("HOLD", "evidence is of sla_recall_at_50_delta at 50 % of evidence_of_another_step"),
    "evidence_of_another_hero": ("HOLD", "evidence is of sla_recall_at_50_delta at 100 % of untouched"),
    "no_pairs": ("HOLD", "GREEN from 0 pairs"),
    "not_a_number": ("HOLD", "pairs, observed nan"),
    "no_number": ("HOLD", "pairs, observed nothing"),
}


#: What a worker's reports may change on their way; of all the others one process tells enough.
CROSSING = ("untouched", "silenced_red", "xfail_mark", "broken_teardown", "evidence_twice")


SANITY = "suites/sanity/test_sanity.py::test_sanity"
WITH_CACHE = ("-o", "addopts=--import-mode=importlib")  # pytest.ini switches it off


def befall(checkout: Checkout, *mishaps: str) -> None:
    """Declare one hero for each mishap."""
    for name in mishaps:
        answers = "worse" if name == "silenced_red" else "equal"
        (checkout.folder / "configs" / f"{name}.yaml").write_text(pack(name, answers), encoding="utf-8")
    declare(checkout.folder / "configs", mishaps)
    checkout.also_load(MISHAPS)


def test_what_befalls_one_item_decides_about_its_hero_and_no_other(checkout: Checkout, workers: Workers) -> None:
    names = CROSSING if workers else tuple(LINES)
    befall(checkout, *names)
    assert checkout.gate(*workers, hero="all").ret == 20  # the worst hero's decision
    attestations = {name: checkout.attestation(name) for name in names}
    assert {name: a["decision"] for name, a in attestations.items()} == {name: LINES[name][0] for name in names}
    for name in names:
        assert LINES[name][1] in "\n".join(attestations[name]["reasons"]), name


@pytest.mark.parametrize(
    "selection",
    [
        ("-k", "not ndcg_at_10"),
        ("-k", "no_such_thing"),
        ("-n2", "--deselect=suites/canary/test_guards.py"),
        ("suites/canary/test_gates.py",),
        ("suites/sanity",),
        *((f"--deselect={SANITY}{item}",) for item in ("", "[equal-stop_rule]", "[equal-pool]")),
    ],
)
def test_less_than_was_planned_is_held(checkout: Checkout, selection: tuple[str, ...]) -> None:
    result = checkout.gate(*selection)
    assert (result.ret, checkout.decision()) == (10, "HOLD")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("-m", "canary", "-p", "no:release-gate"), "-p no:release-gate: nothing would decide about this canary; run"),
        (("--pyargs", "suites.canary.test_guards"), "checks of the canary were collected, but this run is none"),
    ],
)
def test_no_check_runs_where_nothing_decides(checkout: Checkout, arguments: tuple[str, ...], says: str) -> None:
    result = checkout.pytest("--hero=equal", *arguments)
    assert (result.ret, "passed" in result.stdout.str()) == (4, False)
    assert says in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize(("marker", "status"), [("canry", 4), ("canary and", 4), ("select and not select", 5)])
def test_a_marker_that_selects_no_canary_neither_passes_nor_decides(
    checkout: Checkout, marker: str, status: int
) -> None:
    assert checkout.gate("-m", marker).ret == status
    assert not (checkout.folder / "reports" / "out").exists()


@pytest.mark.parametrize(("suite", "asks"), [("canary/test_instruments.py", "lock"), ("sanity/test_sanity.py", "pool")])
def test_a_check_that_no_suite_asks_is_held(checkout: Checkout, suite: str, asks: str) -> None:
    (checkout.folder / "suites" / suite).unlink()
    assert checkout.gate().ret == 10
    assert f"{asks}: missing, no evidence" in checkout.attestation("equal")["reasons"]


def test_stopping_at_the_first_failure_is_held(checkout: Checkout, workers: Workers) -> None:
    befall(checkout, "broken_body")
    assert checkout.gate(*workers, "--maxfail=1", hero="all").ret in (2, 10)
    assert checkout.decision() == "HOLD"


def test_stopping_at_a_red_still_rolls_back(checkout: Checkout, workers: Workers) -> None:
    result = checkout.gate(*workers, "-x", hero="worse")
    assert (result.ret in (2, 20), checkout.decision()) == (True, "ROLLBACK")


def test_a_rollback_stands_although_its_item_was_deselected(checkout: Checkout) -> None:
    result = checkout.gate("-k", "aece_tau or within_sla", hero="worse")
    assert (result.ret, checkout.decision()) == (20, "ROLLBACK")


def test_a_module_that_cannot_be_collected_is_held(checkout: Checkout, workers: Workers) -> None:
    (checkout.folder / "suites" / "canary" / "test_more.py").write_text("import no_such_module\n", encoding="utf-8")
    result = checkout.gate(*workers)
    assert (result.ret in (2, 10), checkout.decision()) == (True, "HOLD")
    assert "test_more.py failed, but was not planned" in "\n".join(checkout.attestation("equal")["reasons"])


def test_a_failure_that_no_policy_plans_is_held(checkout: Checkout) -> None:
    stray = "import pytest\n\n\n@pytest.mark.canary\ndef test_stray():\n    assert False\n"
    (checkout.folder / "suites" / "canary" / "test_stray.py").write_text(stray, encoding="utf-8")
    assert (checkout.gate().ret, checkout.decision()) == (10, "HOLD")


@pytest.mark.parametrize(("mishap", "statuses"), [("interrupted", (2,)), ("exits_with_success", (3, 10))])
def test_a_run_that_is_broken_off_is_held(
    checkout: Checkout, workers: Workers, mishap: str, statuses: tuple[int, ...]
) -> None:
    befall(checkout, mishap)
    assert checkout.gate(*workers, hero="all").ret in statuses
    assert checkout.decision() == "HOLD"


def test_a_killed_process_leaves_hold_on_record(checkout: Checkout, workers: Workers) -> None:
    befall(checkout, "killed", "untouched")
    result = checkout.gate(*workers, hero="all")
    assert result.ret in (-9, 10)
    assert (checkout.decision(), checkout.decision("killed")) == ("HOLD", "HOLD")
    if workers == ("-n2",):  # the crash is one worker's: the other hero is judged, the killed one never again
        assert (result.ret, checkout.decision("untouched")) == (10, "PROMOTE")
        assert "error, no evidence" in "\n".join(checkout.attestation("killed")["reasons"])
    else:
        assert checkout.attestation("killed")["reasons"] == ["run started, not finished"]


@pytest.mark.parametrize("hook", ["pytest_collection_finish", "pytest_runtest_protocol"])
def test_an_internal_error_is_held(checkout: Checkout, workers: Workers, hook: str) -> None:
    checkout.meddle(f"def {hook}(): raise RuntimeError('broken plugin')")
    assert checkout.gate(*workers).ret in (3, 10)
    assert checkout.decision() == "HOLD"


@pytest.mark.parametrize(("hook", "hero"), [("pytest_gate_merge", "equal"), ("pytest_gate_decided", "worse")])
def test_results_that_cannot_be_written_are_held(checkout: Checkout, hook: str, hero: str) -> None:
    code = "import pytest\n@pytest.hookimpl(trylast=True)\n"
    checkout.meddle(f"{code}def {hook}(release): raise OSError('no space left')")
    result = checkout.gate(hero=hero)
    assert (result.ret, checkout.decision()) == (3, "HOLD")
    assert "no space left" in checkout.attestation(hero)["reasons"][0]
    says = "exit status 3: OSError: no space left (conftest.py:3); nothing was decided: reports/out says HOLD"
    assert result.errlines == [says]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--hero=no_such",), "--hero=no_such: no such hero; there are equal, worse, unsure, all, or a pack's path"),
        (("--hero=",), "--hero=: should be names out of equal, worse, unsure, or all, or a pack's path"),
        (("--hero=equal,equal",), "--hero=equal,equal: equal is asked for twice; name each hero once"),
        (("--hero=no_such.yaml",), "*no_such.yaml: no such file;*"),
        (("--max-windows=0",), "--max-windows=0: should be at least the policy's min_windows 1"),
        (("--configs=elsewhere",), "*elsewhere/policy.yaml: no such file;*"),
        (("--artifacts=pytest.ini",), "--artifacts=pytest.ini: cannot be written; name another folder*"),
        (("--artifacts=/proc/nowhere",), "--artifacts=/proc/nowhere: cannot be written; name another folder*"),
        *(
            (("-p", f"no:{plugin}"), f"-p no:{plugin}: nothing would be measured, decided or recorded; run without")
            for plugin in ("gates.options", "gates.plugin", "fixtures.plugin", "rollout.plugin", "reports.plugin")
        ),
        (("--noconftest",), "fixtures.plugin is not loaded: nothing would be measured; run with this conftest.py"),
        *(
            ((*WITH_CACHE, option), f"{option}: a canary asks all its checks, whatever passed last time; run without")
            for option in ("--lf", "--stepwise", "--cache-show")
        ),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_what_is_mistyped_or_lacks_a_plugin_ends_before_anything_is_touched(
    checkout: Checkout, arguments: tuple[str, ...], says: str
) -> None:
    result = checkout.pytest("-m", "canary", *arguments)
    assert (result.ret, "passed" in result.stdout.str()) == (4, False)
    (line,) = filter(None, result.errlines)
    assert fnmatch(line, f"ERROR: {says}")
    assert not (checkout.folder / "reports" / "out").exists()


def test_a_decision_is_gone_as_soon_as_the_next_run_begins(checkout: Checkout) -> None:
    assert (checkout.gate().ret, checkout.decision("equal")) == (0, "PROMOTE")
    first = checkout.attestation()["run_id"]
    befall(checkout, "killed", "equal")
    checkout.gate(hero="killed,equal")
    assert (checkout.decision(), checkout.decision("equal")) == ("HOLD", "HOLD")
    kept = checkout.folder / "reports" / "out" / "history" / first
    assert {p.name for p in kept.iterdir()} >= {"attestation.json", "equal"}


def test_a_release_names_only_the_heroes_that_this_run_judged(checkout: Checkout) -> None:
    checkout.gate(hero="equal,unsure")
    checkout.gate(hero="equal")
    assert [hero["hero"] for hero in checkout.attestation()["heroes"]] == ["equal"]
    asked = plan("equal", load_policy(checkout.folder / "configs" / "policy.yaml"))
    assert len(checkout.attestation("equal")["tests"]["planned"]) == len(asked)


@pytest.mark.parametrize(
    "only_tells",
    "--collect-only --setup-plan --setup-only --plan --help --markers --fixtures --fixtures-per-test".split(),
)
def test_a_run_that_only_tells_touches_no_record(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, only_tells: str
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", only_tells)
    result = checkout.gate()
    assert result.ret == 5
    assert result.errlines == [f"exit status 5: {only_tells} runs no gate; nothing was decided"]
    assert not (checkout.folder / "reports" / "out").exists()


@pytest.mark.parametrize("asked", [("--help",), ("--collect-only", "-m", "sanity")])
def test_what_does_not_name_the_canary_ends_as_pytest_does(checkout: Checkout, asked: tuple[str, ...]) -> None:
    result = checkout.pytest(*asked)
    assert (result.ret, result.errlines) == (0, [])


def test_a_plan_is_told_before_anything_runs(checkout: Checkout, policy: Policy, workers: Workers) -> None:
    told = checkout.gate("--plan", *workers)
    assert told.ret == 5
    told.stdout.fnmatch_lines(["plan of equal: its policy names no characteristics file; nothing is known beforehand"])
    stored.write(checkout.folder / "configs" / "characteristics.json", stored.document(policy))
    ladder = {"max_windows": 4, "total_windows": 8}
    put(checkout.folder / "configs" / "policy.yaml", characteristics="characteristics.json", ladder=ladder)
    told = checkout.gate("--plan", *workers)
    assert told.ret == 5
    told.stdout.fnmatch_lines(["plan of equal: 400 to 1,600 pairs, 2 to 8 windows; *", "*aece_tau at 50 %*"])
    assert not (checkout.folder / "reports" / "out").exists()


def test_a_policy_that_no_equal_hero_meets_is_refused(checkout: Checkout, policy: Policy) -> None:
    stored.write(checkout.folder / "configs" / "characteristics.json", stored.document(policy))
    errors = {"on_red": "rollback", "rate": 0.001}
    known = {"characteristics": "characteristics.json", "guards": {"errors": errors}}
    put(checkout.folder / "configs" / "policy.yaml", **known)
    refused = checkout.gate()
    assert refused.ret == 4
    refused.stderr.fnmatch_lines(["*policy.yaml: errors over the canary: an equal hero is shown to hold with*would do"])
    assert not (checkout.folder / "reports" / "out").exists()


def test_another_mode_is_another_release(whole_checkout: Checkout) -> None:
    checkout = whole_checkout
    checkout.gate()
    evidence = checkout.attestation("equal")
    assert checkout.gate("--decision-mode=letter").ret in (0, 10)
    letter = checkout.attestation("equal")
    assert (evidence["mode"], letter["mode"]) == ("evidence", "letter")
    assert evidence["release_fingerprint"] != letter["release_fingerprint"]


def test_two_runs_do_not_write_to_one_place(checkout: Checkout) -> None:
    taken = checkout.folder / "reports" / "out"
    taken.mkdir(parents=True)
    with FileLock(taken / ".lock"):
        result = checkout.gate()
    assert (result.ret, list(taken.glob("*.json"))) == (4, [])
    result.stderr.fnmatch_lines(["*another run is writing there; wait for it, or give this run a folder of its own"])


def test_the_same_fingerprint_sees_the_same_pairs(checkout: Checkout, tmp_path: Path) -> None:
    checkout.gate()
    first = checkout.attestation("equal")
    shutil.copytree(checkout.folder / "configs", tmp_path / "moved")
    checkout.gate("-n2", f"--configs={tmp_path / 'moved'}")
    again = checkout.attestation("equal")
    assert first["run_id"] != again["run_id"]
    assert first["release_fingerprint"] == again["release_fingerprint"]
    assert first["steps"] == again["steps"]
