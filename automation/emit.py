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
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2

from automation.schedule import Schedule, ScheduledJob, parsed

#: GitHub's shortest interval.
GITHUB_MINUTES = 5
#: Which jobs a firing of the workflow ticks for, as GitHub finds it out.
CHOSEN = "${{ fromJSON(env.ENTRIES)[github.event.schedule] || inputs.jobs }}"
TEMPLATES = jinja2.Environment(  # << >> and <% %>: GitHub's own expressions have braces
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # YAML: texts of the schedule are written as JSON
    block_start_string="<%",
    block_end_string="%>",
    variable_start_string="<<",
    variable_end_string=">>",
    trim_blocks=True,
    keep_trailing_newline=True,
)


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
    template = TEMPLATES.get_template("k8s.yaml.j2")
    return template.render(jobs=schedule.jobs, image=image, utc_cron=lambda job: utc_cron(job, now))


def github_actions(schedule: Schedule, now: datetime) -> str:
    """A workflow whose schedule entries each tick for the jobs that they stand for."""
    entries, left_out, longest = dict[str, str](), list[str](), 0.0
    for job in schedule.jobs:
        minutes = sorted(parsed(job.cron).minutes)
        gaps = [later - earlier for earlier, later in zip(minutes, [*minutes[1:], minutes[0] + 60], strict=True)]
        if min(gaps) < GITHUB_MINUTES:
            left_out.append(job.name)
            continue
        cron, longest = utc_cron(job, now), max(longest, job.timeout_minutes)
        entries[cron] = f"{entries[cron]} --job {job.name}" if cron in entries else f"--job {job.name}"
    return TEMPLATES.get_template("github-actions.yaml.j2").render(
        entries=entries,
        left_out=left_out,
        minutes=GITHUB_MINUTES,
        timeout=int(longest or 60) + 30,
        chosen=CHOSEN,
        dumps=json.dumps,
    )


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
