# SPDX-License-Identifier: Apache-2.0
"""Which camera a picture is taken with: authored, by intent, or one that fits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pipeline.errors import UsageError
from pipeline.render import framing
from pipeline.render.camera import Array, Camera, rigid
from pipeline.usd.scene import Camera as SceneCamera
from pipeline.usd.scene import Scene

#: intent: azimuth, elevation in degrees
INTENTS = {
    "three-quarter": (35.0, 18.0),
    "front": (0.0, 0.0),
    "back": (180.0, 0.0),
    "left": (-90.0, 0.0),
    "right": (90.0, 0.0),
    "top": (0.0, 90.0),
    "product": (25.0, 12.0),
}


def choose(scene: Scene, points: Array, camera: str | Camera | None, aspect: float, authored: bool = True) -> Camera:
    """The camera to draw with.

    Parameters
    ----------
    points
        ``(n, 3)`` what a fitted camera must see.
    camera
        A `Camera`, an intent (`INTENTS`), the path or name of a camera prim, or None: the stage's camera where
        there is exactly one, else three-quarter.
    authored
        Whether None may take the stage's camera.

    Raises
    ------
    pipeline.errors.UsageError
        No camera has that name.
    """
    if isinstance(camera, Camera):
        return camera
    held = [(i, n) for i, n in enumerate(scene.nodes) if n.camera is not None]
    if camera is None:
        if authored and len(held) == 1:
            return _authored(scene, held[0][0])
        camera = "three-quarter"
    for number, node in held:
        if camera in {node.path, node.name}:
            return _authored(scene, number)
    if camera in INTENTS:
        azimuth, elevation = INTENTS[camera]
        return framing.fit(points, aspect, azimuth, elevation, name=camera)
    there = ", ".join([n.path for _, n in held] + list(INTENTS))
    raise UsageError(f"there is no camera {camera!r}", path=scene.source, remedy=f"use one of {there}")


def _authored(scene: Scene, number: int) -> Camera:
    node = scene.nodes[number]
    assert node.camera is not None
    return converted(scene.cameras[node.camera], scene.world_matrices[number])


def converted(camera: SceneCamera, matrix: Any) -> Camera:
    """A USD camera as frame and window; scale is taken out of its matrix."""
    flat = camera.projection == "orthographic"
    # a tenth of a scene unit is the unit of both aperture and lens, so their ratio needs no scene unit
    width, height = camera.width, camera.height
    if not flat:
        lens = max(camera.focal_length, 1e-6)
        width, height = camera.horizontal_aperture / lens, camera.vertical_aperture / lens
    x, y = camera.offset
    lens_radius = 0.0
    if camera.f_stop > 0 and camera.horizontal_aperture > 0:
        lens_radius = camera.focal_length * camera.width / camera.horizontal_aperture / camera.f_stop / 2
    return Camera(
        matrix=rigid(np.asarray(matrix)),
        window=(
            width * (x - 0.5),
            width * (x + 0.5),
            height * (y - 0.5),
            height * (y + 0.5),
        ),
        orthographic=flat,
        near=max(camera.near, 1e-6),
        far=camera.far if math.isfinite(camera.far) else 1e9,
        focus=camera.focus_distance,
        lens_radius=lens_radius if camera.focus_distance > 0 else 0.0,
        name=camera.path,
        exposure=camera.exposure,
    )
