"""Is what is printed for the timers of others well formed, and does it bring along what jobs need?"""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from automation.crontab import line
from automation.emit import github_actions, k8s, systemd
from automation.schedule import Schedule
from automation.schedule_file import load_schedule
from gates.place import Whereabouts


@pytest.fixture(scope="module")
def schedule(root: Path) -> Schedule:
    return load_schedule(root / "configs" / "schedule.yaml")


@pytest.mark.parametrize("name", ["plain", "with a space", '100% $HOME \\"'])
def test_the_units_of_systemd_are_put_in_place_and_started(tmp_path: Path, name: str) -> None:
    root, units = tmp_path / name, tmp_path / "config" / "systemd" / "user"
    root.mkdir()
    command = line(root, ("python", "-m", "automation", "tick"), root / "out" / "slots.sqlite", root / "tick.env")
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    (tmp_path / "systemctl").chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    subprocess.run(["sh"], input=systemd(root, command), text=True, env=variables, check=True)
    assert (tmp_path / "asked").read_text() == "--user daemon-reload\n--user enable --now hero-gate-tick.timer\n"
    service, timer = ((units / f"hero-gate-tick.{suffix}").read_text() for suffix in ("service", "timer"))
    assert "OnCalendar=minutely\nAccuracySec=1s\nPersistent=true\n" in timer
    assert "KillMode=process" in service
    assert f"WorkingDirectory={str(root).replace('%', '%%')}\n" in service
    (started,) = (one.removeprefix("ExecStart=") for one in service.splitlines() if one.startswith("ExecStart="))
    assert shlex.split(started.replace("%%", "%").replace("$$", "$")) == ["/bin/sh", "-c", command]
    if shutil.which("systemd-analyze"):
        verified = ["systemd-analyze", "--user", "verify", *map(str, units.iterdir())]
        runtime = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
        told = subprocess.run(verified, capture_output=True, text=True, check=False, env=runtime)
        assert "hero-gate-tick" not in told.stderr


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


def test_an_installed_tool_ticks_through_its_door(schedule: Schedule, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = Whereabouts(house=Path("/h"), home=Path("/mine"), stamp="4f2c9e1 clean")
    monkeypatch.setattr("automation.emit.HERE", installed)
    steps = yaml.safe_load(github_actions(schedule))["jobs"]["tick"]["steps"]
    ran = [step["run"] for step in steps if "run" in step]
    assert ran[0].endswith(".venv/bin/pip install --require-hashes -r requirements.txt")
    assert ran[1] == ".venv/bin/hero-gate jobs tick --without emergency_tripwire --wait"
    assert "command: [hero-gate, jobs, tick, --wait]" in k8s(schedule, "registry.example.org/mine@sha256:0")
    assert "Printed by hero-gate jobs emit systemd" in systemd(Path("/mine"), "true")


def test_a_workflow(schedule: Schedule) -> None:
    text = github_actions(schedule)
    workflow = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader makes text alone, and `on` no true
    assert workflow["on"]["schedule"] == [{"cron": "*/5 * * * *"}]
    steps = workflow["jobs"]["tick"]["steps"]
    (tick,) = (step for step in steps if "tick" in step.get("run", ""))
    assert tick["run"].endswith("automation tick --without emergency_tripwire --wait")
    assert "# Left out, since GitHub fires at most every 5 minutes: emergency_tripwire." in text
    assert tick["env"]["HERO_GATE_APPRISE_URLS"] == "${{ secrets.HERO_GATE_APPRISE_URLS }}"
    kept = [step["with"]["path"].split() for step in steps if "cache" in step.get("uses", "")]
    assert kept == [["reports/out", "configs/state", ".hero-gate-cache"]] * 2
