"""What do other timers need in order to tick? Kubernetes CronJobs and a GitHub Actions workflow, printed as YAML.

There a started process does not outlive its container, so each job gets an entry of its own that ticks for this job and
waits for it. Neither timer is told the local time of the schedule: both skip or double it in nights whose clock changes
(measured for robfig/cron, which Kubernetes uses; documented for GitHub). They fire in UTC, at every UTC time that the
local one can fall on in the two coming years, and the tick finds out which of these is the slot.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from automation.schedule import Schedule, ScheduledJob, parsed

#: GitHub's shortest interval.
GITHUB_MINUTES = 5
MOUNT = "/hero-gate"


def utc_cron(job: ScheduledJob, now: datetime) -> str:
    """Five fields in UTC that fire whenever the job can be due, and at few other times."""
    zone, fields = ZoneInfo(job.zone), parsed(job.cron)
    days = (now + timedelta(days=n) for n in range(-1, 731))
    offsets = {day.astimezone(zone).utcoffset() or timedelta(0) for day in days}
    minutes, hours, weekdays = set(), set(), set()
    for offset in offsets:
        for hour in fields.hours:
            for minute in fields.minutes:
                utc = timedelta(hours=hour, minutes=minute) - offset
                shift, rest = divmod(utc, timedelta(days=1))
                hours.add(rest.seconds // 3600)
                minutes.add(rest.seconds // 60 % 60)
                weekdays |= {(day + shift) % 7 for day in fields.weekdays if isinstance(day, int)}
    on_all_days = not fields.day_and or not all(isinstance(day, int) for day in fields.weekdays)
    return f"{_field(minutes, 60)} {_field(hours, 24)} * * {'*' if on_all_days else _field(weekdays, 7)}"


def k8s(schedule: Schedule, image: str, now: datetime) -> str:
    """One CronJob for each job, and the volume that they share."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "hero-gate"},
        # Ledger and lanes are a SQLite file and file locks: all pods on one node, on a disk of that node.
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
    }
    documents = [claim, *(_cron_job(job, image, now) for job in schedule.jobs)]
    head = [
        "Ticks of Hero Gate, one CronJob for each job. Printed by python -m automation emit k8s.",
        f"The image holds the checkout at {MOUNT} and its Python on the PATH. The volume must be one disk of one node",
        "(ReadWriteOnce, no network file system): SQLite and file locks do not work elsewhere.",
        "Times are UTC: each local time at both of its offsets; the tick knows which one is due.",
    ]
    return _commented(head) + "---\n".join(_yaml(document) for document in documents)


def _cron_job(job: ScheduledJob, image: str, now: datetime) -> dict[str, Any]:
    container = {
        "name": "tick",
        "image": image,
        "workingDir": MOUNT,
        "command": ["python", "-m", "automation", "tick", "--job", job.name, "--wait"],
        "volumeMounts": [{"name": "out", "mountPath": f"{MOUNT}/reports/out"}],
    }
    seconds = (job.max_lateness_minutes + int(job.timeout_minutes)) * 60
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": f"hero-gate-{job.name.replace('_', '-')}"[:52],
            "annotations": {"hero-gate/owner": job.owner, "hero-gate/cron": f"{job.cron} {job.zone}"},
        },
        "spec": {
            "schedule": utc_cron(job, now),
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": max(60, job.max_lateness_minutes * 60),
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": 0,  # the ledger says what is repeated
                    "activeDeadlineSeconds": seconds,
                    "template": {
                        "spec": {
                            "restartPolicy": "Never",
                            "containers": [container],
                            "volumes": [{"name": "out", "persistentVolumeClaim": {"claimName": "hero-gate"}}],
                        }
                    },
                }
            },
        },
    }


def github_actions(schedule: Schedule, now: datetime) -> str:
    """A workflow whose schedule entries each tick for the jobs that they stand for."""
    entries: dict[str, list[str]] = {}
    left_out = []
    for job in schedule.jobs:
        minutes = sorted(parsed(job.cron).minutes)
        gaps = [later - earlier for earlier, later in zip(minutes, [*minutes[1:], minutes[0] + 60], strict=True)]
        if min(gaps) < GITHUB_MINUTES:
            left_out.append(job.name)
        else:
            entries.setdefault(utc_cron(job, now), []).append(job.name)
    options = {cron: " ".join(f"--job {name}" for name in names) for cron, names in entries.items()}
    jobs = "fromJSON(env.ENTRIES)[github.event.schedule] || inputs.jobs"
    key = f"hero-gate-${{{{ {jobs} }}}}-"  # the cron line itself may not stand in a cache's key: it has commas
    ledger = "reports/out/automation"
    steps: list[dict[str, Any]] = [
        {"uses": "actions/checkout@v4"},
        {"uses": "actions/setup-python@v5", "with": {"python-version": "3.11"}},
        {"run": "make .venv/runtime.done"},
        {
            "uses": "actions/cache/restore@v4",
            "with": {"path": ledger, "key": f"{key}${{{{ github.run_id }}}}", "restore-keys": key},
        },
        {
            "run": ".venv/bin/python -m automation tick $JOBS --wait",
            "env": {"JOBS": f"${{{{ {jobs} }}}}"},
        },
        {
            "if": "always()",
            "uses": "actions/cache/save@v4",
            "with": {"path": ledger, "key": f"{key}${{{{ github.run_id }}}}"},
        },
        {
            "if": "always()",
            "uses": "actions/upload-artifact@v4",
            "with": {"name": "jobs", "path": "reports/out", "if-no-files-found": "ignore"},
        },
    ]
    longest = max((job.timeout_minutes for job in schedule.jobs if job.name not in left_out), default=60)
    workflow = {
        "name": "Hero Gate: scheduled jobs",
        "on": {
            "schedule": [{"cron": cron} for cron in options],
            "workflow_dispatch": {
                "inputs": {"jobs": {"description": "--job NAME of what is due", "required": True, "type": "string"}}
            },
        },
        "permissions": {"contents": "read"},
        "concurrency": {"group": "hero-gate-${{ github.event.schedule || inputs.jobs }}", "cancel-in-progress": False},
        "env": {"ENTRIES": json.dumps(options)},
        "jobs": {"tick": {"runs-on": "ubuntu-latest", "timeout-minutes": int(longest) + 30, "steps": steps}},
    }
    head = [
        "Ticks of Hero Gate for GitHub Actions. Printed by python -m automation emit github-actions.",
        "Times are UTC: each local time at both of its offsets; the tick knows which one is due.",
        "GitHub may delay or drop a firing in busy hours, and stops schedules of public repositories after 60 days",
        "without activity. The ledger travels in the cache; one that is lost starts anew.",
    ]
    if left_out:
        head.append(
            f"Left out, since GitHub fires at most every {GITHUB_MINUTES} minutes: {', '.join(left_out)}. "
            "Run it by crontab, systemd or k8s."
        )
    return _commented(head) + _yaml(workflow)


def _field(values: Iterable[int], size: int) -> str:
    """A set of numbers as a cron field."""
    numbers = sorted(set(values))
    if len(numbers) == size:
        return "*"
    if len(numbers) > 2:
        step = numbers[1] - numbers[0]
        if step > 1 and numbers == list(range(0, size, step)):
            return f"*/{step}"
        if numbers == list(range(numbers[0], numbers[-1] + 1)):
            return f"{numbers[0]}-{numbers[-1]}"
    return ",".join(map(str, numbers))


def _commented(lines: list[str]) -> str:
    return "".join(f"# {line}\n" for line in lines)


def _yaml(document: dict[str, Any]) -> str:
    return str(yaml.safe_dump(document, sort_keys=False, width=1000))
