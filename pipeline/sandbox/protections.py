# SPDX-License-Identifier: Apache-2.0
"""Which protections a worker really has on this machine, found by trying what they forbid."""

from __future__ import annotations

import mmap
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.errors import GatesError
from pipeline.sandbox import client
from pipeline.sandbox import landlock as kernel_landlock
from pipeline.sandbox import seccomp as kernel_seccomp
from pipeline.sandbox.limits import MB, Limits


class Protection(BaseModel):
    """One protection: whether the forbidden thing failed when it was tried, and what holds it."""

    name: str
    active: bool
    by: str


def protections(*, landlock: bool = True, seccomp: bool = True) -> list[Protection]:
    """Try in a worker what a hostile file would like to do.

    `landlock=False` or `seccomp=False` shows what remains where the kernel has none.

    Returns
    -------
    list of Protection
        Own process, memory, file size, reading and writing elsewhere, network, new processes.
    """
    abi = kernel_landlock.version() if landlock else 0
    filters = kernel_seccomp.available() if seccomp else False
    files = f"Landlock, version {abi}" if abi else "none: this kernel has no Landlock; paths are checked by our readers"
    calls = (
        "seccomp"
        if filters
        else f"Landlock (TCP only), version {abi}"
        if abi >= 4
        else "none: no seccomp, no Landlock 4"
    )
    by = {
        "own process": "a fork of a server of its own; a crash is an exit code",
        "memory": "RLIMIT_AS", "file size": "RLIMIT_FSIZE", "reads elsewhere": files, "writes elsewhere": files,
        "rights elsewhere": "seccomp" if filters else "none: no seccomp",
        "network": calls, "new processes": "seccomp" if filters else "none: no seccomp",
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
        outside = Path(folder, "outside")
        outside.mkdir()
        Path(outside, "secret").write_text("secret")
        inside = Path(folder, "inside").resolve()
        inside.mkdir()
        try:
            ran = client.run(
                "pipeline.sandbox.protections:attempt", {"inside": str(inside), "outside": str(outside.resolve())},
                write=[inside], limits=Limits(memory=512 * MB, cpu=10, wall=20, file_size=MB),
                landlock=landlock, seccomp=seccomp,
            )  # fmt: skip
        except GatesError as e:
            return [Protection(name="own process", active=False, by=f"the worker does not start: {e.message}")]
    held: dict[str, Any] = {"own process": ran.result.pop("pid") != os.getpid(), **ran.result}
    return [Protection(name=name, active=bool(held.get(name)), by=by[name]) for name in by]


def attempt(inside: str, outside: str) -> dict[str, Any]:
    """Runs in the worker: each value says whether the attempt was refused."""
    return {
        "pid": os.getpid(),
        "memory": _refused(lambda: mmap.mmap(-1, 1 << 33)),
        "file size": _refused(lambda: Path(inside, "big").write_bytes(bytes(2 * MB))),
        "reads elsewhere": _refused(lambda: Path(outside, "secret").read_text()),
        "writes elsewhere": _refused(lambda: Path(outside, "new").write_text("x")),
        "rights elsewhere": _refused(lambda: Path(outside, "secret").chmod(0o777)),
        "network": _refused(_connect),
        "new processes": _refused(_fork),
    }


def _connect() -> None:
    """To a port of this machine that nothing listens on: refused by the peer is not refused by us."""
    with socket.socket() as s:
        s.settimeout(1)
        try:
            s.connect(("127.0.0.1", 1))
        except (ConnectionRefusedError, TimeoutError):
            return


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _refused(try_it: Any) -> bool:
    try:
        try_it()
    except (OSError, MemoryError, ValueError):
        return True
    return False
