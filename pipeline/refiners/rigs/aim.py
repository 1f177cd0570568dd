# SPDX-License-Identifier: Apache-2.0
"""Joint frames that point along the bones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.refiners.rigs.frames import Doubles

__all__ = ["aimed"]


def aimed(bind: Doubles, parents: NDArray[np.integer], axis: int, onward: dict[int, int] | None = None) -> Doubles:
    """Frames at the same places whose `axis` points to a child; a leaf takes its parent's direction.

    Parameters
    ----------
    bind : (j, 4, 4)
        In skeleton space, parents first, row vectors.
    onward
        Joint to the child that it points to, where that is not its first: hips to the spine, a hand to the middle
        finger.
    """
    place = bind[:, 3, :3]
    aim = np.zeros_like(place)
    for joint in range(len(bind) - 1, -1, -1):
        if parents[joint] >= 0:
            aim[parents[joint]] = place[joint] - place[parents[joint]]  # the first child comes last here
    for joint, child in (onward or {}).items():
        aim[joint] = place[child] - place[joint]
    reach = float(np.ptp(place, axis=0).max()) or 1.0
    for joint in range(len(bind)):
        if np.linalg.norm(aim[joint]) < 1e-6 * reach:
            aim[joint] = aim[parents[joint]] if parents[joint] >= 0 else bind[joint, axis, :3]
    forward = aim / np.maximum(np.linalg.norm(aim, axis=1, keepdims=True), 1e-12)
    # the second axis stays as near as it can to where it was
    second, third = (axis + 1) % 3, (axis + 2) % 3
    across = _off(bind[:, second, :3], forward)
    short = np.linalg.norm(across, axis=1) < 1e-3
    across[short] = _off(bind[:, third, :3], forward)[short]
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
    result = bind.copy()
    result[:, axis, :3], result[:, second, :3] = forward, across
    result[:, third, :3] = np.cross(forward, across)
    return result


def _off(hint: Doubles, forward: Doubles) -> Doubles:
    return np.asarray(hint - np.einsum("ij,ij->i", hint, forward)[:, None] * forward)
