"""With which exit status may a canary end, and who says so?

0 PROMOTE, 20 ROLLBACK, 10 HOLD: of a decision that is signed, and of nothing else. Any other is no decision: 2 it was
interrupted, 3 the gate or another plugin failed, 4 a mistake in options or configuration, 5 no gate was asked to run.
Jobs and batteries use the same: 20 something is shown broken, 10 something is not evidenced. Python and pytest end with
1 for a dozen reasons, so it says nothing here (docs/adr/0014).
"""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from gates.verdicts import Decision

EXIT = {Decision.PROMOTE: 0, Decision.ROLLBACK: 20, Decision.HOLD: 10}
#: The variable that names a file in which scheduled jobs also leave what they found: the alert of each tells it.
FINDINGS = "HERO_GATE_FINDINGS"
BROKEN, NOT_EVIDENCED = EXIT[Decision.ROLLBACK], EXIT[Decision.HOLD]
INTERRUPTED, FAILED, MISTAKE, NO_GATE = 2, 3, 4, 5
#: With these pytest tells how a run ended; they stay, whatever was decided from what had been reported.
ENDED_OTHERWISE = (INTERRUPTED, FAILED, MISTAKE)


class Ending:
    """How a canary's process ends. Whatever is no decision is told in one line on standard error."""

    def __init__(self, tells: str) -> None:
        self.stands = "nothing was decided"  # what is on record, in words
        self._tells = tells  # the option with which no gate runs, "" in a canary
        self._signed: int | None = None  # the status that was set when the decision was signed
        self._why = ""  # what failed first
        self._warned = ""  # what is told last of a decision that is not enforced
        self._errors = 2

    def signed(self, status: int, stands: str, warned: str = "") -> None:
        """The decision is signed, and the run is to end with this status."""
        self._signed, self.stands, self._warned = status, stands, warned

    def failed(self, error: BaseException) -> None:
        """This was raised: the run ends with 3, whatever is on record. What was raised first is told."""
        self._why = self._why or _said(error)

    def status(self, returned: int) -> int:
        """The status that the process may end with, where pytest `returned` this one."""
        status = returned if returned in ENDED_OTHERWISE else NO_GATE if self._tells else FAILED
        if self._why:
            status, why = FAILED, self._why
        elif self._tells:
            why = f"{self._tells} runs no gate"
        elif returned in ENDED_OTHERWISE:
            why = "interrupted" if returned == INTERRUPTED else "the run broke off, as told above"
        elif returned != self._signed:
            why = f"pytest ended with {returned}"
        else:
            if self._warned:
                self._tell(self._warned)
            return returned
        self._tell(f"exit status {status}: {why}; {self.stands}")
        return status

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Let os._exit, with which pytest-timeout ends a run from a thread, end this process with 3 and a line."""
        really, process = os._exit, os.getpid()

        def leave(status: int) -> NoReturn:
            if os.getpid() != process:  # a child that was forked ends as it likes
                really(status)
            self._tell(f"exit status {FAILED}: os._exit({status}) was called; {self.stands}")
            really(FAILED)

        with suppress(OSError):  # while an item runs, pytest keeps what is written to 2
            self._errors = os.dup(2)
        os._exit = leave
        try:
            yield
        finally:
            os._exit = really
            unsaid = _flush()  # always, or Python itself flushes at the end, and ends with 120
            self._why = self._why or unsaid

    def _tell(self, line: str) -> None:
        with suppress(OSError):  # who closed standard error does not want to hear it
            os.write(self._errors, f"{line}\n".encode(errors="replace"))


def tell_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> NoReturn:
    """For sys.excepthook: what nobody caught ends with a line, where Python tells all of it and ends with 1."""
    status = INTERRUPTED if isinstance(error, KeyboardInterrupt) else FAILED
    _flush()
    with suppress(OSError):
        os.write(2, f"exit status {status}: {_said(error)}; this run decides nothing more\n".encode(errors="replace"))
    os._exit(status)


def _said(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<")]
    where = "".join(f" ({Path(frame.filename).name}:{frame.lineno})" for frame in frames[-1:])
    said = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}{': ' if said else ''}{said}{where}"


def _flush() -> str:
    """Why what was printed did not get out, "" where it did. Python would end with 1 or 120, after everything."""
    if sys.stdout is None:  # closed before we began, and pytest flushes it
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return f"standard output: {error}"
    return ""
