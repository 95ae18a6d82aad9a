"""Does a report that cannot be rendered say in one line why, and what to do?"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gates.attestation import AttestedHero, ReleaseAttestation
from gates.verdicts import Decision
from reports.render import allure_page as render_allure

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a program that is started here ends with and leaves, and which one was."""
    answer: dict[str, Any] = {"status": 0, "commands": []}

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        answer["commands"].append(command)
        if "--output" in command and "page" in answer:
            output = Path(command[command.index("--output") + 1])
            output.mkdir()
            (output / "index.html").write_text(answer["page"], encoding="utf-8")
        return subprocess.CompletedProcess(command, answer["status"])

    monkeypatch.setattr(subprocess, "run", run)
    return answer


@pytest.fixture(params=[{"installed", "results"}])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An artifacts folder with one test result, beside a site with the pinned Allure; or one of both only."""
    site, results, home = tmp_path / "site", tmp_path / "out" / "allure-results", tmp_path / "site/node_modules/allure"
    home.mkdir(parents=True)
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
            {"page": "<script src='//www.googletagmanager.com/x'></script>"},
            "; mend ",
        ),
        ({"installed", "results"}, {"status": 1}, "Allure could not render it; index.html needs no Allure"),
    ],
    ids=["no network", "no results", "analytics that moved", "a failing allure"],
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
    ran["page"] = f"<html><script>window.allure = 1</script>{tracker}<script>data()</script></html>"
    assert render_allure.main(["--artifacts", str(artifacts)]) == 0
    assert capsys.readouterr().out.strip() == str(artifacts / "allure.html")
    rendered = (artifacts / "allure.html").read_text(encoding="utf-8")
    assert rendered == "<html><script>window.allure = 1</script><script>data()</script></html>"
    assert [command[2] for command in ran["commands"]] == ["generate"]


@pytest.mark.parametrize("place", ["reports/site", "tests/verifier"])
def test_a_lock_of_npm_names_the_pinned_versions_and_no_address(root: Path, place: str) -> None:
    pinned = json.loads((root / place / "package.json").read_text())["dependencies"]
    packages = json.loads((root / place / "package-lock.json").read_text())["packages"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in pinned} == pinned
    assert all("resolved" not in package for package in packages.values())
    assert all("integrity" in package for name, package in packages.items() if name)


def test_the_report_is_called_by_its_decisions_the_worst_first(tmp_path: Path) -> None:
    assert render_allure.name_of(tmp_path) == "Hero Gate: no decision that can be read"
    heroes = tuple(
        AttestedHero(hero=name, decision=decision, config_hash="", reasons=(), attestation="", sha256="")
        for name, decision in (("lexical", Decision.PROMOTE), ("ann", Decision.HOLD), ("router", Decision.ROLLBACK))
    )
    at = "2026-11-29T12:00:00+00:00"
    fields = {name: "" for name in ReleaseAttestation.model_fields if name not in ("schema_", "heroes", "artefacts")}
    fields |= {"decision": Decision.ROLLBACK, "started_at": at, "finished_at": at, "review_due": at, "bundle": None}
    whole = ReleaseAttestation(**fields, heroes=heroes, artefacts=())
    (tmp_path / "attestation.json").write_bytes(whole.content())
    assert render_allure.name_of(tmp_path) == "ROLLBACK router, HOLD ann, PROMOTE lexical"
