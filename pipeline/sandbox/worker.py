# SPDX-License-Identifier: Apache-2.0
"""The child of the fork server: gives up its rights, reads one outside file, answers, and is gone."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import json
import os
import signal
import socket
import sys
import sysconfig
import traceback
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import GatesError, SandboxLimit
from pipeline.sandbox import landlock, limits, seccomp

PR_SET_PDEATHSIG = 1
#: environment that the worker keeps; everything else, secrets above all, never reaches it
KEPT_ENVIRONMENT = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME",
    "PYTHONHASHSEED", "PYTHONPYCACHEPREFIX", "VIRTUAL_ENV", "COVERAGE_PROCESS_START",
)  # fmt: skip


def read_request(channel: socket.socket) -> dict[str, Any]:
    """The request: JSON up to the moment the other side closes its writing half."""
    parts = []
    while part := channel.recv(1 << 16):
        parts.append(part)
    request: dict[str, Any] = json.loads(b"".join(parts))
    return request


def main(channel: socket.socket) -> None:
    """Serve one request and end the process; never returns."""
    try:
        _no_orphans()
        request = read_request(channel)
        answer = _answer(request)
        _send(channel, answer)
    except BaseException as e:  # noqa: BLE001 - whatever happens here, the process must end here
        with contextlib.suppress(OSError):
            told = {"code": "import.limit", "message": f"its reader could not answer: {type(e).__name__}: {e}"}
            _send(channel, {"error": told})
        os._exit(0)
    os._exit(0)


def _send(channel: socket.socket, answer: dict[str, Any]) -> None:
    """Plain writes: the filter refuses the calls of sockets."""
    rest = memoryview(json.dumps(answer).encode())
    while rest:
        rest = rest[os.write(channel.fileno(), rest) :]


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        module, _, name = request["function"].partition(":")
        function = getattr(importlib.import_module(module), name)
        active = confine(request)
        return {"result": function(**request["arguments"]), "active": active}
    except GatesError as e:
        return {"error": e.as_dict()}
    except MemoryError:
        return {"error": {"code": SandboxLimit.code, "message": "needs more memory than is allowed"}}
    except RecursionError:
        return {"error": {"code": SandboxLimit.code, "message": "is nested too deep"}}
    except OSError as e:
        return {"error": {"code": "import.refused", "message": f"cannot be read: {e.strerror or e}",
                          "path": e.filename if isinstance(e.filename, str) else None}}  # fmt: skip
    except Exception as e:  # noqa: BLE001 - any exception of a reader of hostile bytes is the bytes' fault
        return {
            "error": {"code": "import.refused", "message": f"cannot be read: {type(e).__name__}: {e}"[:600]},
            "traceback": traceback.format_exc()[-4000:],
        }


def _no_orphans() -> None:
    """Die with the server, in a session of its own, so that no signal of a terminal arrives here."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == 1:
            os._exit(70)


def confine(request: dict[str, Any]) -> dict[str, Any]:
    """Give up everything that the request does not grant; says what took hold."""
    threads = len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 1  # noqa: PTH208
    if threads != 1:
        raise SandboxLimit(f"the worker has {threads} threads before it is confined", remedy="report this")
    os.chdir("/")
    active: dict[str, Any] = {}
    limits.apply(limits.Limits(**request["limits"]))
    if sys.platform == "linux" and request.get("landlock", True):
        active["landlock"] = landlock.restrict(
            [Path(p) for p in request["read"]] + _system_files(),
            [Path(p) for p in request["write"]] + [Path("/dev/null")],
            library_folders(),
        )
    if sys.platform == "linux" and request.get("seccomp", True):
        active["seccomp"] = seccomp.restrict()
    return active


def _system_files() -> list[Path]:
    return [Path(p) for p in ("/dev/urandom", "/etc/localtime", "/usr/share/zoneinfo", "/proc/self",
                              "/proc/meminfo", "/proc/cpuinfo", "/sys/devices/system/cpu")]  # fmt: skip


@cache
def library_folders() -> list[Path]:
    """Where Python, its packages, ours and the system's libraries lie; never the working folder."""
    folders = {Path(sysconfig.get_path(k)) for k in ("stdlib", "platstdlib", "purelib", "platlib")}
    package = Path(__file__).resolve().parents[1]
    folders |= {package, Path(sys.base_prefix) / "lib"}
    folders |= {package.parent / n for n in ("schemas",)}
    for module in ("pxr", "numpy", "OpenImageIO", "DracoPy", "meshoptimizer", "trimesh", "scipy"):
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.origin:
            folders.add(Path(spec.origin).resolve().parent)
            folders.add(Path(spec.origin).resolve().parent.parent / f"{module}.libs")
    folders |= {Path(p) for p in ("/usr/lib", "/lib", "/lib64", "/usr/lib64", "/usr/local/lib")}
    return sorted(f for f in folders if _reachable(f))


def _reachable(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except PermissionError:
        return False
