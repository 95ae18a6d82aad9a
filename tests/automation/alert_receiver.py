"""Who listens on this machine? A web server on loopback that keeps what it is sent; and an alert to send."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from reports.alerts.event import Event
from reports.alerts.rules import Delivery

#: When these tests began, however long ago that is.
NOW = datetime.now(UTC).replace(microsecond=0)
Reply = tuple[int, dict[str, str], str]  # status, headers, text


@dataclass
class Receiver:
    """What came, and what is answered."""

    answers: list[Reply] = field(default_factory=list)  # used up first to last ...
    always: Reply = (202, {}, "{}")  # ... then this
    got: list[tuple[str, Any]] = field(default_factory=list)  # (path, JSON)
    url: str = ""
    seconds: float = 0.0  # until it answers

    def bodies(self, path: str = "") -> list[Any]:
        """What came to a path, the first first."""
        return [body for at, body in list(self.got) if at.startswith(path)]


@contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            receiver.got.append((self.path, content))
            time.sleep(receiver.seconds)
            status, headers, text = receiver.answers.pop(0) if receiver.answers else receiver.always
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_GET(self) -> None:
            receiver.got.append((self.path, None))
            self.send_response(receiver.always[0])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield receiver
        server.shutdown()


def delivery(**named: Any) -> Delivery:
    """As it stands in alerts.yaml."""
    return Delivery.model_validate(named)


def rollback(**changed: Any) -> Event:
    """A hero that was rolled back in replay a minute ago."""
    at = (NOW - timedelta(minutes=1)).isoformat()
    event = Event(
        kind="rollback", hero="lexical", config="7c1e9a04b2d35f88", check="sla_recall_at_50_delta", observed="2.0 pt",
        limit="2.0 pt", title="ROLLBACK lexical at 25 %: SLA-Recall@50 lost 2.0 pt, limit 2.0 pt", text="shown broken",
        since=at, seen_at=at, owner="Search Engineering", command="python -m reports.attestation show reports/out",
        run_id="20261201T101500Z-c0ffee", exposure="replay",
    )  # fmt: skip
    return replace(event, **changed)


def lines(path: Path) -> list[Any]:
    """A file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
