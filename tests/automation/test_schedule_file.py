"""Is the schedule read strictly, are all its mistakes told together, in words that say what to write?"""

import sys
from pathlib import Path

import pytest

from automation.schedule_file import load_schedule
from gates.errors import ConfigError

HEAD = "schema: hero-gate/schedule/v1\ntimezone: America/New_York\n"
REST = "owner: sre, max_lateness_minutes: 10, timeout_minutes: 5, catch_up: latest, severity: P2"
ELEVEN = {
    "nightly_performance": ("0 2 * * *", "performance"),
    "nightly_refresh": ("15 2 * * *", "refresh"),
    "nightly_regenerate": ("30 2 * * *", "regenerate"),
    "nightly_whiskers": ("45 2 * * *", "whiskers"),
    "weekly_drift": ("0 3 * * 0", "drift"),
    "weekly_parity": ("0 4 * * 0", "parity"),
    "weekly_pool": ("0 5 * * 0", "pool"),
    "weekly_tripwires": ("0 6 * * 0", "tripwire"),
    "hero_health": ("*/5 9-18 * * 1-5", "health"),
    "gate_monitor": ("*/15 * * * *", "gate_monitor"),
    "emergency_tripwire": ("* * * * *", "emergency"),
}


def written(folder: Path, *jobs: str, head: str = HEAD) -> Path:
    path = folder / "schedule.yaml"
    path.write_text(head + "jobs:\n" + "".join(f"  {job}\n" for job in jobs))
    return path


def mistakes(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_schedule(path)
    return [mistake.removeprefix(f"{path}: ") for mistake in caught.value.mistakes]


def test_the_shipped_schedule_has_the_eleven_jobs(root: Path) -> None:
    jobs = load_schedule(root / "configs" / "schedule.yaml").jobs
    assert {job.name: (job.cron, job.marker) for job in jobs} == ELEVEN
    assert {job.zone for job in jobs} == {"America/New_York"}
    assert all(job.owner for job in jobs)
    assert jobs[-1].words()[:3] == (sys.executable, "-m", "pytest")
    assert "suites/continuous/emergency.ini" in jobs[-1].words()  # its marker alone would load every plugin
    assert jobs[1].words() == (sys.executable, "-m", "pytest", "-m", "refresh")


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("2215", "2215: Input should be a valid string"),
        ("22:15", "'22:15': 1 fields, but a cron line has five: minute hour day month weekday, as in"),
        ('"0 0 2 * * *"', "'0 0 2 * * *': 6 fields, but a cron line has five"),
        ('"@daily"', "'@daily': 1 fields, but a cron line has five"),
        ('"60 2 * * *"', "'60 2 * * *': bad minute; five fields are expected, as in"),
        ('"0 24 * * *"', "'0 24 * * *': bad hour; "),
        ('"0 0 31 2 *"', "'0 0 31 2 *': bad day-of-month; "),
        ('"0 0 * * MONDAY"', "'0 0 * * MONDAY': bad day-of-week; "),
        ('"*/0 * * * *"', "'*/0 * * * *': bad minute; "),
    ],
)
def test_a_cron_line_that_cannot_be_meant_is_refused(tmp_path: Path, cron: str, says: str) -> None:
    (mistake,) = mistakes(written(tmp_path, f"nightly: {{cron: {cron}, marker: nightly, {REST}}}"))
    assert mistake.startswith(f"jobs.nightly.cron: {says}")


@pytest.mark.parametrize(
    ("meant", "written_as", "says"),
    [
        ("marker: pool, ", "", "jobs.nightly: neither marker (of a pytest run) nor command (a list of words)"),
        ("marker: pool", "marker: 5", "jobs.nightly.marker: 5: Input should be a valid string"),
        ("nightly:", "Nightly:", "jobs.Nightly.[key]: 'Nightly': String should match"),
        ("marker: pool", "marker: pool, lane: ../x", "jobs.nightly.lane: '../x': String should "),
        ("marker: pool", "marker: refesh", "jobs.nightly.marker: 'refesh': no checks are marked refesh; there are "),
        (
            "marker: pool",
            "command: [python, a/gone.py]",
            "jobs.nightly.command: ['python', 'a/gone.py']: no file a",
        ),
        ("owner: sre", "owner: Owner", "jobs.nightly.owner: 'Owner': no team is called that"),
        ("severity: P2", "severity: P2, on_red: x", "jobs.nightly.on_red: unknown key; remove it"),
        ("minutes: 10", "minutes: yes", "jobs.nightly.max_lateness_minutes: "),
        ("minutes: 10", "minutes: 0", "jobs.nightly.max_lateness_minutes: 0"),
        ("latest", "all", "jobs.nightly.catch_up: 'all': "),
        ("P2", "P9", "jobs.nightly.severity: 'P9': Input "),
    ],
)
def test_a_job_that_cannot_be_meant_is_refused(tmp_path: Path, meant: str, written_as: str, says: str) -> None:
    job = f"nightly: {{cron: 0 2 * * *, marker: pool, {REST}}}"
    (mistake,) = mistakes(written(tmp_path, job.replace(meant, written_as)))
    assert mistake.startswith(says)


def test_all_mistakes_are_told_together(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f"one: {{cron: 99 2 * * *, marker: pool, {REST}}}",
        f"two: {{cron: 0 2 * * *, marker: pool, {REST.replace('sre', '5')}}}",
        "three: {cron: 0 2 * * *, marker: pool}",
        head=HEAD.replace("v1", "v2").replace("America/New_York", "EST"),
    )
    places = [mistake.partition(": ")[0] for mistake in mistakes(path)]
    rest = ("owner", "max_lateness_minutes", "timeout_minutes", "catch_up", "severity")
    assert places == ["schema", "timezone", "jobs.one.cron", "jobs.two.owner", *(f"jobs.three.{key}" for key in rest)]


def test_a_job_that_is_not_there_names_those_that_are(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"^nightly: no such job in the schedule; there are nightly_performance, "):
        load_schedule(root / "configs" / "schedule.yaml").job("nightly")
