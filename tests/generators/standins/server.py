# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a service: real HTTP on the loopback, a clock that tests move, faults that tests switch on."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

START = 1_800_000_000.0


class FastClock:
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        self._now = START
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    #: send only so many bytes of the body although its full length was promised
    cut: int | None = None
    #: close the connection without any answer
    drop: bool = False
    #: send zeros without end and without a length
    endless: bool = False


def answer(status: int, body: Any, **headers: str) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})


@dataclass
class Seen:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, list[bytes]]:
        """Fields of a multipart body, in their order."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = BytesParser(policy=HTTP).parsebytes(head + self.body)
        fields: dict[str, list[bytes]] = {}
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            fields.setdefault(str(name), []).append(part.get_payload(decode=True))
        return fields


@dataclass
class Task:
    id: str
    created: float
    kind: str
    body: Any


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up, as a download that is too large makes them, are no news."""


class StandIn:
    """Base of all stand-ins: tasks that go from queued to running to done by the clock.

    `faults` maps a place (`create`, `status`, `download`, …) to replies that are given first, in order.
    `fail`, `moderated`, `stuck` and `frozen` switch how every task ends.
    """

    queued, running = 4.0, 20.0

    def __init__(self, model: bytes, clock: FastClock) -> None:
        self.model, self.clock = model, clock
        self.tasks: dict[str, Task] = {}
        self.seen: list[Seen] = []
        self.faults: dict[str, list[Reply]] = {}
        self.fail, self.moderated, self.stuck, self.frozen = "", "", False, False
        self.most_active = 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                outer.serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = _serve

            def log_message(self, *args: object) -> None:
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> StandIn:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    # what a contract says ------------------------------------------------------------------------------

    def route(self, seen: Seen) -> Reply:
        raise NotImplementedError

    # shared parts -------------------------------------------------------------------------------------

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {k.lower(): v for k, v in handler.headers.items()}
        seen = Seen(handler.command, parts.path, parse_qs(parts.query), headers, body)
        with self._lock:
            self.seen.append(seen)
            reply = self.route(seen)
        if reply.drop:
            handler.close_connection = True
            handler.connection.close()
            return
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        if reply.endless:
            handler.send_header("Connection", "close")
            handler.end_headers()
            handler.close_connection = True
            try:
                while True:
                    handler.wfile.write(bytes(1 << 20))
            except OSError:
                return
        handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        sent = reply.body if reply.cut is None else reply.body[: reply.cut]
        handler.wfile.write(sent)
        if reply.cut is not None:
            handler.close_connection = True

    def fault(self, place: str) -> Reply | None:
        waiting = self.faults.get(place)
        return waiting.pop(0) if waiting else None

    def begin(self, kind: str, body: Any) -> Task:
        task = Task(f"task-{len(self.tasks) + 1}", self.clock.now(), kind, body)
        self.tasks[task.id] = task
        active = sum(self.state(t)[0] in ("queued", "running") for t in self.tasks.values())
        self.most_active = max(self.most_active, active)
        return task

    def state(self, task: Task) -> tuple[str, int]:
        """`queued`, `running`, `done`, `failed` or `moderated`, and the progress."""
        age = self.clock.now() - task.created
        if age < self.queued:
            return "queued", 0
        if self.frozen:
            return "running", 99
        if self.stuck or age < self.queued + self.running:
            return "running", min(99, int(100 * (age - self.queued) / self.running))
        if self.moderated:
            return "moderated", 100
        return ("failed", 100) if self.fail else ("done", 100)

    def file(self, seen: Seen) -> Reply:
        """The download host's part; it must never see a key."""
        assert "authorization" not in seen.headers, "a key went to the download host"
        return self.fault("download") or Reply(200, self.model, {"Content-Type": "model/gltf-binary"})

    def calls(self, method: str, start: str) -> list[Seen]:
        return [s for s in self.seen if s.method == method and s.path.startswith(start)]
