"""What does Allure show of a decision, and what is said of a report that cannot be rendered?"""

import base64
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gates.policy import Policy
from gates.verdicts import Decision, Verdict
from reports.model.story import Story, tell
from reports.render import allure_page as render_allure
from reports.render.allure import ANSWERS, answer, gates_of
from tests.reports import handmade
from tests.reports.conftest import Judged

GATES = 'd("widgets/quality-gate.json","e30=")'
PAGE = f"<head></head><script>{GATES}</script>"
NOTED = {"uuid": "of Allure's", "testResults": {"a": {"name": "u\u2028v", "labels": [{}], "trace": "x"}}, "url": ""}
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a program that is started here ends with and leaves, and which one was; Allure notes each run it renders."""
    answer: dict[str, Any] = {"status": 0, "commands": []}

    def run(command: list[str], cwd: Path, **_: Any) -> subprocess.CompletedProcess[str]:
        answer["commands"].append(command)
        if "--output" in command and "page" in answer:
            output = Path(command[command.index("--output") + 1])
            output.mkdir()
            (output / "index.html").write_text(answer["page"], encoding="utf-8")
            answer["told"] = json.loads((cwd / "told.json").read_text(encoding="utf-8"))
            with (cwd / "history.jsonl").open("a", encoding="utf-8") as history:
                history.write(f"{json.dumps(NOTED)}\n")
        return subprocess.CompletedProcess(command, answer["status"])

    monkeypatch.setattr(subprocess, "run", run)
    return answer


@pytest.fixture(params=[{"installed", "results"}])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An artifacts folder with one test result, beside a site with the pinned Allure; or one of both only."""
    site, results, home = tmp_path / "site", tmp_path / "out" / "allure-results", tmp_path / "site/node_modules/allure"
    home.mkdir(parents=True)
    (site / "allure_look.html").write_text("<style></style>")
    (site / "package.json").write_text('{"dependencies": {"allure": "3.18.0"}}')
    version = "3.18.0" if "installed" in request.param else "3.17.0"
    (home / "package.json").write_text(json.dumps({"version": version}))
    if "results" in request.param:
        results.mkdir(parents=True)
        (results / "1-result.json").write_text("{}")
    monkeypatch.setattr(render_allure, "SITE", site)
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("artifacts", "answer", "said"),
    [
        (
            {"results"},
            {"status": 1},
            "npm could not install Allure 3.18.0; it needs the network once: run",
        ),
        ({"installed"}, {"status": 1}, "run `make canary` first"),
        (
            {"installed", "results"},
            {"page": f"{PAGE}<script src='//www.googletagmanager.com/x'></script>"},
            "; mend ",
        ),
        ({"installed", "results"}, {"page": "<head></head>"}, "; mend "),
        ({"installed", "results"}, {"page": GATES}, "; mend "),
        ({"installed", "results"}, {"status": 1}, "Allure could not render it; index.html needs no Allure"),
    ],
    ids=["no network", "no results", "analytics that moved", "gates that moved", "no head", "a failing allure"],
    indirect=["artifacts"],
)
def test_what_cannot_be_rendered_is_said_in_one_line(
    artifacts: Path, answer: dict[str, Any], said: str, ran: dict[str, Any], capsys: Captured
) -> None:
    ran.update(answer)
    assert render_allure.main(["--artifacts", str(artifacts)]) == 1
    told = capsys.readouterr().err
    assert (told.count("\n"), said in told) == (1, True)
    assert bool(ran["commands"]) is (artifacts / "allure-results").exists()
    assert not (artifacts / "allure.html").exists()


def test_what_is_installed_is_not_installed_again_and_asks_the_network_nothing(
    ran: dict[str, Any], artifacts: Path, capsys: Captured
) -> None:
    tracker = '<script async src="https://www.googletagmanager.com/gtag/js?id=G"></script>\n<script>gtag()</script>'
    ran["page"] = f"<head></head><script>window.allure = 1</script>{tracker}<script>{GATES}</script>"
    assert render_allure.main(["--artifacts", str(artifacts)]) == 0
    assert capsys.readouterr().out.strip() == str(artifacts / "allure.html")
    rendered = (artifacts / "allure.html").read_text(encoding="utf-8")
    assert rendered == f"<head><style></style></head><script>window.allure = 1</script><script>{GATES}</script>"
    assert [command[2] for command in ran["commands"]] == ["generate"]


def test_results_of_a_run_that_signed_nothing_say_hold(ran: dict[str, Any], artifacts: Path, capsys: Captured) -> None:
    ran["page"] = PAGE
    assert render_allure.main(["--artifacts", str(artifacts)]) == 0
    assert list(ran["told"]["variables"]) == ["HOLD"]
    (artifacts / "allure-results" / render_allure.TOLD).write_text("{")
    assert render_allure.main(["--artifacts", str(artifacts)]) == 1
    assert "no JSON" in capsys.readouterr().err


def test_what_the_gate_says_stands_where_allure_has_no_gates(ran: dict[str, Any], artifacts: Path) -> None:
    gates = {"hero-ann": [{"rule": "HOLD ann", "message": "not enough shown", "success": False}]}
    tell_page(artifacts, gates=gates)
    ran["page"] = PAGE
    assert render_allure.main(["--artifacts", str(artifacts)]) == 0
    (content,) = re.findall(r'd\("widgets/quality-gate.json","(.*)"\)', (artifacts / "allure.html").read_text())
    assert json.loads(base64.b64decode(content)) == gates


def test_runs_are_kept_once_each_and_no_more_than_enough(ran: dict[str, Any], artifacts: Path, tmp_path: Path) -> None:
    ran["page"] = PAGE
    configs = tmp_path / "configs"
    command = ["--artifacts", str(artifacts), "--configs", str(configs)]
    tell_page(artifacts, run_id="run 0")
    assert render_allure.main(command) == 0
    assert not configs.exists(), "a folder of configs was made up"
    configs.mkdir()
    history = configs / "state" / "allure-history.jsonl"
    for run in range(render_allure.RUNS + 2):
        tell_page(artifacts, run_id=f"run {run}")
        assert render_allure.main(command) == render_allure.main(command) == 0
    kept = [json.loads(line) for line in history.read_text().splitlines()]
    assert [run["uuid"] for run in kept] == [f"run {run}" for run in range(2, render_allure.RUNS + 2)]
    assert kept[0]["testResults"] == {"a": {"name": "u\u2028v"}}
    with history.open("ab") as file:
        file.write(b'{"uuid": "torn\n\xff\n[]\n{"uuid": "x", "testResults": 1}\n')
    tell_page(artifacts, run_id="the last")
    assert render_allure.main(command) == 0
    assert [json.loads(line)["uuid"] for line in history.read_text().splitlines()][-2:] == [
        kept[-1]["uuid"],
        "the last",
    ]


def tell_page(artifacts: Path, **said: Any) -> None:
    """As a run stages it."""
    told = {**render_allure.UNTOLD, **said}
    (artifacts / "allure-results" / render_allure.TOLD).write_text(json.dumps(told), encoding="utf-8")


@pytest.mark.parametrize("place", ["reports/site", "tests/verifier"])
def test_a_lock_of_npm_names_the_pinned_versions_and_no_address(root: Path, place: str) -> None:
    pinned = json.loads((root / place / "package.json").read_text())["dependencies"]
    packages = json.loads((root / place / "package-lock.json").read_text())["packages"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in pinned} == pinned
    assert all("resolved" not in package for package in packages.values())
    assert all("integrity" in package for name, package in packages.items() if name)


def rules(story: Story) -> list[str]:
    """What its gates are called in Allure, each of which stands there once and says something."""
    found = [*gates_of(story)]
    assert all(one["message"] for one in found)
    assert {one["success"] for one in found} == {story.outcome.decision is Decision.PROMOTE}
    return [one["rule"] for one in found]


def test_the_gates_of_allure_are_the_decision_and_what_it_rests_on(judged: Judged) -> None:
    fallen, held, promoted = tell(judged("equal", "worse", "unsure"))
    assert rules(promoted) == ["PROMOTE equal"]
    first, *others = rules(held)
    assert (first, len(others)) == ("HOLD unsure", len(held.outcome.reasons))
    first, *others = rules(fallen)
    assert first == "ROLLBACK worse"
    assert "SLA-Recall@50 lost at 50 %" in others
    red = [cell for cell in fallen.outcome.cells if cell.verdict is Verdict.RED and cell.on_red == "rollback"]
    assert len(others) == len(red) < len(fallen.outcome.reasons), "what is merely open is not told as broken"


def test_what_nobody_answered_is_among_the_gates(policy: Policy) -> None:
    _, story = handmade.release(policy, Decision.HOLD)
    reasons = (
        "ece: missing, no evidence",
        "plan: a.py failed, but was not planned",
        "plan: b.py failed, but was not planned",
    )
    lost = replace(story, outcome=replace(story.outcome, cells=(), reasons=reasons))
    assert rules(lost) == ["HOLD router", "ECE in all", "plan"]
    assert [*gates_of(lost)][2]["message"].count("was not planned") == 2


@pytest.mark.parametrize(
    ("verdict", "n", "required", "filed"),
    [
        (Verdict.RED, 9, "green", "shown broken"),
        (Verdict.INCONCLUSIVE, 0, "green", "not evidenced"),
        (Verdict.INCONCLUSIVE, 9, "green", "not shown"),
        (Verdict.INCONCLUSIVE, 9, "not_red", "not shown broken (enough here)"),
        (Verdict.NOT_REACHED, 0, "green", "not reached"),
    ],
)
def test_a_check_is_filed_by_its_answer(policy: Policy, verdict: Verdict, n: int, required: str, filed: str) -> None:
    cell = replace(handmade.cell(policy, "ann", 0, "ece", verdict), n=n, required=required)
    assert answer(cell) == filed
    assert filed in ANSWERS
    assert answer(replace(cell, verdict=Verdict.GREEN)) not in ANSWERS
