# SPDX-License-Identifier: Apache-2.0
"""What no renderer of ours draws as it is: lines as tubes, points as balls, volumes as the edges of their bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from pxr import Usd, UsdGeom

from pipeline.render.lamps import Array
from pipeline.usd.scene import Loss, Mesh, Primvar
from pipeline.usd.scene.curves import tubes
from pipeline.usd.scene.space import Space

Note = tuple[str, str, str]
#: beyond this many segments a tube has three sides, beyond this many points a ball is an octahedron
_MANY = 20_000
#: without an authored width, of the extent of what is drawn
_THIN = 1 / 150


def solid(mesh: Mesh) -> tuple[Mesh, Note]:
    """Lines or points as polygons with a width, and what is to be said about it."""
    extent = float(np.linalg.norm(np.ptp(mesh.points, axis=0))) if len(mesh.points) else 0.0
    if mesh.kind == "lines":
        wide = mesh.widths
        if wide is None or not wide.any():
            wide = np.full(len(mesh.points), max(extent * _THIN, 1e-5), np.float32)
        sides = 3 if len(mesh.points) > _MANY else 6
        made = tubes(mesh.points.astype(np.float64), mesh.face_counts, wide.astype(np.float64) / 2, sides)
        tint = mesh.color
        if tint is not None and tint.interpolation == "vertex":
            values = tint.values if tint.indices is None else tint.values[tint.indices]
            tint = Primvar(tint.name, np.repeat(values, sides, axis=0), None, "vertex")
        why = f"drawn as tubes of {sides} sides"
        if mesh.widths is None:
            why += ", whose width was not authored"
        shown = replace(
            mesh, kind="polygons", points=made[0], face_counts=made[1], face_vertices=made[2], color=tint,
            faceted=False, widths=None,
        )  # fmt: skip
        return shown, (mesh.path, "curves", why)
    balls, faces = _octahedron()
    if len(mesh.points) <= _MANY:
        balls, faces = _finer(balls, faces)
    wide = mesh.widths
    if wide is None or not wide.any():
        wide = np.full(len(mesh.points), max(extent / max(np.cbrt(len(mesh.points)), 1) / 4, 1e-4), np.float32)
    points = mesh.points[:, None] + balls * wide[:, None, None] / 2
    triangles = faces + np.arange(len(points), dtype=np.int32)[:, None, None] * len(balls)
    tint = mesh.color
    if tint is not None and tint.interpolation == "vertex":
        values = tint.values if tint.indices is None else tint.values[tint.indices]
        tint = Primvar(tint.name, np.repeat(values, len(balls), axis=0), None, "vertex")
    shown = replace(
        mesh, kind="polygons", points=points.reshape(-1, 3).astype(np.float32),
        face_counts=np.full(len(points) * len(faces), 3, np.int32), face_vertices=triangles.astype(np.int32).ravel(),
        color=tint, faceted=False, widths=None,
    )  # fmt: skip
    why = "drawn as balls" + ("" if mesh.widths is not None else ", whose width was not authored")
    return shown, (mesh.path, "points", why)


def bounds_of(stage: Any, losses: Iterable[Loss], time: float | None) -> list[tuple[str, Array]]:
    """Boxes ``(8, 3)`` in metres, Y-up, of prims whose type nobody reads (volumes, patches), by path."""
    unread = [loss.prim for loss in losses if stage.GetPrimAtPath(loss.prim).IsValid()
              and str(stage.GetPrimAtPath(loss.prim).GetTypeName()) == loss.what]  # fmt: skip
    if not unread:
        return []
    up = str(UsdGeom.GetStageUpAxis(stage))
    space = Space(UsdGeom.GetStageMetersPerUnit(stage), up)
    moment = Usd.TimeCode.EarliestTime() if time is None else Usd.TimeCode(time)
    purposes = [UsdGeom.Tokens.default_, UsdGeom.Tokens.render, UsdGeom.Tokens.proxy]
    cache = UsdGeom.BBoxCache(moment, purposes, True)
    found = []
    for path in dict.fromkeys(unread):
        box = cache.ComputeWorldBound(stage.GetPrimAtPath(path))
        if box.GetRange().IsEmpty():
            continue
        low, high = np.array(box.GetRange().GetMin()), np.array(box.GetRange().GetMax())
        corners = np.array([np.where([i & 1, i >> 1 & 1, i >> 2 & 1], high, low) for i in range(8)])
        world = np.concatenate([corners, np.ones((8, 1))], axis=1) @ np.array(box.GetMatrix())
        if np.isfinite(world).all():
            found.append((path, space.points(world[:, :3].astype(np.float32))))
    return found


def frame(path: str, corners: Array) -> Mesh:
    """The twelve edges of a box as bars."""
    edges = [(a, a | bit) for bit in (1, 2, 4) for a in range(8) if not a & bit]
    line = corners[np.array(edges)].reshape(-1, 3).astype(np.float64)
    radius = max(float(np.linalg.norm(corners[7] - corners[0])) / 200, 1e-6)
    points, counts, vertices = tubes(line, np.full(12, 2, np.int32), np.full(24, radius), 4)
    return Mesh(name=path.rsplit("/", 1)[-1], path=path, points=points, face_counts=counts, face_vertices=vertices)


def _octahedron() -> tuple[Array, Array]:
    points = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32)
    faces = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    return points, np.array(faces, np.int32)


def _finer(points: Array, faces: Array) -> tuple[Array, Array]:
    """Each triangle as four, on the unit ball."""
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, inverse = np.unique(edges, axis=0, return_inverse=True)
    middle = points[unique].mean(axis=1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    m = inverse.reshape(-1, 3) + len(points)
    a, b, c = faces.T
    ab, bc, ca = m.T
    parts = ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))
    new = np.concatenate([np.stack(p, axis=1) for p in parts])
    return np.concatenate([points, middle]).astype(np.float32), new.astype(np.int32)
