# SPDX-License-Identifier: Apache-2.0
"""Progress of long work, told to whoever listens.

Mechanism calls `progress.step(...)`; the command line draws it on stderr, a farm job may log it, a test
may record it. The default listener says nothing. Interruption is Python's own `KeyboardInterrupt`: work
that takes long calls `step` often and writes through a temporary file, so that it may be stopped anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

#: called with (label, done, total); total is 0 where it is not known
Listener = Callable[[str, int, int], None]


def _silent(label: str, done: int, total: int) -> None:
    """Say nothing."""


_listener: ContextVar[Listener] = ContextVar("gates_progress", default=_silent)


def step(label: str, done: int = 0, total: int = 0) -> None:
    """Tell the listener that `done` of `total` parts of the work named `label` are finished."""
    _listener.get()(label, done, total)


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Pass the items on, one step told for each."""
    count = total if total is not None else len(items) if isinstance(items, Sized) else 0
    for i, item in enumerate(items):
        step(label, i, count)
        yield item
    step(label, count, count)


@contextmanager
def listen(listener: Listener) -> Iterator[None]:
    """Send all progress inside the block to `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
