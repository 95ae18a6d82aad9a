"""What do other timers than cron need in order to tick? Units of systemd, a CronJob of Kubernetes, a GitHub workflow.

A started process does not outlive its container, so there each tick waits for what it started. No timer is told the
local times of the schedule: they skip or double them in nights whose clock changes (measured for robfig/cron, which
Kubernetes uses; documented for GitHub). They tick as often as they can, and the tick knows what is due.
"""

from pathlib import Path
from typing import Any

import jinja2

from automation.schedule import Schedule, parsed
from gates.place import HERE
from reports.render.site import environment

#: GitHub's shortest interval.
GITHUB_MINUTES = 5
TEMPLATES = environment().overlay(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=False,  # YAML: texts of the schedule are written as JSON
    block_start_string="<%", block_end_string="%>",  # GitHub's own expressions have braces
    variable_start_string="<<", variable_end_string=">>",
)  # fmt: skip


def door() -> dict[str, Any]:
    """How a tick is asked for, and whether of an installed tool."""
    return {"asked": HERE.typed("python -m automation"), "installed": HERE.installed}


def systemd(root: Path, command: str) -> str:
    """A shell script that puts a service and its timer in place and starts them; the service runs this command."""
    folder = str(root).replace("%", "%%")  # systemd expands it, and in quotes more
    signs = {"%": "%%", "$": "$$", "\\": "\\\\", '"': '\\"'}
    quoted = command.translate({ord(sign): written for sign, written in signs.items()})
    return TEMPLATES.get_template("systemd.sh.j2").render(folder=folder, command=quoted, **door())


def k8s(schedule: Schedule, image: str) -> str:
    """A CronJob that ticks every minute, and the volume and the secret that its pods share."""
    longest = max(job.max_lateness_minutes + job.timeout_minutes for job in schedule.jobs)
    return TEMPLATES.get_template("k8s.yaml.j2").render(image=image, seconds=int(longest * 60), **door())


def github_actions(schedule: Schedule) -> str:
    """A workflow that ticks for all jobs but those that are due more often than it can fire."""
    left_out = [job.name for job in schedule.jobs if len(parsed(job.cron).minutes) > 60 / GITHUB_MINUTES]
    longest = max(job.timeout_minutes for job in schedule.jobs)
    return TEMPLATES.get_template("github-actions.yaml.j2").render(
        left_out=left_out, minutes=GITHUB_MINUTES, timeout=int(longest) + 30, **door()
    )
