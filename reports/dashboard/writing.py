"""How is the dashboard written? Whole, into the state of configs, by whoever changed what it tells."""

from datetime import UTC, datetime
from pathlib import Path

from gates.archive import mark
from gates.errors import GateError
from gates.place import HERE
from reports.attestation import trust
from reports.promotion.conditions import Wanted

PAGE = "dashboard.html"
#: Seconds to wait for another writer: each looks only once it is alone, so the last one tells what all have changed.
_PATIENCE = 5.0


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
        from reports.render.dashboard import render_dashboard

        with FileLock(mark(asked.state) / ".dashboard.lock", timeout=_PATIENCE):
            write_whole(asked.state / PAGE, render_dashboard(told_now(asked, by)))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        return f"dashboard: not written ({reason}); {HERE.typed('./hero-gate dashboard')} writes it"
    return ""
