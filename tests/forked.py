"""Runs `python -m MODULE ...` as a process of its own that need not begin anew: a fork of one that has imported all.

Importing is most of what a short gate takes. The fork has its own folder, environment, output and end, as any process
has: signals, os._exit and what Python does at its end are real. It shares the seed of its hashes with the other forks.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from execnet import gateway_io
from execnet.gateway_base import ExecModel, Popen2IO

from gates.errors import GateError

ROOT = Path(__file__).parents[1]
#: Rooms, and what is imported by the others; no plugin, since pytest rewrites its asserts.
ROOMS = ("gates", "evidence", "fixtures", "rollout", "reports")
OTHERS = (
    "pytest", "execnet", "allure_commons", "attr", "matplotlib.figure", "matplotlib.backends.backend_svg", "pandas",
    "jinja2", "rich.console", "rich.table", "securesystemslib.signer", "faiss", "tantivy", "tokenizers",
)  # fmt: skip


def run(
    command: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None, timeout: float = 180
) -> subprocess.CompletedProcess[str]:
    """As subprocess.run([sys.executable, "-m", *command], ...) does, with both outputs as text."""
    with _ONE, tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as err:
        server = _server()
        assert server.stdin is not None
        assert server.stdout is not None
        files = [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (out, err)]
        asked = {"command": list(command), "cwd": str(cwd), "env": dict(os.environ if env is None else env)}
        server.stdin.write(json.dumps({**asked, "files": files}).encode() + b"\n")
        pid = int(server.stdout.readline())
        if not select.select([server.stdout], [], [], timeout)[0]:
            os.kill(pid, 9)
        status = int(server.stdout.readline())
        told = [(file.seek(0), file.read().decode(errors="replace"))[1] for file in (out, err)]
    return subprocess.CompletedProcess(list(command), status, *told)


_ONE = threading.Lock()  # the server answers one request after the other
Act = Callable[[], object]


def in_a_process(act: Act, begin: Act = lambda: None) -> int:
    """A process that acts and ends with 0, or with 1 where it is refused; its id."""
    with warnings.catch_warnings(action="ignore"):  # of threads: none runs Python
        pid = os.fork()
    if pid:
        return pid
    status = 3  # anything that nobody foresaw
    try:
        begin()
        act()
        status = 0
    except GateError:
        status = 1
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def ended(pid: int) -> int:
    """Its exit status, -9 for one that was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@functools.cache
def _server() -> subprocess.Popen[bytes]:
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.forked"], cwd=ROOT, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    atexit.register(lambda: server.communicate())
    return server


def serve() -> list[str]:
    """Fork for each request, and tell its end; in the fork, return what is to be run."""
    os.chdir(ROOT)
    requests, replies = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for module in (*OTHERS, *(m for room in ROOMS for m in _modules(room))):
        importlib.import_module(module)
    _warm()
    gc.freeze()
    while line := requests.readline():
        with warnings.catch_warnings(action="ignore"):  # of threads: none runs Python
            pid = os.fork()
        if not pid:
            requests.close()
            replies.close()
            return _become(**json.loads(line))
        for told in (pid, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])):
            replies.write(f"{told}\n")
            replies.flush()
    os._exit(0)


def _warm() -> None:
    """Compile the pages' templates and find the fonts of plots: a third of what a short gate takes."""
    from reports.model.pictures import picture_of
    from reports.render.figures import picture_svg
    from reports.render.pages import _environment

    for name in ("index.html", "queries.html", "changed.html", "allure.html", "summary.md", "page.css"):
        _environment().get_template(f"{name}.j2")
    picture_svg("", picture_of("warm", "", "", "nothing"))


def _modules(room: str) -> list[str]:
    found = pkgutil.walk_packages([str(ROOT / room)], f"{room}.")
    return [m.name for m in found if not m.name.endswith(("plugin", "__main__"))]


def _become(command: list[str], cwd: str, env: dict[str, str], files: list[str]) -> list[str]:
    for number, (name, how) in enumerate(zip((os.devnull, *files), (os.O_RDONLY, os.O_RDWR, os.O_RDWR), strict=True)):
        os.dup2(os.open(name, how), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    if Path(cwd, "stand_in").exists():  # of reports
        for name in [name for name in sys.modules if name.partition(".")[0] == "reports"]:
            del sys.modules[name]
    path = [entry for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:] = [cwd, *path, *(entry for entry in sys.path if entry not in ("", str(ROOT)))]
    if any(word.startswith("-n") and word != "-n0" for word in command):
        _fork_workers()
    return command


def _fork_workers() -> None:
    """Let execnet begin workers as forks of this process as it is now: it has imported all, and begun nothing."""
    here, there = socket.socketpair()
    if not os.fork():
        here.close()
        _nurse(there)
    there.close()

    class Worker(gateway_io.Popen2IOMaster):
        """What execnet knows of a worker: two pipes, and how to end it."""

        def __init__(self, args: Sequence[str], execmodel: ExecModel) -> None:
            pipes = os.pipe(), os.pipe()
            environ = json.dumps(dict(os.environ)).encode()
            socket.send_fds(here, [len(environ).to_bytes(4)], [pipes[0][0], pipes[1][1]])
            here.sendall(environ)
            self.pid = int.from_bytes(here.recv(4))
            os.close(pipes[0][0])
            os.close(pipes[1][1])
            Popen2IO.__init__(self, os.fdopen(pipes[0][1], "wb"), os.fdopen(pipes[1][0], "rb"), execmodel=execmodel)

        def wait(self) -> None:
            while Path(f"/proc/{self.pid}").exists():
                time.sleep(0.01)

        def kill(self) -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    gateway_io.Popen2IOMaster = Worker


def _nurse(asked: socket.socket) -> None:
    """Fork a worker for each request, until nobody is there to ask."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    while True:
        size, files, _, _ = socket.recv_fds(asked, 4, 2)
        if not size:
            os._exit(0)
        environ = json.loads(asked.recv(int.from_bytes(size), socket.MSG_WAITALL))
        if pid := os.fork():
            asked.sendall(pid.to_bytes(4))
            for file in files:
                os.close(file)
            continue
        asked.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.environ.clear()
        os.environ.update(environ)
        exec(gateway_io.popen_bootstrapline, {"__name__": "__main__"})
        sys.exit()


if __name__ == "__main__":
    module, *sys.argv[1:] = serve()
    runpy.run_module(module, run_name="__main__", alter_sys=True)
