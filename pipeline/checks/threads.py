# SPDX-License-Identifier: Apache-2.0
"""Work side by side in threads, with results in order, errors passed on and Ctrl-C heard."""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from functools import partial
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def side_by_side(tasks: Sequence[Callable[[], T]], count: int) -> Iterator[T]:
    """Results of tasks as they come: the first thread takes tasks from the front, the others from the back.

    The caller waits where an interruption reaches it; then, as after an error, no further task is begun.

    Raises
    ------
    BaseException
        What a task raised.
    """
    left = deque(tasks)
    finished: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def work(front: bool) -> None:
        while True:
            try:
                task = left.popleft() if front else left.pop()
            except IndexError:
                return
            try:
                finished.put((task(), None))
            except BaseException as error:  # noqa: BLE001  handed to the caller
                finished.put((None, error))

    for number in range(count):
        # its own copy: numpy's error state and the listener to progress are the caller's
        threading.Thread(target=copy_context().run, args=(work, number == 0), daemon=True).start()
    try:
        for _ in range(len(tasks)):
            result, error = finished.get()
            if error is not None:
                raise error
            yield result  # type: ignore[misc]
    finally:
        left.clear()


def mapped(function: Callable[[T], U], items: Sequence[T]) -> list[U]:
    """`[function(i) for i in items]`, as many at the same time as there are processors."""
    count = min(processors(), len(items))
    if count < 2:
        return [function(item) for item in items]

    def numbered(number: int) -> tuple[int, U]:
        return number, function(items[number])

    tasks = [partial(numbered, i) for i in range(len(items))]
    return [result for _, result in sorted(side_by_side(tasks, count), key=lambda pair: pair[0])]
