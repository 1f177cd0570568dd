# SPDX-License-Identifier: Apache-2.0
"""Influences as glTF has them: four or eight joints a vertex, each once, weights that sum to one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.model import Floats, Ints, Mesh, Skin
from pipeline.usd.scene.report import Report

__all__ = ["influences"]


def influences(mesh: Mesh, skin: Skin, most: int, report: Report) -> tuple[NDArray[Any], Floats]:
    """Joints `(n, 4 or 8)` and weights of the points; what was dropped is reported.

    Parameters
    ----------
    most
        Joints a vertex that the target takes: 4 or 8.
    """
    joints, weights = merged(skin.joints, skin.weights)
    width = weights.shape[1]
    busiest = int((weights > 0).sum(axis=1).max()) if len(weights) else 0
    if width > 1:
        order = np.argsort(-weights, axis=1, kind="stable")
        joints = np.take_along_axis(joints, order, 1)
        weights = np.take_along_axis(weights, order, 1)
    if busiest > most:
        dropped = weights[:, most:].sum(axis=1)
        report.lose(
            mesh.path,
            "skin influences",
            f"{busiest} joints move a point, {most} are kept: up to {dropped.max():.1%} of a point's weight "
            f"({(dropped > 0.01).sum()} points lose over 1 %) goes to its other joints",
        )
    wide = 4 if busiest <= 4 or most == 4 else 8
    kept = np.zeros((len(weights), wide), np.float32)
    chosen = np.zeros((len(weights), wide), np.int32)
    take = min(width, wide)
    kept[:, :take], chosen[:, :take] = weights[:, :take], joints[:, :take]
    total = kept.sum(axis=1, keepdims=True)
    loose = total[:, 0] < 1e-6
    if loose.any():
        report.lose(mesh.path, "skin weights", f"{int(loose.sum())} points have none: the first joint moves them")
        kept[loose, 0] = 1.0
        chosen[loose] = 0
        total[loose] = 1.0
    kept = kept / total
    # what is lost in rounding goes to the strongest
    kept[kept < 1e-6] = 0.0
    kept[:, 0] += 1.0 - kept.sum(axis=1)
    chosen[kept == 0] = 0
    small = chosen.max(initial=0) < 256
    return chosen.astype(np.uint8 if small else np.uint16), kept.astype(np.float32)


def merged(joints: Ints, weights: Floats) -> tuple[Ints, Floats]:
    """The same influences with each joint once a point."""
    width = weights.shape[1]
    order = np.argsort(joints, axis=1, kind="stable")
    joints = np.take_along_axis(joints, order, 1)
    weights = np.take_along_axis(weights, order, 1).copy()
    for k in range(width - 1, 0, -1):
        same = joints[:, k] == joints[:, k - 1]
        if same.any():
            weights[same, k - 1] += weights[same, k]
            weights[same, k] = 0.0
    return joints, weights
