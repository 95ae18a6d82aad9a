"""What do other timers need in order to tick? A Kubernetes CronJob and a GitHub Actions workflow, printed as YAML.

There a started process does not outlive its container, so each tick waits for what it started. Neither timer is told
the local times of the schedule: both skip or double them in nights whose clock changes (measured for robfig/cron, which
Kubernetes uses; documented for GitHub). They tick as often as they can, and the tick knows what is due.
"""

from pathlib import Path

import jinja2

from automation.schedule import Schedule, parsed

#: GitHub's shortest interval.
GITHUB_MINUTES = 5
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


def k8s(schedule: Schedule, image: str) -> str:
    """A CronJob that ticks every minute, and the volume and the secret that its pods share."""
    longest = max(job.max_lateness_minutes + job.timeout_minutes for job in schedule.jobs)
    return TEMPLATES.get_template("k8s.yaml.j2").render(image=image, seconds=int(longest * 60))


def github_actions(schedule: Schedule) -> str:
    """A workflow that ticks for all jobs but those that are due more often than it can fire."""
    jobs, left_out = list[str](), list[str]()
    for job in schedule.jobs:
        minutes = sorted(parsed(job.cron).minutes)
        gaps = [later - earlier for earlier, later in zip(minutes, [*minutes[1:], minutes[0] + 60], strict=True)]
        (left_out if min(gaps) < GITHUB_MINUTES else jobs).append(job.name)
    longest = max(job.timeout_minutes for job in schedule.jobs)
    return TEMPLATES.get_template("github-actions.yaml.j2").render(
        jobs=jobs, left_out=left_out, minutes=GITHUB_MINUTES, timeout=int(longest) + 30
    )
