"""Do the timers of others fire at every instant at which a job is due, and is what is printed for them well formed?"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.emit import github_actions, k8s, utc_cron
from automation.schedule import Schedule, due_between
from automation.schedule_file import load_schedule
from tests.automation.worlds import job

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def schedule(root: Path) -> Schedule:
    return load_schedule(root / "configs" / "schedule.yaml")


@pytest.mark.parametrize(
    ("cron", "utc"),
    [
        ("15 2 * * *", "15 6,7 * * *"),
        ("0 3 * * 0", "0 7,8 * * 0"),
        ("*/5 9-18 * * 1-5", "*/5 13-23 * * 1-5"),
        ("* * * * *", "* * * * *"),
        ("0 22 * * 6", "0 2,3 * * 0"),  # Saturday evening is Sunday in UTC
        ("0 22 1 * *", "0 2,3 * * *"),
        ("0 22 1 * 6", "0 2,3 * * *"),  # the first *or* a Saturday
    ],
)
def test_a_local_time_in_utc(cron: str, utc: str) -> None:
    assert utc_cron(job("j", cron), NOW) == utc


@settings(max_examples=25)
@given(
    cron=st.sampled_from(
        ("15 2 * * *", "0 22 * * 6,7", "30 1 * * 1#2", "*/20 1-2 8-14 * *", "5 23 L * *", "0 3 1 * 1")
    ),
    zone=st.sampled_from(("America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Auckland")),
    day=st.integers(0, 700),
)
def test_no_slot_comes_due_without_a_firing(cron: str, zone: str, day: int) -> None:
    one = job("j", cron, zone=zone)
    fired = job("j", utc_cron(one, NOW), zone="UTC")
    begins = NOW + timedelta(days=day)
    due = {slot.due for slot in due_between(one, begins, begins + timedelta(days=14))}
    assert due <= {slot.due for slot in due_between(fired, begins, begins + timedelta(days=14))}


def test_cron_jobs(schedule: Schedule) -> None:
    claim, *jobs = yaml.safe_load_all(k8s(schedule, "images.example/hero-gate@sha256:0", NOW))
    assert claim["kind"] == "PersistentVolumeClaim"
    assert len(jobs) == 11
    for one, document in zip(schedule.jobs, jobs, strict=True):
        spec = document["spec"]
        assert (document["apiVersion"], document["kind"]) == ("batch/v1", "CronJob")
        assert (spec["timeZone"], spec["concurrencyPolicy"]) == ("Etc/UTC", "Forbid")
        assert spec["schedule"] == utc_cron(one, NOW)
        assert spec["startingDeadlineSeconds"] == one.max_lateness_minutes * 60
        pod = spec["jobTemplate"]["spec"]["template"]["spec"]
        assert pod["containers"][0]["command"][3:] == ["tick", "--job", one.name, "--wait"]
        assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_a_workflow(schedule: Schedule) -> None:
    text = github_actions(schedule, NOW)
    workflow = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader makes text alone, and `on` no true
    entries = json.loads(workflow["env"]["ENTRIES"])
    crons = [entry["cron"] for entry in workflow["on"]["schedule"]]
    assert crons == list(entries)
    ticked = {name for options in entries.values() for name in options.replace("--job ", "").split()}
    assert {one.name for one in schedule.jobs} - ticked == {"emergency_tripwire"}
    assert "# Left out, since GitHub fires at most every 5 minutes: emergency_tripwire." in text
    keys = [step["with"]["key"] for step in workflow["jobs"]["tick"]["steps"] if "cache" in step.get("uses", "")]
    assert len(keys) == 2
    assert not any("," in key for key in keys)
