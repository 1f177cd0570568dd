# SPDX-License-Identifier: Apache-2.0
"""The fork server: a process that has USD loaded and warm, and forks a worker for every outside file.

`python -P -m pipeline.sandbox.server FD [MODULE …]`: FD is a SOCK_SEQPACKET socket. Each message carries two
descriptors: the worker's channel (request in, answer out) and the watch socket, on which this server says
how the worker ended. If the watch socket's other end stops writing, the worker is killed; if the control
socket closes, all are killed and the server ends. It stays single-threaded (`PXR_WORK_THREAD_LIMIT=1`):
a fork copies one thread only, and Landlock binds one thread only.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys

from pipeline.sandbox import worker


def warm(modules: list[str]) -> None:
    """Load what readers need and let USD build its tables, once for all workers."""
    import importlib

    import numpy as np
    import OpenImageIO  # noqa: F401
    from pxr import Sdf, Usd, UsdGeom, UsdShade, UsdSkel, UsdUtils, Vt  # noqa: F401

    for module in modules:
        with contextlib.suppress(ImportError):
            loaded = importlib.import_module(module)
            if hasattr(loaded, "warm_up"):
                loaded.warm_up()
    stage = Usd.Stage.CreateInMemory()
    mesh = UsdGeom.Mesh.Define(stage, "/warm/mesh")
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(np.zeros((3, 3), np.float32)))
    material = UsdShade.Material.Define(stage, "/warm/material")
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)
    for prim in stage.Traverse():
        prim.GetPropertyNames()
    stage.GetRootLayer().ExportToString()
    worker.library_folders()  # found once, inherited by every worker


class Server:
    """The loop; `children` by process id with their watch sockets."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.children: dict[int, socket.socket] = {}
        self.selector = selectors.DefaultSelector()
        self.wake, self._wake_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> None:
        """Until the control socket closes."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_end, warn_on_full_buffer=False)
        self.selector.register(self.control, selectors.EVENT_READ, 0)
        self.selector.register(self.wake, selectors.EVENT_READ, -1)
        while True:
            for key, _ in self.selector.select():
                if key.data == -1:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wake, 4096)
                    self._reap()
                elif key.data == 0:
                    if not self._accept():
                        return self._kill_all()
                elif key.data in self.children and not key.fileobj.recv(16):  # type: ignore[union-attr]
                    self.selector.unregister(key.fileobj)
                    _kill(key.data)

    def _accept(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self.control, 64, 2)
        if not message:
            return False
        channel, watch = (socket.socket(fileno=d) for d in descriptors)
        pid = os.fork()
        if pid == 0:
            self._become_worker(channel)
        channel.close()
        self.children[pid] = watch
        self.selector.register(watch, selectors.EVENT_READ, pid)
        return True

    def _become_worker(self, channel: socket.socket) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        keep = channel.fileno()
        self.selector.close()
        os.closerange(3, keep)
        os.closerange(keep + 1, max(keep + 2, 4096))
        worker.main(channel)

    def _reap(self) -> None:
        while self.children:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if not pid:
                return
            watch = self.children.pop(pid)
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(watch)
            end = {
                "status": os.waitstatus_to_exitcode(status),
                "cpu": usage.ru_utime + usage.ru_stime,
                "peak_mb": usage.ru_maxrss / 1024,
            }
            with contextlib.suppress(OSError):
                watch.sendall(json.dumps(end).encode())
            watch.close()

    def _kill_all(self) -> None:
        for pid in self.children:
            _kill(pid)


def _kill(pid: int) -> None:
    """The worker and its session; it is our child and not yet reaped, so the number is still its own."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def main() -> None:
    """Serve on the descriptor named on the command line."""
    control = socket.socket(fileno=int(sys.argv[1]))
    warm(sys.argv[2:])
    null = os.open(os.devnull, os.O_RDWR)  # until here the host hears why it does not start
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    gc.collect()
    gc.freeze()  # and no collection in the forks: it would touch, and so copy, every page
    gc.disable()
    Server(control).run()


if __name__ == "__main__":
    main()
