# SPDX-License-Identifier: Apache-2.0
"""The host's side: hand a request to the fork server, wait within the wall limit, read the answer."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO, Any

from pipeline import errors
from pipeline.sandbox.limits import MB, Limits
from pipeline.sandbox.worker import KEPT_ENVIRONMENT

#: an answer longer than this is refused: reports are small
ANSWER_LIMIT = 32 << 20


@dataclass(frozen=True, slots=True)
class Ran:
    """What a worker gave back and what it used."""

    result: Any
    seconds: float
    cpu: float
    peak_mb: float
    active: dict[str, Any]


class _Host:
    """One fork server for this process, started when first needed and again if it died."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.owner = 0
        self.control: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.said: IO[bytes] | None = None

    def why(self) -> str:
        """The last thing a server said that died before it served; empty while it lives."""
        process, said = self.process, self.said
        if process is None or said is None:
            return ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        if process.returncode is None:
            return ""
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else f"exit {process.returncode}"

    def send(self, descriptors: list[int]) -> None:
        with self.lock:
            for attempt in (0, 1):
                control = self._running()
                try:
                    socket.send_fds(control, [b"job"], descriptors)
                    return
                except OSError:
                    self._drop()
                    if attempt:
                        raise

    def start(self) -> None:
        with self.lock:
            self._running()

    def stop(self) -> None:
        with self.lock:
            process = self.process if self.owner == os.getpid() else None
            self._drop()
            if process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(5)

    def _running(self) -> socket.socket:
        if self.control is not None and self.owner == os.getpid() and self.process is not None:
            if self.process.poll() is None:
                return self.control
            self._drop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {k: v for k in KEPT_ENVIRONMENT if (v := os.environ.get(k)) is not None}
        environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "PXR_WORK_THREAD_LIMIT"), "1")
        package_parent = str(Path(__file__).resolve().parents[2])
        search = [p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p]
        environment["PYTHONPATH"] = os.pathsep.join([*search, package_parent])
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the server
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "pipeline.sandbox.server", str(theirs.fileno()), *_prepared],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=self.said, env=environment, start_new_session=True, cwd="/",
            )  # fmt: skip
        self.control, self.owner = ours, os.getpid()
        return ours

    def _drop(self) -> None:
        if self.control is not None:
            self.control.close()
        if self.process is not None and self.owner == os.getpid():
            self.process.poll()
        if self.said is not None:
            self.said.close()
        self.control = self.process = self.said = None


_host = _Host()
_prepared: list[str] = []
atexit.register(_host.stop)


def prepare(*modules: str) -> None:
    """Name modules that the fork server loads once, so that no worker has to."""
    _prepared.extend(m for m in modules if m not in _prepared)


def warm() -> None:
    """Start the fork server now, so that the first file does not wait for it (about half a second)."""
    _host.start()


def close() -> None:
    """End the fork server and every worker."""
    _host.stop()


def run(
    function: str,
    arguments: Mapping[str, Any],
    *,
    read: Sequence[Path] = (),
    write: Sequence[Path] = (),
    limits: Limits | None = None,
    path: str | PathLike[str] | None = None,
    landlock: bool = True,
    seccomp: bool = True,
) -> Ran:
    """Call a function in a confined worker and return what it returns.

    Parameters
    ----------
    function
        `"package.module:name"`; gets `arguments` as keywords and returns what JSON can hold.
    read, write
        The files and folders it may read, and the folders it may write.
    limits
        Of time, memory, file size and open files.
    path
        The outside file, for messages.
    landlock, seccomp
        False leaves one out, to see what the others hold.

    Raises
    ------
    SandboxLimit
        The worker ran into a limit or died.
    GatesError
        What the function raised; an exception outside the tree arrives as `ImportRefused`.
    """
    limits = limits or Limits()
    request = {
        "function": function, "arguments": dict(arguments), "limits": limits.as_dict(),
        "read": [str(p) for p in read], "write": [str(p) for p in write], "landlock": landlock, "seccomp": seccomp,
    }  # fmt: skip
    started = time.monotonic()
    with _workplace() as (channel, watch):
        body, end, overdue = _converse(channel, watch, json.dumps(request).encode(), started + limits.wall)
    seconds = time.monotonic() - started
    if overdue:
        raise errors.SandboxLimit(
            f"takes longer than {limits.wall:g} seconds to read", path=path, remedy="use a smaller or simpler file"
        )
    if not end and (why := _host.why()):
        raise errors.SandboxLimit(
            f"the sandbox does not start: {why}", path=path, remedy="install again, or see `gates doctor`"
        )
    if not body or end.get("status") != 0:
        raise _death(end, limits, path)
    try:
        answer = json.loads(body)
    except ValueError:
        raise errors.SandboxLimit("the reader's answer is no JSON", path=path) from None
    if "error" in answer:
        error = _error(answer["error"], path)
        if "traceback" in answer:
            error.add_note(f"in the worker:\n{answer['traceback']}")  # shown with a traceback only
        raise error
    return Ran(answer["result"], seconds, end.get("cpu", 0.0), end.get("peak_mb", 0.0), answer.get("active", {}))


@contextlib.contextmanager
def _workplace() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets whose other ends a new worker and the server hold; leaving kills the worker.

    After an exception, Ctrl-C above all, it is left only when the worker is dead: nothing writes behind the caller's
    back while it cleans up.
    """
    channel, worker_end = socket.socketpair()
    watch, server_end = socket.socketpair()
    with channel, watch:
        with worker_end, server_end:
            _host.send([worker_end.fileno(), server_end.fileno()])
        try:
            yield channel, watch
        except BaseException:
            with contextlib.suppress(OSError):
                watch.shutdown(socket.SHUT_WR)
                watch.settimeout(5)
                while watch.recv(1 << 16):
                    pass
            raise


def _converse(
    channel: socket.socket, watch: socket.socket, request: bytes, deadline: float
) -> tuple[bytes, dict[str, Any], bool]:
    """Send the request, gather the answer until the server says how the worker ended."""
    body, end, overdue = bytearray(), b"", False
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        channel.settimeout(max(0.1, deadline - time.monotonic()))
        channel.sendall(request)
        channel.shutdown(socket.SHUT_WR)
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        selector.register(watch, selectors.EVENT_READ)
        while True:
            remaining = deadline - time.monotonic()
            ready = selector.select(max(0.0, remaining) if not overdue else 10.0)
            if not ready:
                if overdue:
                    return bytes(body), {}, True  # the server itself does not answer
                overdue = True
                watch.shutdown(socket.SHUT_WR)  # the server kills the worker and says so
                continue
            for key, _ in ready:
                part = _receive(key.fileobj)
                if key.fileobj is channel:
                    body += part
                    if not part:
                        selector.unregister(channel)
                    if len(body) > ANSWER_LIMIT:
                        watch.shutdown(socket.SHUT_WR)
                        selector.unregister(channel)
                        body.clear()
                else:
                    end += part
                    if not part:
                        body += _drain(channel)
                        return bytes(body), json.loads(end or b"{}"), overdue


def _receive(end: Any) -> bytes:
    try:
        data: bytes = end.recv(1 << 16)
    except ConnectionResetError:
        return b""
    return data


def _drain(channel: socket.socket) -> bytes:
    channel.settimeout(0.2)
    parts = bytearray()
    with contextlib.suppress(OSError):
        while (part := channel.recv(1 << 16)) and len(parts) < ANSWER_LIMIT:
            parts += part
    return bytes(parts)


def _death(end: Mapping[str, Any], limits: Limits, path: str | PathLike[str] | None) -> errors.SandboxLimit:
    status = end.get("status")
    remedy = "the file is broken, hostile or far too big; open and save it again in the program that made it"
    if status == -signal.SIGXCPU or (status == -signal.SIGKILL and end.get("cpu", 0) >= limits.cpu):
        message = f"needs more than {limits.cpu} seconds of processor time to read"
    elif status == -signal.SIGABRT and end.get("peak_mb", 0) * MB > limits.memory / 2:
        message = f"needs more than {limits.memory / MB:,.0f} MB of memory to read"
    elif isinstance(status, int) and status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
        message = f"its reader died ({name}, {end.get('peak_mb', 0):.0f} MB used)"
    else:
        message = f"its reader ended without an answer (exit {status})"
    return errors.SandboxLimit(message, path=path, remedy=remedy)


def _tree(base: type[errors.GatesError]) -> Iterator[type[errors.GatesError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _tree(kind)


def _error(told: Mapping[str, Any], path: str | PathLike[str] | None) -> errors.GatesError:
    """The worker's error as the same class here; unknown codes become `ImportRefused`."""
    kinds = {kind.code: kind for kind in _tree(errors.GatesError)}
    kind = kinds.get(str(told.get("code")), errors.ImportRefused)
    where = {k: told[k] for k in ("prim", "remedy") if isinstance(told.get(k), str)}
    return kind(str(told.get("message", "cannot be read")), path=told.get("path") or path, **where)
