# SPDX-License-Identifier: Apache-2.0
"""Work that makes many objects which all stay: the garbage collector would look through them in vain."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave the cyclic garbage collector out while the block, or the decorated function, runs.

    At the end it looks once through what was made, so that nothing large waits in a cycle.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
            gc.collect(0)
