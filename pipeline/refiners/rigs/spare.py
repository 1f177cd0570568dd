# SPDX-License-Identifier: Apache-2.0
"""Joints that a rig can do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.refiners.rigs.humanoid import bones

if TYPE_CHECKING:
    from pipeline.refiners.rigs.rig import Rig

__all__ = ["spare_joints"]

#: bones that are not given up for a budget
_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")


def spare_joints(rig: Rig, unused: bool, most: int) -> NDArray[np.bool_]:
    """(j,) the joints that stay.

    Parameters
    ----------
    unused
        Ends of chains without any weight go.
    most
        Beyond so many, ends of chains go by rising weight; bones of a human other than fingers stay. 0: no limit.
    """
    parents = rig.parents
    count = len(parents)
    weight = np.zeros(count)
    for skin in rig.skins:
        value = np.where(np.isfinite(skin.weights) & (skin.weights > 0), skin.weights, 0)
        weight += np.bincount(skin.joints.reshape(-1), value.reshape(-1), minlength=count)
    held = {
        j for bone, j in bones(rig.joints, parents).items() if not any(f in bone for f in _FINGERS)
    }  # fmt: skip
    kept = np.ones(count, bool)
    children = np.bincount(parents[parents >= 0], minlength=count)
    while True:
        ends = [j for j in np.flatnonzero(kept & (children == 0)).tolist() if parents[j] >= 0]
        over = int(kept.sum()) > most > 0
        free = [j for j in ends if (unused or over) and weight[j] <= 0]
        if not free and over:
            free = sorted((j for j in ends if j not in held), key=lambda j: weight[j])[:1]
        if not free:
            return kept
        for joint in free if unused else free[:1]:
            kept[joint] = False
            children[parents[joint]] -= 1
            weight[parents[joint]] += weight[joint]
