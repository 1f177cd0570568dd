# SPDX-License-Identifier: Apache-2.0
"""Scenes of many instances made small enough for one acceleration structure, with what a pixel cannot show left out.

Neither Embree's Python binding nor Mitsuba's compiled variants have instances that are cheap: the first has none, the
second compiles code for every one of them. So they are multiplied out.
"""

from __future__ import annotations

import numpy as np

from pipeline.render.drawing import Drawing, Shape
from pipeline.render.lamps import Array

#: beyond this many triangles shapes at many places are drawn coarser
BUDGET = 6_000_000


def within_budget(drawing: Drawing, pixel: float) -> tuple[list[Shape], int]:
    """The shapes, and how many of them are coarser than they were.

    Cells start at half a pixel at the nearest place and double until the budget is kept.

    Parameters
    ----------
    pixel
        Metres in the world that a pixel covers at the nearest place; 0 takes a sixteenth of each shape.
    """
    shapes = list(drawing.shapes)
    if drawing.triangle_count <= BUDGET:
        return shapes, 0
    made = shapes
    for factor in (0.5, 1, 2, 4, 8, 16):
        made = [coarser(s, pixel * factor) if len(s.matrices) > 1 else s for s in shapes]
        if sum(len(s.triangles) * len(s.matrices) for s in made) <= BUDGET or not pixel:
            break
    return made, sum(a is not b for a, b in zip(made, shapes, strict=True))


def coarser(shape: Shape, pixel: float) -> Shape:
    """A shape for distant instances: points that fall into one cell become one.

    Parameters
    ----------
    pixel
        Metres in the world that a pixel covers at the nearest instance; 0 takes a sixteenth of the shape.
    """
    low, high = shape.points.min(0), shape.points.max(0)
    size = float((high - low).max())
    stretch = float(np.cbrt(np.abs(np.linalg.det(shape.matrices[:, :3, :3])).max()))
    cell = max(pixel / max(stretch, 1e-9), size / 64) if pixel else size / 16
    if size <= 0:
        return shape
    cells = np.floor((shape.points - low) / cell).astype(np.int64)
    span = cells.max(0) + 1
    key = (cells[:, 0] * span[1] + cells[:, 1]) * span[2] + cells[:, 2]
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    faces = inverse.reshape(-1)[shape.triangles]
    kept = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])
    faces = np.unique(faces[kept], axis=0)
    if not len(faces) or len(faces) > 0.8 * len(shape.triangles):
        return shape

    return Shape(
        shape.path, shape.points[first], _picked(shape.normals, first), faces.astype(np.int32),
        {n: a[first] for n, a in shape.uvs.items()}, _picked(shape.colour, first), _picked(shape.opacity, first),
        shape.surface, shape.matrices, shape.double_sided,
    )  # fmt: skip


def _picked(values: Array | None, rows: Array) -> Array | None:
    return None if values is None else values[rows]
