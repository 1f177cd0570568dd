# SPDX-License-Identifier: Apache-2.0
"""Which colours materials show: albedo where faces use it, with the area that wears it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.render.drawing import Shape
from pipeline.render.surfaces import Surface
from pipeline.scenes.notes.situation import Situation

__all__ = ["Worn", "asset_colours", "neighbour_colours"]

#: where a triangle is sampled, as shares of its corners
PLACES = np.array([[1, 1, 1], [4, 1, 1], [1, 4, 1], [1, 1, 4]]) / np.array([[3], [6], [6], [6]])
#: triangles of one shape that are looked at, evenly picked
MOST = 20_000


@dataclass(frozen=True, eq=False)
class Worn:
    """The base colours of one material.

    Attributes
    ----------
    colours
        ``(n, 3)`` linear Rec.709.
    areas
        ``(n,)`` square metres that show them.
    """

    colours: NDArray[np.float64]
    areas: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """``(3,)``: by area."""
        mean: NDArray[np.float64] = (self.colours * self.areas[:, None]).sum(0) / max(float(self.areas.sum()), 1e-30)
        return mean


def asset_colours(situation: Situation) -> dict[str, Worn]:
    """By material path; what has no material is left out."""
    return _colours(situation, np.flatnonzero(situation.pieces.shape_owner == 0))


def neighbour_colours(situation: Situation) -> dict[str, Worn]:
    """The same of everything else that stands in the scene."""
    return _colours(situation, np.flatnonzero(situation.pieces.shape_owner != 0))


def _colours(situation: Situation, numbers: NDArray) -> dict[str, Worn]:
    drawing = situation.drawing
    parts: dict[str, list[tuple[NDArray, NDArray]]] = {}
    seen: dict[tuple[int, int, int], tuple[NDArray, NDArray]] = {}
    for number in numbers.tolist():
        shape = drawing.shapes[number]
        surface = drawing.surfaces[shape.surface]
        if not surface.path and not (surface.primvar and shape.colour is not None):
            continue
        key = (id(shape.points), id(shape.triangles), shape.surface)
        if key not in seen:
            seen[key] = _sampled(shape, surface)
        colours, areas = seen[key]
        # a place of another size shows more of it
        linear = shape.matrices[:, :3, :3]
        growth = float((np.abs(np.linalg.det(linear)) ** (2 / 3)).sum())
        parts.setdefault(surface.path or shape.path, []).append((colours, areas * growth))
    result = {}
    for path, found in sorted(parts.items()):
        worn = Worn(np.concatenate([c for c, _ in found]), np.concatenate([a for _, a in found]))
        if worn.areas.sum() > 0:
            result[path] = worn
    return result


def _sampled(shape: Shape, surface: Surface) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Colours at four places of each triangle, and the areas they stand for, in the shape's own space."""
    step = max(1, -(-len(shape.triangles) // MOST))
    triangles = shape.triangles[::step]
    a, b, c = (shape.points[triangles[:, i]].astype(np.float64) for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2 * step
    areas = np.tile(area / len(PLACES), len(PLACES))
    found = surface.maps.get("diffuseColor")
    if found is not None and shape.uvs:
        uv = shape.uvs.get(found.uv_set, next(iter(shape.uvs.values())))
        return found.sample(_placed(uv, triangles)).astype(np.float64), areas
    if surface.primvar and shape.colour is not None:
        return _placed(shape.colour, triangles), areas
    return np.tile(np.asarray(surface.value("diffuseColor"), np.float64)[:3], (len(areas), 1)), areas


def _placed(values: NDArray, triangles: NDArray) -> NDArray[np.float64]:
    corners = values[triangles].astype(np.float64)
    return np.concatenate([(corners * share[None, :, None]).sum(1) for share in PLACES])
