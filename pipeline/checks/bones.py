# SPDX-License-Identifier: Apache-2.0
"""Skeletons as lines between joints, for pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.model import Scene

#: skeletons and bones that are drawn at most, and points along one bone
MOST, MOST_BONES, STEPS = 16, 600, 200


def bones(scene: Scene) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Joints and the bones between them in the bind pose, in the world.

    Returns
    -------
    joints : (j, 3)
        Places, metres.
    lines : (n, 3)
        Points along every bone.
    """
    world = scene.world_matrices
    joints, lines = [np.zeros((0, 3))], [np.zeros((0, 3))]
    nodes = [(i, n.skeleton) for i, n in enumerate(scene.nodes) if n.skeleton is not None]
    for number, skeleton in nodes[:MOST]:
        one = scene.skeletons[skeleton]
        own = np.asarray(one.bind, np.float64)[:, 3, :3]
        places = own @ world[number][:3, :3] + world[number][3, :3]
        if not np.isfinite(places).all():
            continue
        child = np.flatnonzero(np.asarray(one.parents) >= 0)[:MOST_BONES]
        parent = np.asarray(one.parents)[child]
        along = np.linspace(0, 1, STEPS)[None, :, None]
        drawn = places[parent][:, None] * (1 - along) + places[child][:, None] * along
        joints.append(places[:MOST_BONES])
        lines.append(drawn.reshape(-1, 3))
    return np.concatenate(joints), np.concatenate(lines)
