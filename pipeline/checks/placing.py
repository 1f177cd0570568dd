# SPDX-License-Identifier: Apache-2.0
"""Where the asset's origin is in the world."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context


def pivot(context: Context) -> NDArray[np.float64]:
    """(3,) the origin of the inspected prim in Y-up metres; zero where it has no transform."""
    result: NDArray[np.float64] = context.keep("pivot", lambda: _pivot(context))
    return result


def _pivot(context: Context) -> NDArray[np.float64]:
    scene = context.subject.scene
    for number, node in enumerate(scene.nodes):
        if node.path == context.subject.prim:
            place: NDArray[np.float64] = np.asarray(scene.world_matrices[number], np.float64)[3, :3]
            return place
    return np.zeros(3)
