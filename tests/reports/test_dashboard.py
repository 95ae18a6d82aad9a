"""Does the dashboard tell what serves and what is due, does each tile say what it cannot read, is nobody in its way?"""

import json
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from automation import __main__ as automation
from evidence import history
from gates.statistics.pvalues import Interval
from reports.alerts.log import LOG, emit, read_log
from reports.alerts.rules import built_in
from reports.dashboard import tiles
from reports.dashboard.tiles import told_now
from reports.dashboard.writing import PAGE, render_dashboard, write_dashboard
from reports.model.dashboard import STANDING, Dashboard, JobLine, JobStanding, Standing, Tile
from reports.promotion import __main__ as promotion
from reports.promotion.change import roll_back, serve_by_exception
from reports.promotion.conditions import Wanted
from rollout.jobs import health
from rollout.jobs.findings import JobFindings
from rollout.jobs.job import METRICS, metric_row
from tests.automation.test_schedule_file import REST, written
from tests.reports.finished_run import call

Asked = Callable[..., Wanted]
STATE = Path("configs/state")
OF_JOBS = {"health": "health", "gates": "gate_monitor", "emergency": "emergency"}
HOUR = timedelta(hours=1)


def tile(board: Dashboard, key: str) -> Tile:
    (found,) = (one for one in board.tiles if one.key == key)
    return found


def page() -> str:
    return (STATE / PAGE).read_text(encoding="utf-8")


def standing(now: datetime, **changed: object) -> Standing:
    """What a tick leaves: one job failed, the drift pack ran on time."""
    failed = JobStanding(
        job="nightly_refresh", marker="refresh", owner="search", due=None, ends=None,
        lines=(JobLine(mark="x", words="FAILED, Mon 02:15: exit status 1"),),
    )  # fmt: skip
    drift = JobStanding(
        job="weekly_drift", marker="drift", owner="search", due=now - 3 * HOUR, ends=now + 20 * HOUR,
        lines=(JobLine(mark="+", words="ok"),),
    )  # fmt: skip
    values = {"at": now, "heartbeat": JobLine(mark="+", words="ok"), "jobs": (failed, drift), "untold": ()}
    return Standing.model_validate({**values, **changed})


def measured(now: datetime, *values: float) -> None:
    """A drift pack every hour until now."""
    for i, value in enumerate(values):
        at = now - (len(values) - 1 - i) * HOUR
        row = metric_row("lens", "c0ffee", "all", "aece", Interval(value, value, value), 800)
        history.append(STATE / METRICS, f"{at:%Y%m%dT%H%M%SZ}-c0ffee", "drift", [{"at": at, "intent": "", **row}])


def found(now: datetime, family: str, job: str, *marks: str, broken: tuple[str, ...] = ()) -> None:
    """What a job of health's checks left an hour before."""
    cells = {
        "x": health.p95.found("slow", 100, "9 of 100 answers above", observed="40", limit="15"),
        "+": health.p95.found("", 100, "", observed="4", limit="15"),
        "?": health.p95.not_evidenced("lens", "nothing is accepted"),
    }
    one = JobFindings(
        run_id="20261201T101500Z-c0ffee", at=now, family=family, job=job, cells=tuple(cells[mark] for mark in marks),
        broken=broken,
    )  # fmt: skip
    path = Path("reports/out") / family / f"{job}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(one.to_json())


@pytest.fixture
def full(promoted: Wanted) -> Wanted:
    """A checkout in which every tile has something to tell."""
    now = promoted.now
    standing(now).write(STATE)
    measured(now, 0.02, 0.03)
    found(now, "continuous", "health", "+", "x")
    found(now, "continuous", "gate_monitor", "+", "?")
    found(now, "continuous", "emergency", "+", broken=("test_emergency[latency]: no index here",))
    found(now, "weekly", "tripwire", "+", "+")
    found(now, "weekly", "drift", "+", "+", "?")
    return promoted


def test_what_serves_and_what_is_open(full: Wanted) -> None:
    board = told_now(full, "promote")
    assert board.serves == "incumbent + rival"
    since, by, owner = tile(board, "serving").lines
    assert (since.at, since.told) == (full.now, "promotion of rival by R. Manager: it gains")
    assert by.told.startswith("bundles/000001-promotion-rival.sigstore.json, signed ")
    assert owner.what == "owner"
    assert [line.what for line in tile(board, "stack").lines] == ["rival"]
    assert {line.mark for line in tile(board, "alerts").lines} == {"!"}
    assert [(line.mark, line.what) for line in tile(board, "jobs").lines] == [
        ("+", "heartbeat"), ("x", "nightly_refresh"), ("+", "weekly_drift"),
    ]  # fmt: skip
    assert {line.what for line in tile(board, "reviews").lines} == {"equal, look again by", "rival, look again by"}
    open_one, well, spark = tile(board, "drift").lines
    assert (open_one.mark, well) == ("?", ("+", "2 checks", "hold against what was accepted", None, ""))
    assert (spark.points, spark.told) == ("0,20.0 100,0.0", "0.0300, 2 runs: 0.0200 to 0.0300")
    told = [(line.mark, line.what) for line in tile(board, "decisions").lines]
    assert told[0] == ("", "promotion")
    assert sorted(told[1:]) == [("HOLD", "unsure"), ("PROMOTE", "equal"), ("PROMOTE", "rival"), ("ROLLBACK", "worse")]
    bad, good = tile(board, "health").lines
    assert (bad.mark, bad.told) == (
        "x", "ms: 40, limit 15; 9 of 100 answers above; free the machine, or roll back",
    )  # fmt: skip
    assert (good.mark, good.told) == ("+", "ms: 4, limit 15")
    assert [line.mark for line in tile(board, "gates").lines] == ["?", "+"]
    unasked = tile(board, "emergency").lines[0]
    assert (unasked.mark, unasked.told) == ("x", "test_emergency[latency]: no index here")
    assert [one.key for one in board.acts] == ["jobs", "health", "emergency"]
    assert {one.key for one in board.opens} == {"alerts", "gates", "drift"}
    assert [one.trouble for one in board.tiles] == [""] * len(board.tiles)


def test_what_was_measured_of_what_served_before_is_no_evidence(full: Wanted) -> None:
    at = full.now - HOUR
    found(at, "continuous", "health", "+", "x")
    health_then = tile(told_now(full, "tick"), "health")
    assert health_then.at == at
    assert health_then.trouble.startswith("what serves has changed since")
    assert {line.mark for line in health_then.lines} == {""}
    found(at, "weekly", "drift", "+", "?")
    assert [bool(line.points) for line in tile(told_now(full, "tick"), "drift").lines] == [True]


def test_what_needs_a_person_later_on(full: Wanted) -> None:
    late = replace(full, now=full.now + timedelta(days=8))
    board = told_now(late, "tick")
    assert board.is_old(tile(board, "tripwires"))
    assert "tripwires" in {one.key for one in board.opens}, "green once, and old now, is not well"
    assert {line.mark for line in tile(board, "reviews").lines} == {"x"}
    assert {line.mark for line in tile(board, "alerts").lines} == {"x"}


def test_an_exception_is_told_until_something_else_serves(asked: Asked) -> None:
    assert tile(told_now(asked(), "hand"), "exceptions").lines == ()
    ends = datetime.now(UTC) + HOUR
    serve_by_exception(asked(why="the index is broken"), "configs/rival.yaml", "INC-1", ends.isoformat())
    (line,) = tile(told_now(asked(), "exception"), "exceptions").lines
    assert (line.mark, line.what) == ("!", "rival")
    over = told_now(asked(now=ends + HOUR), "tick")
    assert tile(over, "exceptions").lines[0].mark == "x"
    assert "exceptions" in {one.key for one in over.acts}
    roll_back(asked())
    board = told_now(asked(), "rollback")
    assert tile(board, "exceptions").lines == ()
    assert tile(board, "serving").lines[0].told.startswith("rollback of rival by R. Manager")


def test_a_baseline_by_hand_and_a_change_that_came_to_no_end(full: Wanted) -> None:
    with full.baseline.open("a") as file:
        file.write("# by hand\n")
    (STATE / "journal.json").write_text("{}")
    assert "cannot be read" in tile(told_now(full, "tick"), "serving").trouble
    (STATE / "journal.json").unlink()
    assert tile(told_now(full, "tick"), "serving").marked("!")[0].told.startswith("nothing in the chain let it serve")


def test_a_tile_is_old_once_its_next_run_must_have_ended(full: Wanted) -> None:
    def until(**changed: object) -> datetime | None:
        standing(full.now, **changed).write(STATE)
        return tile(told_now(full, "tick"), "drift").until

    drift = standing(full.now).jobs[1]
    assert tile(told_now(full, "tick"), "drift").at == full.now
    assert until() == full.now + 23 * HOUR, "a week in small"
    missed = drift.model_copy(update={"due": full.now + HOUR})
    assert until(jobs=(missed,)) == full.now + HOUR, "another should have run by then"
    assert until(jobs=()) == full.now + tiles.WEEKLY
    board = told_now(full, "tick")
    for one in board.tiles:
        age = {"drift": tiles.WEEKLY, "tripwires": tiles.WEEKLY} | dict.fromkeys(OF_JOBS, tiles.HOURLY)
        assert one.until - one.at == age.get(one.key, tiles.FRESH)
    html = render_dashboard(board)
    stamps = re.findall(r'data-at="([^"]+)" data-until="([^"]+)"', html)
    assert len(stamps) == len(board.tiles)  # what serves is told in the head
    assert all(datetime.fromisoformat(a) < datetime.fromisoformat(b) for a, b in stamps)
    assert html.count("too old after") == len(stamps), "without script the times stand there"


def torn(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def newest(pattern: str) -> Path:
    return sorted(Path().glob(pattern))[-1]


#: Which tiles tell of it, and what spoils a file that they read.
SPOILED: dict[str, tuple[set[str], Callable[[], object]]] = {
    "baseline": ({"serving", "stack", "exceptions", "decisions"}, lambda: torn(Path("configs/baseline.yaml"))),
    "policy": ({"serving", "stack", "exceptions", "decisions"}, lambda: Path("configs/policy.yaml").unlink()),
    "statement": ({"serving", "decisions"}, lambda: torn(newest("configs/state/bundles/*.json"))),
    "alerts torn": ({"alerts", "reviews"}, lambda: torn(Path("reports/out") / LOG)),
    "alerts gone": ({"alerts", "reviews"}, lambda: (Path("reports/out") / LOG).unlink()),
    "alerts foreign": ({"alerts", "reviews"}, lambda: (Path("reports/out") / LOG).write_text('{"a": 1}\n')),
    "standing torn": ({"jobs"}, lambda: torn(STATE / STANDING)),
    "standing gone": ({"jobs"}, lambda: (STATE / STANDING).unlink()),
    "standing foreign": ({"jobs"}, lambda: (STATE / STANDING).write_text('{"schema": "another"}')),
    "standing a pipe": ({"jobs"}, lambda: ((STATE / STANDING).unlink(), os.mkfifo(STATE / STANDING))),
    "metrics torn": ({"drift"}, lambda: torn(newest("configs/state/metrics/*/*.parquet"))),
    "metrics gone": ({"drift"}, lambda: newest("configs/state/metrics/index.jsonl").unlink()),
    "health torn": ({"health"}, lambda: torn(Path("reports/out/continuous/health.json"))),
    "gates gone": ({"gates"}, lambda: Path("reports/out/continuous/gate_monitor.json").unlink()),
    "emergency foreign": ({"emergency"}, lambda: Path("reports/out/continuous/emergency.json").write_text("{}")),
    "tripwires torn": ({"tripwires"}, lambda: torn(Path("reports/out/weekly/tripwire.json"))),
    "drift gone": ({"drift"}, lambda: Path("reports/out/weekly/drift.json").unlink()),
    "attestation torn": ({"decisions"}, lambda: torn(Path("reports/out/equal/attestation.json"))),
    "attestation foreign": ({"decisions"}, lambda: Path("reports/out/equal/attestation.json").write_text("[]")),
}


@pytest.mark.parametrize("name", list(SPOILED))
def test_what_cannot_be_read_is_told_by_its_own_tiles(name: str, full: Wanted) -> None:
    whose, spoil = SPOILED[name]
    before = {one.key: one for one in told_now(full, "tick").tiles}
    spoil()
    board = told_now(full, "tick")
    after = {one.key: one for one in board.tiles}
    assert {key for key, one in after.items() if one.trouble} == whose
    for key, one in after.items():
        if key in whose:
            assert "\n" not in one.trouble
            assert not one.marked("+")
        elif (key, name) != ("drift", "standing gone"):
            assert one.lines == before[key].lines
    html = render_dashboard(board)
    assert html.count("not evidenced: ") >= len(whose)
    assert "all is well" not in html


def test_since_when_is_not_known_where_the_changes_cannot_be_read(full: Wanted) -> None:
    assert "before any change" not in render_dashboard(told_now(full, "tick"))
    torn(newest("configs/state/bundles/*.json"))
    html = render_dashboard(told_now(full, "tick"))
    assert "incumbent + rival serves" in html
    assert "before any change" not in html
    assert "not known: the changes on record cannot be read" in html


def test_what_is_to_be_reviewed_was_decided_and_need_not_have_been_promoted(asked: Asked) -> None:
    reviews = {one.key: one for one in told_now(asked(), "tick").tiles}["reviews"]
    told = [line.told for line in reviews.lines]
    assert told
    assert all(words.startswith("decided PROMOTE by run ") for words in told)


def test_it_says_whose_decisions_it_tells_and_how_it_is_written_anew(full: Wanted) -> None:
    usual = render_dashboard(told_now(full, "tick"))
    assert "Of configs, with decisions, alerts and findings of reports/out, written by tick" in usual
    assert "<code>./hero-gate dashboard</code>" in usual
    html = render_dashboard(told_now(replace(full, artifacts=Path("others out")), "rollback"))
    assert "with decisions, alerts and findings of others out, written by rollback" in html
    assert "<code>./hero-gate dashboard &#39;--artifacts=others out&#39;</code>" in html


def test_promote_and_rollback_rewrite_it(copied: Path, asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    asked()
    assert "written by canary" in page()
    assert "incumbent serves" in page()
    evil = '</title><script>alert("x")</script>'
    assert promotion.main(["promote", "--hero=rival", "--trust=trusted.json", f"--why={evil}"]) == 0
    assert "incumbent + rival serves" in page()
    assert evil not in page()
    assert page().count("<script>") == 1
    assert promotion.main(["promote", "--hero=worse", "--trust=trusted.json"]) == 1
    assert "written by promote" in page()
    assert promotion.main(["rollback", "--trust=trusted.json"]) == 0
    assert "incumbent serves" in page()
    assert "written by rollback" in page()
    assert capsys.readouterr().err.count("\n") == 1, "of the refusal"
    assert not list(Path("reports/out").rglob(PAGE))
    assert len(page().encode()) < 40_000


def test_a_day_in_one_page(copied: Path, asked: Asked) -> None:
    """A canary has promoted `rival`: it serves, a tick runs what is due, it is rolled back. Nothing by hand."""
    asked()
    written(
        copied / "configs",
        f"nightly: {{cron: '* * * * *', command: ['false'], {REST}}}",
        f"weekly: {{cron: '* * * * *', command: ['true'], {REST}}}",
    )
    assert promotion.main(["promote", "--hero=rival", "--trust=trusted.json"]) == 0
    places = [f"--schedule={copied}/configs/schedule.yaml", f"--ledger={copied}/reports/out/automation/slots.sqlite"]
    assert automation.main([*places, "tick", "--wait"]) == 1
    html = page()
    for said in ("incumbent + rival serves", "written by tick", "nightly</b> <span>FAILED", "P1 job failed", "P3 hold"):
        assert said in html
    assert promotion.main(["rollback", "--trust=trusted.json"]) == 0
    html = page()
    assert "incumbent serves" in html
    assert "nightly</b> <span>FAILED" in html, "as the last tick told it"


def test_who_cannot_write_it_says_so_in_a_line_and_has_done_its_work(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    asked()
    (STATE / PAGE).unlink()
    (STATE / PAGE).mkdir()
    assert promotion.main(["promote", "--hero=rival", "--trust=trusted.json"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dashboard: not written (IsADirectoryError: ")


def test_writers_at_once_leave_one_whole_page(full: Wanted) -> None:
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(lambda i: write_dashboard(full, f"writer {i}"), range(6))) == {""}
    assert page().rstrip().endswith("</html>")
    assert not list(STATE.glob("*.tmp"))


def test_the_emergency_tripwire_leaves_it_alone(copied: Path, asked: Asked) -> None:
    asked()
    before = page()
    (Path("configs") / "continuous.yaml").write_text("schema: hero-gate/continuous/v1\n")
    folder = "suites/continuous"
    done = call(copied, "pytest", "-c", f"{folder}/emergency.ini", f"{folder}/test_emergency.py")
    assert (Path("reports/out") / "continuous" / "emergency.json").exists(), done.stdout + done.stderr
    assert page() == before
    assert {line.what for line in tile(told_now(asked(), "tick"), "emergency").marked("x")} == {"could not be asked"}


def test_alerts_end_on_the_page_as_in_the_log(full: Wanted) -> None:
    out = Path("reports/out")
    count = len(read_log(out).open)
    over = [replace(one, resolved=True, seen_at=(full.now + HOUR).isoformat()) for one in read_log(out).open[:1]]
    emit(over, out, built_in(), full.now)
    assert len(tile(told_now(full, "tick"), "alerts").lines) == count - 1
    assert json.loads((out / LOG).read_text().splitlines()[-1])["status"] == "resolved"
