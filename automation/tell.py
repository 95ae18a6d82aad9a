"""Who is told of the events that were raised? The file first, then the listener; what fails is tried again."""

from __future__ import annotations

from automation.events import Told, append_events, writing
from automation.ledger import Ledger


def write_events(ledger: Ledger) -> None:
    """Append to the file what is not yet written there."""
    if not ledger.untold("written"):
        return
    path = ledger.path.parent / "events.jsonl"
    with writing(path):
        events = ledger.untold("written")  # another process may have written them meanwhile
        if events:
            append_events(path, events)
            with ledger.transaction():
                ledger.mark("written", events)


def tell(ledger: Ledger, told: Told | None) -> list[str]:
    """Tell every event that is not yet told; the problems met, in lines.

    A listener that raises an error must not stop the schedule: the next tick calls it again with the same events.
    """
    write_events(ledger)
    events = ledger.untold("told")
    if not events:
        return []
    try:
        if told is not None:
            told(events)
    except Exception as error:
        name = f"{type(error).__name__}: {error}".partition("\n")[0]
        return [f"{len(events)} events could not be told ({name}); they are told again with the next tick"]
    with ledger.transaction():
        ledger.mark("told", events)
    return []
