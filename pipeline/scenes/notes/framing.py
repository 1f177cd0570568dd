# SPDX-License-Identifier: Apache-2.0
"""Is it seen? Size on the picture, crop and occlusion through the authored camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.scenes.bounds import to_metres
from pipeline.scenes.notes.situation import Note, Situation
from pipeline.scenes.surface import prim_triangles, scene_triangles

__all__ = ["framing", "project"]

SMALLEST = 0.10  # of the picture's height: below that its shape does not read
HIDDEN = 0.35  # share of its visible side that something stands in front of
SAMPLES = 2000


def framing(situation: Situation) -> list[Note]:
    """Notes on what the camera sees of the asset; none without a camera."""
    if situation.camera is None:
        return []
    path = str(situation.asset.GetPath())
    points, faces = prim_triangles(situation.asset)
    if not len(faces):
        return []
    picture, depth = project(situation, points)
    notes = []
    front = depth > 0
    if not front.any():
        return [_note("framing", path, "it is behind the camera", "0 % in front", "in front of the camera")]
    x, y = picture[front, 0], picture[front, 1]
    height = float(np.clip(y, -1, 1).max() - np.clip(y, -1, 1).min()) / 2
    if height < SMALLEST:
        notes.append(
            _note(
                "framing",
                path,
                "too small on the picture to read",
                f"{height:.0%} of its height",
                f"{SMALLEST:.0%}",
            )
        )
    outside = float(((np.abs(x) > 1) | (np.abs(y) > 1)).mean())
    if outside > 0.02:
        notes.append(_note("crop", path, "the picture's edge cuts it", f"{outside:.0%} of its points outside", "2 %"))
    distance = float(np.linalg.norm(_eye(situation) - situation.box.centre))
    if situation.view_distance and distance > situation.view_distance * 1.5:
        notes.append(
            _note(
                "framing",
                path,
                "the camera is further away than the intent's viewing distance",
                f"{distance:.1f} m",
                f"{situation.view_distance:.1f} m",
            )
        )
    hidden = _hidden_share(situation, points, faces)
    if hidden > HIDDEN:
        notes.append(
            _note("occlusion", path, "something stands in front of it", f"{hidden:.0%} hidden", f"{HIDDEN:.0%}")
        )
    return notes


def project(situation: Situation, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (n, 3) in metres to picture coordinates (n, 2) in -1..1 and depth (n,) in metres."""
    assert situation.camera is not None
    camera = situation.camera.GetCamera(0.0)
    metres = to_metres(situation.stage)
    world_from_camera = np.array(camera.transform) @ metres
    world_from_camera[:3, :3] /= np.linalg.norm(world_from_camera[:3, :3], axis=1, keepdims=True)
    local = (points - world_from_camera[3, :3]) @ world_from_camera[:3, :3].T
    depth = -local[:, 2]
    safe = np.where(depth > 1e-6, depth, np.inf)
    half = np.array([camera.horizontalAperture, camera.verticalAperture]) / 2 / camera.focalLength
    return local[:, :2] / safe[:, None] / half, depth


def _eye(situation: Situation) -> NDArray[np.float64]:
    assert situation.camera is not None
    matrix = np.array(situation.camera.GetCamera(0.0).transform) @ to_metres(situation.stage)
    eye: NDArray[np.float64] = matrix[3, :3]
    return eye


def _hidden_share(situation: Situation, points: NDArray[np.float64], faces: NDArray[np.int64]) -> float:
    """Share of the asset's surface turned to the camera that other things hide."""
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    other_points, other_faces = scene_triangles(situation.stage, without=situation.asset)
    if not len(other_faces):
        return 0.0
    a, b, c = (points[faces[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    area = np.linalg.norm(normal, axis=1)
    centre = (a + b + c) / 3
    eye = _eye(situation)
    weight = np.where((normal * (eye - centre)).sum(1) > 0, area, 0.0)
    if weight.sum() <= 0:
        return 0.0
    picked = np.random.default_rng(0).choice(len(centre), SAMPLES, p=weight / weight.sum())
    way = centre[picked] - eye
    length = np.linalg.norm(way, axis=1)
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, other_points.astype(np.float32), other_faces.astype(np.int32))
    origins = np.tile(eye, (len(way), 1)).astype(np.float32)
    hit = np.asarray(scene.run(origins, (way / length[:, None]).astype(np.float32), query="DISTANCE"), float)
    return float(((hit > 0) & (hit < length - 0.01)).mean())


def _note(kind: str, prim: str, message: str, measured: str, expected: str) -> Note:
    return Note(kind=kind, prim=prim, message=message, measured=measured, expected=expected)
