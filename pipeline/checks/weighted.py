# SPDX-License-Identifier: Apache-2.0
"""Percentiles by weight: so much of the surface, not so many of the triangles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def percentile(values: NDArray, weights: NDArray, share: float) -> float:
    """The value below which `share` per cent of the weight lies.

    Parameters
    ----------
    values : (n,) float
    weights : (n,) float
        Not negative, and not all zero.
    """
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    at = np.searchsorted(total, total[-1] * share / 100)
    return float(values[order[min(int(at), len(order) - 1)]])
