"""What does somebody open who asks what serves now, and whether anything needs a person? `dashboard.html`."""

import shlex
from datetime import UTC, datetime
from functools import cache

import jinja2
from markupsafe import Markup

from gates.place import HERE
from reports.model.dashboard import Dashboard
from reports.render.site import environment

#: Mark -> its tone on the page, and what it means.
MARKS = {
    "+": ("m-hold", "well"),
    "x": ("m-broken", "needs a person now"),
    "!": ("m-open", "open, to be seen to by a date"),
    "?": ("m-open", "not evidenced"),
}


def render_dashboard(board: Dashboard) -> str:
    """The whole page; every text in it is escaped."""
    usual = (("--configs", board.configs, "configs"), ("--artifacts", board.artifacts, "reports/out"))
    elsewhere = [shlex.quote(f"{option}={place}") for option, place, default in usual if place != default]
    write = HERE.typed(" ".join(("./hero-gate dashboard", *elsewhere)))
    return _environment().get_template("dashboard.html.j2").render(board=board, write=write)


def moment(at: datetime, after: datetime | None = None) -> Markup:
    """A time that people and machines read; without its day where that is the one of the time named before."""
    local = at.astimezone(UTC)
    day = "" if after and after.astimezone(UTC).date() == local.date() else f"{local:%Y-%m-%d} "
    return Markup('<time datetime="{}">{}{:%H:%M} UTC</time>').format(at.isoformat(), day, local)


@cache
def _environment() -> jinja2.Environment:
    found = environment("dashboard.js")
    found.globals.update(MARKS=MARKS, moment=moment)
    return found
