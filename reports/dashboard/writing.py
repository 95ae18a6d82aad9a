"""How is the dashboard written? Whole, into the state of configs, by whoever changed what it tells."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from gates.archive import mark
from gates.errors import GateError
from gates.place import HERE
from reports.attestation import trust
from reports.escaping import elsewhere
from reports.model.dashboard import Dashboard
from reports.promotion.conditions import Wanted
from reports.render.site import environment

PAGE = "dashboard.html"
#: Seconds to wait for another writer: each looks only once it is alone, so the last one tells what all have changed.
_PATIENCE = 5.0
#: Mark -> its tone on the page, and what it means.
MARKS = {
    "+": ("m-hold", "well"),
    "x": ("m-broken", "needs a person now"),
    "!": ("m-open", "open, to be seen to by a date"),
    "?": ("m-open", "not evidenced"),
}


def looked_at(configs: Path, artifacts: Path) -> Wanted:
    """Where somebody looks who wants nothing changed."""
    try:
        root = trust.read_trust(None)
    except GateError:
        root = trust.NO_KEYS
    return Wanted(artifacts=artifacts, configs=configs, by="", why="", root=root, now=datetime.now(UTC))


def write_dashboard(asked: Wanted, by: str) -> str:
    """Write what stands now; "" or one line on why it could not be. Raises nothing: what was done stands."""
    try:
        from filelock import FileLock

        from evidence.files import write_whole
        from reports.dashboard.tiles import told_now

        with FileLock(mark(asked.state) / ".dashboard.lock", timeout=_PATIENCE):
            write_whole(asked.state / PAGE, render_dashboard(told_now(asked, by)))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        return f"dashboard: not written ({reason}); {HERE.typed('./hero-gate dashboard')} writes it"
    return ""


def render_dashboard(board: Dashboard) -> str:
    """The whole page; every text in it is escaped."""
    write = HERE.typed(" ".join(("./hero-gate dashboard", *elsewhere(board.configs, board.artifacts))))
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
