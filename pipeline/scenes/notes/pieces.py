# SPDX-License-Identifier: Apache-2.0
"""Everything that stands in a scene, by bounds first: each place where a shape is drawn is a piece."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, Usd

from pipeline.render.drawing import Drawing

__all__ = ["Pieces", "read_pieces"]

MODELS = ("component", "subcomponent")


@dataclass(frozen=True, eq=False)
class Pieces:
    """One row for each place where a shape is drawn; metres, Y up.

    Attributes
    ----------
    shape, place
        ``(n,) int``: number into `drawing.shapes`, row of its matrices.
    low, high
        ``(n, 3)``: bounds in the world (of the shape's own box, so never too small).
    owner
        ``(n,) int`` into `owners`: the model it is part of, or the prim itself where it is part of none.
    owners
        Prim paths; the first is the asset.
    shape_owner
        ``(shapes,) int``: the owner of each shape.
    """

    drawing: Drawing
    shape: NDArray[np.int64]
    place: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    owner: NDArray[np.int64]
    owners: tuple[str, ...]
    shape_owner: NDArray[np.int64]

    @property
    def asset(self) -> NDArray[np.int64]:
        """Rows of the asset."""
        return np.flatnonzero(self.owner == 0)

    def others_near(self, low: NDArray, high: NDArray) -> NDArray[np.int64]:
        """Rows of other models whose bounds meet the box."""
        meets = (self.low <= high).all(1) & (self.high >= low).all(1) & (self.owner != 0)
        return np.flatnonzero(meets)

    def mesh(self, rows: NDArray) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """World points ``(p, 3)``, triangles ``(t, 3)`` and the row of each triangle ``(t,)`` of some pieces."""
        points, faces, of = [np.zeros((0, 3))], [np.zeros((0, 3), np.int64)], [np.zeros(0, np.int64)]
        start = 0
        for number in np.unique(self.shape[rows]):
            mine = rows[self.shape[rows] == number]
            shape = self.drawing.shapes[number]
            matrices = shape.matrices[self.place[mine]]
            count, size = len(mine), len(shape.points)
            world = np.einsum("vi,kij->kvj", shape.points, matrices[:, :3, :3]) + matrices[:, None, 3, :3]
            # a mirrored place turns its faces
            order = np.where((np.linalg.det(matrices[:, :3, :3]) < 0)[:, None], [0, 2, 1], [0, 1, 2])
            turned = shape.triangles[:, order].transpose(1, 0, 2)
            points.append(world.reshape(-1, 3))
            faces.append((turned + (np.arange(count) * size)[:, None, None] + start).reshape(-1, 3))
            of.append(np.repeat(mine, len(shape.triangles)))
            start += count * size
        return np.concatenate(points), np.concatenate(faces), np.concatenate(of)

    def triangle_count(self, rows: NDArray) -> int:
        """Triangles of some pieces."""
        sizes = np.array([len(s.triangles) for s in self.drawing.shapes] or [0])
        return int(sizes[self.shape[rows]].sum())


def read_pieces(stage: Usd.Stage, asset: Usd.Prim, drawing: Drawing) -> Pieces:
    """The pieces of a drawing with the models that own them."""
    owners = {str(asset.GetPath()): 0}
    known: dict[Sdf.Path, str] = {}
    boxes: dict[tuple[int, int], tuple[NDArray, NDArray]] = {}
    shape_owner, number, place, low, high = [], [], [], [], []
    for i, shape in enumerate(drawing.shapes):
        path = Sdf.Path(shape.instancer or shape.path)
        if path.HasPrefix(asset.GetPath()):
            owner = 0
        else:
            owner = owners.setdefault(_model(stage, path, known), len(owners))
        shape_owner.append(owner)
        # places of one mesh share its arrays
        key = (id(shape.points), id(shape.triangles))
        if key not in boxes:
            used = shape.points[np.unique(shape.triangles)]
            boxes[key] = used.min(0).astype(float), used.max(0).astype(float)
        a, b = boxes[key]
        middle, half = (a + b) / 2, (b - a) / 2
        centre = middle @ shape.matrices[:, :3, :3] + shape.matrices[:, 3, :3]
        reach = half @ np.abs(shape.matrices[:, :3, :3])
        low.append(centre - reach)
        high.append(centre + reach)
        number.append(np.full(len(shape.matrices), i))
        place.append(np.arange(len(shape.matrices)))
    shapes = np.array(shape_owner, np.int64)
    rows = np.concatenate(number) if number else np.zeros(0, np.int64)
    empty = np.zeros((0, 3))
    return Pieces(
        drawing,
        rows,
        np.concatenate(place) if place else np.zeros(0, np.int64),
        np.concatenate(low) if low else empty,
        np.concatenate(high) if high else empty,
        shapes[rows] if len(rows) else np.zeros(0, np.int64),
        tuple(owners),
        shapes,
    )


def _model(stage: Usd.Stage, path: Sdf.Path, known: dict[Sdf.Path, str]) -> str:
    """The outermost component above a prim (or at it), else the prim itself."""
    if path not in known:
        found = str(path)
        for prefix in path.GetPrefixes():
            if prefix in known and known[prefix] == str(prefix):
                found = known[prefix]
                break
            prim = stage.GetPrimAtPath(prefix)
            if prim and Usd.ModelAPI(prim).GetKind() in MODELS:
                found = known[prefix] = str(prefix)
                break
        known[path] = found
    return known[path]
