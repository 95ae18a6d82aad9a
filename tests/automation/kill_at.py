"""Runs a module of automation and kills its own process with SIGKILL at the n-th step that leaves a trace.

    KILL_AT=17,35 python kill_at.py automation --ledger=at{}/... tick

Several numbers are tried in a child each, and the exit status is how many were killed; the number takes the place of {}
in the arguments. Such a step is a call of one of STEPS by code of automation (or by subprocess on its behalf): each
counts twice, before and after. With KILL_AT=0 nothing is killed, and the number of steps is written to STEPS_TO.
"""

import atexit
import os
import runpy
import signal
import sys
from itertools import islice
from pathlib import Path
from traceback import walk_stack
from types import FrameType
from typing import Any

STEPS = {
    "execute", "executemany", "executescript", "connect", "close", "open", "flock", "write", "fsync", "pread", "pipe",
    "fork_exec", "mkdir", "replace", "rename", "unlink", "killpg", "waitpid", "exit",
}  # fmt: skip
OF_OURS = (f"{os.sep}automation{os.sep}", f"{os.sep}evidence{os.sep}", "subprocess.py", "pathlib.py")

count = 0
points = [int(point) for point in os.environ["KILL_AT"].split(",")]
last = points[0]


def watch(frame: FrameType, event: str, argument: Any) -> None:
    global count
    if event not in ("c_call", "c_return") or getattr(argument, "__name__", "") not in STEPS:
        return
    code = frame.f_code.co_filename
    name = os.path.basename(code)
    if not any(part in code for part in OF_OURS) or "alert" in name or "outbox" in name:
        return
    callers = islice(walk_stack(frame.f_back), 3)
    if "pathlib" in code and not any("automation" in caller.f_code.co_filename for caller, _ in callers):
        return
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)


module = sys.argv.pop(1)
sys.path.insert(0, os.getcwd())
from automation import alerts, outbox, schedule_file, supervisor  # noqa: E402, F401 - not to be watched while they are imported

killed = 0
for point in points if len(points) > 1 else ():
    child = os.fork()
    if child == 0:
        last = point
        break
    killed += os.waitpid(child, 0)[1] == signal.SIGKILL
else:
    if len(points) > 1:
        sys.exit(killed)
sys.argv = [word.replace("{}", str(last)) for word in sys.argv]
if last == 0:
    atexit.register(lambda: Path(os.environ["STEPS_TO"]).write_text(str(count)))
sys.setprofile(watch)
runpy.run_module(module, run_name="__main__", alter_sys=True)
