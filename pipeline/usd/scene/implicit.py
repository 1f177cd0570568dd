# SPDX-License-Identifier: Apache-2.0
"""Cube, Sphere, Cylinder, Cone, Capsule and Plane as polygons that reach exactly to their extent."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from pipeline.usd.scene.model import Doubles, Floats, Ints, Mesh, Primvar, Slot
from pipeline.usd.scene.normals import unit
from pipeline.usd.scene.space import Space

__all__ = ["SHAPES", "read_implicit"]

SHAPES = frozenset({"Cube", "Sphere", "Cylinder", "Cone", "Capsule", "Plane", "Cylinder_1", "Capsule_1"})
#: around; a multiple of four, so that the extent is met
_AROUND = 32
_RINGS = 16


def read_implicit(prim: Any, time: Any, space: Space, inherited: dict[str, Any]) -> Mesh | None:
    """The surface of an implicit shape, in metres."""

    def value(name: str, fallback: Any) -> Any:
        attribute = prim.GetAttribute(name)
        found = attribute.Get(time) if attribute else None
        return fallback if found is None else found

    kind = str(prim.GetTypeName())
    axis = "XYZ".index(str(value("axis", "Z")))
    quads: tuple[Doubles, Ints, Ints]
    if kind == "Cube":
        quads = _cube(float(value("size", 2.0)))
    elif kind == "Plane":
        quads = _plane(float(value("width", 2.0)), float(value("length", 2.0)))
    elif kind == "Sphere":
        quads = _revolved(_arc(float(value("radius", 1.0)), 0.0, -90, 90, 2 * (_RINGS // 2) + 1))
    else:
        height = float(value("height", 1.0 if kind in {"Capsule", "Capsule_1"} else 2.0))
        radius = float(value("radius", 1.0 if kind in {"Cylinder", "Cone"} else 0.5))
        bottom = float(value("radiusBottom", radius))
        top = float(value("radiusTop", radius))
        half = height / 2
        if kind == "Cone":
            profile = [(0.0, -half), (radius, -half), (0.0, half)]
        elif kind.startswith("Cylinder"):
            profile = [(0.0, -half), (bottom, -half), (top, half), (0.0, half)]
        else:
            profile = [
                *_arc(bottom, -half, -90, 0, _RINGS // 2 + 1),
                *_arc(top, half, 0, 90, _RINGS // 2 + 1),
            ]
        quads = _revolved(profile)
    points, counts, vertices = quads
    if kind == "Plane":
        # width lies along X, or along Z where the axis is X; length along Y, or along Z where the axis is Y
        signs = {0: ([2, 1, 0], (1, 1, -1)), 1: ([0, 2, 1], (1, 1, -1)), 2: ([0, 1, 2], (1, 1, 1))}[axis]
        points = points[:, signs[0]] * np.array(signs[1])
    elif axis == 0:
        points = points[:, [2, 0, 1]]
    elif axis == 1:
        points = points[:, [1, 2, 0]]
    placed = space.points(points.astype(np.float32))
    if not np.isfinite(placed).all():
        return None
    color = _constant(prim, inherited, "displayColor", 3, time)
    return Mesh(
        name=prim.GetName(),
        path=str(prim.GetPath()),
        points=placed,
        face_counts=counts,
        face_vertices=vertices,
        normals=_rounded(placed, counts, vertices),
        color=color,
        opacity=_constant(prim, inherited, "displayOpacity", 1, time),
        slots=(Slot(prim.GetName(), str(prim.GetPath())),),
        double_sided=kind == "Plane" or bool(value("doubleSided", False)),
    )


def _constant(prim: Any, inherited: dict[str, Any], name: str, width: int, time: Any) -> Primvar | None:
    attribute = prim.GetAttribute(f"primvars:{name}")
    source = attribute if attribute and attribute.HasAuthoredValue() else inherited.get(name)
    found = source.Get(time) if source is not None else None
    if found is None or not len(found):
        return None
    return Primvar(name, np.asarray(found, np.float32).reshape(-1, width)[:1], None, "constant")


def _cube(size: float) -> tuple[Doubles, Ints, Ints]:
    h = size / 2
    points = np.array([(x, y, z) for x in (-h, h) for y in (-h, h) for z in (-h, h)])
    faces = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    return points, np.full(6, 4, np.int32), np.array(faces, np.int32).ravel()


def _plane(width: float, length: float) -> tuple[Doubles, Ints, Ints]:
    """In X and Y, facing +Z."""
    w, h = width / 2, length / 2
    points = np.array([(-w, -h, 0.0), (w, -h, 0.0), (w, h, 0.0), (-w, h, 0.0)])
    return points, np.array([4], np.int32), np.arange(4, dtype=np.int32)


def _arc(radius: float, centre: float, start: float, end: float, count: int) -> list[tuple[float, float]]:
    angles = np.radians(np.linspace(start, end, count))
    across = np.where(np.abs(np.cos(angles)) < 1e-12, 0.0, np.cos(angles))
    return [(float(radius * c), float(centre + radius * s)) for c, s in zip(across, np.sin(angles), strict=True)]


def _revolved(profile: list[tuple[float, float]]) -> tuple[Doubles, Ints, Ints]:
    """A profile of (radius, z) turned about Z; from bottom to top, facing out."""
    angles = np.arange(_AROUND) * (2 * math.pi / _AROUND)
    ring = np.stack([np.cos(angles), np.sin(angles)], -1)
    ring[np.abs(ring) < 1e-12] = 0.0
    points, rows = [], []
    total = 0
    for radius, z in profile:
        if radius == 0:
            points.append(np.array([[0.0, 0.0, z]]))
            rows.append(np.full(_AROUND, total))
            total += 1
        else:
            points.append(np.concatenate([ring * radius, np.full((_AROUND, 1), z)], 1))
            rows.append(np.arange(total, total + _AROUND))
            total += _AROUND
    counts, vertices = [], []
    for low, high in pairwise(rows):
        quad = np.stack([low, np.roll(low, -1), np.roll(high, -1), high], -1)
        if low[0] == low[1] and high[0] == high[1]:
            continue
        if low[0] == low[1]:
            quad = quad[:, [0, 2, 3]]
        elif high[0] == high[1]:
            quad = quad[:, [0, 1, 2]]
        counts.append(np.full(len(quad), quad.shape[1], np.int32))
        vertices.append(quad.ravel())
    return np.concatenate(points), np.concatenate(counts), np.concatenate(vertices).astype(np.int32)


def _rounded(points: Floats, counts: Ints, vertices: Ints) -> Primvar:
    """Corner normals: smooth where neighbouring faces turn by less than 40 degrees, sharp elsewhere."""
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    a, b, c = (points[vertices[starts + k]].astype(np.float64) for k in range(3))
    last = points[vertices[starts + counts - 1]].astype(np.float64)
    face = np.cross(c - a, last - b) + np.cross(b - a, c - a)
    face /= np.maximum(np.linalg.norm(face, axis=1, keepdims=True), 1e-30)
    owner = np.repeat(np.arange(len(counts)), counts)
    corner_normal = face[owner]
    order = np.argsort(vertices, kind="stable")
    result = np.zeros((len(vertices), 3))
    groups = np.split(order, np.flatnonzero(np.diff(vertices[order])) + 1)
    widest = max(len(g) for g in groups)
    table = np.full((len(groups), widest), -1)
    for k in range(widest):
        sized = [i for i, g in enumerate(groups) if len(g) > k]
        table[sized, k] = [groups[i][k] for i in sized]
    normals = np.where((table >= 0)[..., None], corner_normal[table], 0.0)
    alike = np.einsum("gki,gli->gkl", normals, normals) > math.cos(math.radians(40))
    summed = np.einsum("gkl,gli->gki", alike, normals)
    result[table[table >= 0]] = summed[table >= 0]
    return Primvar("normals", unit(result.astype(np.float32)), None, "faceVarying")
