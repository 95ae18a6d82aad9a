"""Does each tick have the dashboard written, behind its own work, and does the command write it by hand?"""

import subprocess
from pathlib import Path

import pytest

from automation import __main__ as automation
from automation.schedule import last_run
from gates.place import HERE
from reports.dashboard.writing import PAGE
from reports.model.dashboard import read_standing
from tests.automation.test_command_line import options
from tests.automation.test_schedule_file import REST
from tests.automation.worlds import DUE, MINUTE, job


def test_a_tick_rewrites_it_and_a_job_that_failed_needs_a_person(tmp_path: Path) -> None:
    asked = options(
        tmp_path,
        f"bad: {{cron: '* * * * *', command: ['false'], {REST}}}",
        f"good: {{cron: '* * * * *', command: ['true'], {REST}}}",
    )
    (tmp_path / "policy.yaml").touch()
    assert automation.main([*asked, "tick", "--wait"]) == 1
    state = tmp_path / "state"
    told = {job.job: job for job in read_standing(state).jobs}
    assert [line.mark for line in told["bad"].lines] == ["x"]
    assert told["good"].fine
    html = (state / PAGE).read_text(encoding="utf-8")
    assert "written by tick" in html
    assert "needs a person now" in html
    assert "bad</b> <span>FAILED" in html
    assert "P1 job failed" in html
    assert "not evidenced: " in html, "the policy here is empty: what serves is not known"
    assert not list((tmp_path / "out").rglob(PAGE))


def test_the_command_writes_it_and_prints_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = options(tmp_path, f"nightly: {{cron: 15 2 * * *, marker: pool, {REST}}}")
    assert automation.main([*asked, "dashboard"]) == 0
    page = tmp_path / "state" / PAGE
    assert capsys.readouterr().out == f"{page}\n"
    assert "no tick was ever completed" in page.read_text(encoding="utf-8")
    assert not (tmp_path / "out").exists(), "a look makes no ledger"
    other = tmp_path / "other"
    other.mkdir()
    assert automation.main([*asked, "dashboard", f"--configs={other}"]) == 0
    assert "no tick was completed here" in (other / "state" / PAGE).read_text(encoding="utf-8")


def test_a_schedule_that_cannot_be_read_leaves_the_jobs_of_the_last_tick(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = options(tmp_path, f"nightly: {{cron: 15 2 * * *, marker: pool, {REST}}}")
    assert automation.main([*asked, "dashboard"]) == 0
    before = read_standing(tmp_path / "state")
    options(tmp_path, f"nightly: {{cron: 22:15, marker: pool, {REST}}}")
    assert automation.main([*asked, "dashboard"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dashboard: jobs as of the last tick (")
    assert read_standing(tmp_path / "state") == before


def test_a_tick_has_done_its_work_where_it_cannot_be_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    asked = options(tmp_path, f"good: {{cron: '* * * * *', command: ['true'], {REST}}}")
    (tmp_path / "policy.yaml").touch()
    (tmp_path / "state" / PAGE).mkdir(parents=True)
    assert automation.main([*asked, "tick", "--wait"]) == 0
    said = capfd.readouterr()
    assert "good/" in said.out
    (line,) = said.err.splitlines()
    assert line.startswith("dashboard: not written (IsADirectoryError: ")


def test_a_tick_goes_on_where_the_page_cannot_be_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise FileNotFoundError("nice")

    asked = options(tmp_path, f"nightly: {{cron: 0 0 1 1 *, marker: pool, {REST}}}")
    monkeypatch.setattr(automation.subprocess, "Popen", gone)
    assert automation.main([*asked, "tick"]) == 0
    assert "dashboard" not in capsys.readouterr().out, "a schedule alone has no dashboard"
    (tmp_path / "policy.yaml").touch()
    assert automation.main([*asked, "tick"]) == 0
    assert "dashboard: nice" in capsys.readouterr().out


@pytest.mark.parametrize(("cron", "newest"), [("15 2 * * *", DUE), ("* * * * *", DUE + MINUTE), ("15 2 1 1 *", None)])
def test_the_last_run_up_to_an_instant(cron: str, newest: object) -> None:
    run = last_run(job("nightly", cron), DUE + MINUTE)
    assert (run.due if run else None) == newest


def test_the_tool_has_a_command_for_it() -> None:
    done = subprocess.run([str(HERE.house / "hero-gate"), "dashboard", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--artifacts" in done.stdout
