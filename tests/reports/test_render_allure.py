"""Does a report that cannot be rendered say in one line why, and what to do?"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reports.render import allure_page as render_allure

NOT_REACHED = "npm error code ENOTFOUND\nnpm error network request failed\n"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a program that is started here answers, and which one was."""
    answer: dict[str, Any] = {"status": 0, "stderr": "", "commands": []}

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        answer["commands"].append(command)
        if "--output" in command and "page" in answer:
            output = Path(command[command.index("--output") + 1])
            output.mkdir()
            (output / "index.html").write_text(answer["page"], encoding="utf-8")
        return subprocess.CompletedProcess(command, answer["status"], "", answer["stderr"])

    monkeypatch.setattr(subprocess, "run", run)
    return answer


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site whose Allure is not installed."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "package.json").write_text('{"dependencies": {"allure": "3.18.0"}}')
    monkeypatch.setattr(render_allure, "SITE", folder)
    return folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """An artifacts folder with one test result."""
    (tmp_path / "out" / "allure-results").mkdir(parents=True)
    (tmp_path / "out" / "allure-results" / "1-result.json").write_text("{}")
    return tmp_path / "out"


def install(site: Path) -> None:
    """Let the pinned version be there."""
    home = site / "node_modules" / "allure"
    home.mkdir(parents=True)
    (home / "package.json").write_text('{"version": "3.18.0"}')


def main(artifacts: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = render_allure.main(["--artifacts", str(artifacts)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_without_a_network_it_says_what_npm_said_and_the_way_out(
    ran: dict[str, Any], site: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran.update(status=1, stderr=NOT_REACHED)
    status, _, said = main(results, capsys)
    assert status == 1
    assert said.count("\n") == 1
    assert "npm could not install Allure 3.18.0 (npm error code ENOTFOUND)" in said
    assert "run `make report` again" in said
    assert "index.html" in said


def test_without_results_it_says_how_to_get_some(
    ran: dict[str, Any], site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site)
    status, _, said = main(tmp_path / "nothing", capsys)
    assert status == 1
    assert "run `make canary` first" in said
    assert not ran["commands"]


def test_what_is_installed_is_not_installed_again_and_asks_the_network_nothing(
    ran: dict[str, Any], site: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site)
    (results / "attestation.json").write_text(json.dumps({"decision": "HOLD", "heroes": [{"hero": "router"}]}))
    tracker = '<script async src="https://www.googletagmanager.com/gtag/js?id=G"></script>\n<script>gtag()</script>'
    ran["page"] = f"<html><script>window.allure = 1</script>{tracker}<script>data()</script></html>"
    status, printed, _ = main(results, capsys)
    assert status == 0
    assert printed.strip() == str(results / "allure.html")
    rendered = (results / "allure.html").read_text(encoding="utf-8")
    assert rendered == "<html><script>window.allure = 1</script><script>data()</script></html>"
    assert [command[2] for command in ran["commands"]] == ["generate"]


def test_analytics_that_moved_are_not_let_through(
    ran: dict[str, Any], site: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site)
    ran["page"] = "<script src='//www.googletagmanager.com/x.js'></script>"
    status, _, said = main(results, capsys)
    assert status == 1
    assert "mend reports/render/allure_page.py" in said
    assert not (results / "allure.html").exists()


def test_a_failing_allure_is_quoted(
    ran: dict[str, Any], site: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site)
    ran.update(status=1, stderr="\x1b[31mError: bad config\x1b[0m\n")
    status, _, said = main(results, capsys)
    assert status == 1
    assert "(Error: bad config)" in said


def test_the_lock_names_the_pinned_version_and_no_address(root: Path) -> None:
    site = root / "reports" / "site"
    pinned = json.loads((site / "package.json").read_text())["dependencies"]["allure"]
    lock = json.loads((site / "package-lock.json").read_text())
    assert lock["packages"]["node_modules/allure"]["version"] == pinned
    assert all("resolved" not in package for package in lock["packages"].values())
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
