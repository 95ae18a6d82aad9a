"""Is what is printed for the timers of others well formed, and does it bring along what jobs need?"""

from pathlib import Path

import pytest
import yaml

from automation.emit import github_actions, k8s
from automation.schedule import Schedule
from automation.schedule_file import load_schedule


@pytest.fixture(scope="module")
def schedule(root: Path) -> Schedule:
    return load_schedule(root / "configs" / "schedule.yaml")


def test_a_cron_job(schedule: Schedule) -> None:
    claim, ticks = yaml.safe_load_all(k8s(schedule, "images.example/hero-gate@sha256:0"))
    spec = ticks["spec"]
    assert (claim["kind"], ticks["apiVersion"], ticks["kind"]) == ("PersistentVolumeClaim", "batch/v1", "CronJob")
    assert (spec["schedule"], spec["timeZone"]) == ("* * * * *", "Etc/UTC")
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == (720 + 120) * 60  # as late, and as long
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"][3:] == ["tick", "--wait"]
    assert container["envFrom"] == [{"secretRef": {"name": "hero-gate", "optional": True}}]
    cache = next(one["value"] for one in container["env"] if one["name"] == "HERO_GATE_CACHE")
    mounted = {one["mountPath"] for one in container["volumeMounts"]}
    assert mounted == {"/hero-gate/reports/out", "/hero-gate/configs/state", cache}
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_a_workflow(schedule: Schedule) -> None:
    text = github_actions(schedule)
    workflow = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader makes text alone, and `on` no true
    assert workflow["on"]["schedule"] == [{"cron": "*/5 * * * *"}]
    steps = workflow["jobs"]["tick"]["steps"]
    (tick,) = (step for step in steps if "tick" in step.get("run", ""))
    ticked = {word for word in tick["run"].split() if "_" in word}
    assert {one.name for one in schedule.jobs} - ticked == {"emergency_tripwire"}
    assert "# Left out, since GitHub fires at most every 5 minutes: emergency_tripwire." in text
    assert tick["env"]["HERO_GATE_APPRISE_URLS"] == "${{ secrets.HERO_GATE_APPRISE_URLS }}"
    kept = [step["with"]["path"].split() for step in steps if "cache" in step.get("uses", "")]
    assert kept == [["reports/out", "configs/state", ".hero-gate-cache"]] * 2
