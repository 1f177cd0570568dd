# SPDX-License-Identifier: Apache-2.0
"""How much of the machine the reader of one outside file may use."""

from __future__ import annotations

import resource
from dataclasses import asdict, dataclass
from typing import Any

MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one worker.

    Parameters
    ----------
    memory
        Address space in bytes, beyond what the worker maps before it starts to read (about 1 GB of libraries).
    cpu
        Processor seconds.
    wall
        Seconds until the worker is killed, however idle it is.
    file_size
        Bytes of any one file it writes.
    open_files
        File descriptors.
    """

    memory: int = 4096 * MB
    cpu: int = 120
    wall: float = 180.0
    file_size: int = 2048 * MB
    open_files: int = 256

    def as_dict(self) -> dict[str, Any]:
        """For the request that goes to the worker."""
        return asdict(self)

    @classmethod
    def for_size(cls, size: int) -> Limits:
        """Limits that grow with the file: 64 times its bytes of memory between 2 and 12 GB."""
        memory = min(max(2048 * MB, 64 * size), 12288 * MB)
        return cls(memory=memory, cpu=60 + size // MB, wall=90.0 + 2 * (size / MB))


def apply(limits: Limits) -> None:
    """Set the limits on this process for good.

    A limit that the process already has and that is tighter stays.
    """
    with open("/proc/self/statm", "rb") as f:  # noqa: PTH123 - one system call, before the files are closed off
        mapped = int(f.read().split()[0]) * resource.getpagesize()
    _lower(resource.RLIMIT_AS, limits.memory + mapped)
    _lower(resource.RLIMIT_CPU, limits.cpu, limits.cpu + 2)
    _lower(resource.RLIMIT_FSIZE, limits.file_size)
    _lower(resource.RLIMIT_NOFILE, limits.open_files)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(which: int, soft: int, hard: int | None = None) -> None:
    _, ceiling = resource.getrlimit(which)
    hard = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        hard = min(hard, ceiling)
    resource.setrlimit(which, (min(soft, hard), hard))
