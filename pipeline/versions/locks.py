# SPDX-License-Identifier: Apache-2.0
"""Locks that the operating system takes back when their process dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import RaceLost

__all__ = ["locked"]


@contextmanager
def locked(path: Path, what: str, patience: float = 60.0) -> Iterator[None]:
    """Hold the lock file at `path` while the block runs.

    Parameters
    ----------
    what
        What the lock guards, for the message.
    patience
        Seconds to wait for another process.

    Raises
    ------
    RaceLost
        Somebody else held it all that time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + patience
    pause = 0.001
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _still_there(handle, path):
                break
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(handle)
                raise RaceLost(
                    f"{what} is in use by another program", path=path, remedy="retry when it has finished"
                ) from None
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        except OSError:
            os.close(handle)
            raise
        os.close(handle)
    try:
        yield
    finally:
        os.close(handle)


def _still_there(handle: int, path: Path) -> bool:
    """Whether the locked file is the one that has the name (somebody may have deleted `.gates`)."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
