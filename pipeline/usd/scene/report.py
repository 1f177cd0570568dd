# SPDX-License-Identifier: Apache-2.0
"""What reading and writing could not keep, collected once for each prim and thing."""

from __future__ import annotations

import numpy as np
from pxr import Tf

from pipeline.usd.reasons import reason
from pipeline.usd.scene.model import Loss

__all__ = ["BROKEN", "Report", "unreadable"]

#: what numpy and OpenUSD raise over values that make no sense
BROKEN = (ValueError, IndexError, TypeError, OverflowError, np.linalg.LinAlgError, Tf.ErrorException)


def unreadable(error: Exception) -> str:
    """The reason of a loss after one of `BROKEN`."""
    return f"it cannot be read: {reason(error)[:200]}"


class Report:
    """A growing list of losses without repetitions."""

    def __init__(self) -> None:
        self._losses: dict[tuple[str, str], Loss] = {}

    def lose(self, prim: object, what: str, why: str) -> None:
        """Note that `what` of `prim` is not kept, and why; the first reason counts."""
        self._losses.setdefault((str(prim), what), Loss(str(prim), what, why))

    def reduce(self, prim: object, what: str, why: str) -> None:
        """As `lose`, of something that is sound and that only the flattened scene has no place for."""
        self._losses.setdefault((str(prim), what), Loss(str(prim), what, why, reduced=True))

    @property
    def losses(self) -> tuple[Loss, ...]:
        """All of them, in the order they happened."""
        return tuple(self._losses.values())
