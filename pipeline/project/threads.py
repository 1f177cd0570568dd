# SPDX-License-Identifier: Apache-2.0
"""One thread of a process at a time: USD's layers are shared by all of them and may change in one only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from pipeline.errors import RaceLost

T = TypeVar("T")

__all__ = ["alone", "keep"]

_LAYERS = threading.RLock()
#: stages by the thread that opened them: a stage must not die while another thread changes its layers
_KEPT: dict[int, list[object]] = {}
#: seconds to wait for another thread
PATIENCE = 60.0


@contextmanager
def alone() -> Iterator[None]:
    """Keep other threads from editing, opening and reloading the layers of projects while the block runs.

    Raises
    ------
    RaceLost
        Another thread took longer than a minute.
    """
    if not _LAYERS.acquire(timeout=PATIENCE):
        raise RaceLost("another thread of this program edits a project", remedy="retry when it has finished")
    try:
        _let_go()
        yield
    finally:
        _LAYERS.release()


def keep(stage: T) -> T:
    """Hold a stage until this thread works with a project again, or is gone."""
    _KEPT.setdefault(threading.get_ident(), []).append(stage)
    return stage


def _let_go() -> None:
    living = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
    for ident in [ident for ident in _KEPT if ident not in living]:
        del _KEPT[ident]
