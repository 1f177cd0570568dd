# SPDX-License-Identifier: Apache-2.0
"""Edge collapse by two libraries: one that is fast and keeps vertices, one that places them well.

meshoptimizer takes a million triangles down in under a second but can only keep vertices that are there;
opengl-decimate puts each new vertex where its planes meet, at fifteen times the cost a triangle. So the first
brings a mesh near the budget and the second does the last half; without the first the second does all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh import meshopt
from pipeline.mesh.distinct import distinct, firsts, numbered
from pipeline.mesh.faces import bounds, repeated
from pipeline.mesh.polygons import Primvar
from pipeline.mesh.seams import Split
from pipeline.mesh.shells import components
from pipeline.mesh.weld import weld

__all__ = ["Collapsed", "is_there", "keep", "place", "seam_share", "stay", "trial"]

#: beyond this many times the target, the collapse looks at positions only: the triangles are too small to matter
_FAR = 8
_UV_WEIGHT = 1.0
_SKIN_WEIGHT = 0.5
_MOST_ATTRIBUTES = 16


@dataclass(frozen=True, eq=False)
class Collapsed:
    """Triangles over vertices that each stand for one of a `Split`.

    Attributes
    ----------
    faces : (t, 3) int
        Over `vertex`.
    vertex : (r,) int
        The vertex of the split whose values a row has: it lies on the same island.
    point : (r,) int
        Rows at one place have one number.
    places : (p, 3) float64
        The place of each such number.
    """

    faces: NDArray
    vertex: NDArray
    point: NDArray
    places: NDArray[np.float64]

    @property
    def solid(self) -> NDArray:
        """(t, 3) the triangles over `places`."""
        return np.asarray(self.point[self.faces])

    def chosen(self, mask: NDArray) -> Collapsed:
        """Only some of the triangles."""
        return Collapsed(self.faces[mask], self.vertex, self.point, self.places)


def unit(points: NDArray) -> tuple[NDArray[np.float32], NDArray, float]:
    """Near the origin and about one in size, so that float32 serves; with what undoes it: `p * size + middle`."""
    low, high = bounds(points)
    middle = ((low + high) / 2).astype(points.dtype)
    size = max(float((high - low).max()), 1e-30)
    if points.dtype == np.float32 and 1e-3 < size < 1e3 and float(np.abs(middle).max()) < size:
        return points, np.zeros(3), 1.0  # they serve as they are
    return np.asarray((points - middle) * points.dtype.type(1 / size), np.float32), middle, size


def keep(source: Split, faces: NDArray, target: int, lock_border: bool, values: bool = True) -> NDArray:
    """Collapse by meshoptimizer: (t, 3) triangles over vertices of `source` that all stay where they are.

    Parameters
    ----------
    values
        Whether UVs and skin weights shall stay smooth too, from eight times the target on. UV seams and borders of
        face sets are kept in any case.
    """
    options = meshopt.LOCK_BORDER if lock_border else 0
    points, _, _ = unit(source.points)
    columns, weights = _attributes(source) if values else (None, None)
    if len(faces) > 2 * _FAR * target or columns is None:
        middle = target if columns is None else _FAR * target
        faces, _ = meshopt.simplify(points, faces, middle, options=options)
    if columns is not None and len(faces) > target:
        used, local = numbered(faces, len(points))
        inner, _ = meshopt.simplify(points[used], local, target, columns(used), weights, options=options)
        faces = used[inner]
    return faces


def stay(source: Split, faces: NDArray) -> Collapsed:
    """Triangles over vertices of `source` where they are."""
    used, local = numbered(faces, len(source.position))
    points, inner = numbered(source.position[used], len(source.mesh.points))
    return Collapsed(local, used, inner, source.mesh.points[points].astype(np.float64))


def place(source: Split, faces: NDArray, target: int, lock_border: bool, lock_seams: bool = True) -> Collapsed | None:
    """Collapse by opengl-decimate, which moves vertices to where their planes meet; None where it refuses.

    Locked seams keep islands apart; where most of a mesh is seams that costs the shape, and the layout is to be laid
    over the result instead.
    """
    from opengl_decimate import DecimateError, SimplifyOptions, simplify

    used, local = numbered(faces, len(source.position))
    points, middle, size = unit(source.mesh.points[source.position[used]])
    values = _carried(source, used, local)
    attributes = {"POSITION": points, **values}
    options = SimplifyOptions(target_count=target, lock_seams=lock_seams and bool(values), lock_boundary=lock_border)
    try:
        found = simplify(attributes, local.reshape(-1).astype(np.uint32), options)
    except DecimateError:
        return None
    at = np.ascontiguousarray(found.attributes["POSITION"], np.float64)
    # a row carries the values of one of the vertices that became it: the nearest of those with just these values
    member = np.flatnonzero(np.asarray(found.vertex_map) >= 0)
    row = np.asarray(found.vertex_map)[member]
    other = np.zeros(len(member), bool)
    for name, given in values.items():
        other |= np.any(given[member] != np.asarray(found.attributes[name])[row], axis=1)
    order = np.lexsort((np.linalg.norm(points[member] - at[row], axis=1), other, row))
    first = order[firsts(row[order])]
    vertex = np.zeros(len(at), np.int64)
    vertex[row[first]] = used[member[first]]
    joined = weld(at)
    result = np.asarray(found.indices).reshape(-1, 3)
    result = result[~repeated(joined.index[result])]
    return Collapsed(result, vertex, joined.index, at[joined.first] * size + middle.astype(np.float64))


def _carried(source: Split, used: NDArray, faces: NDArray) -> dict[str, NDArray]:
    """What tells the copies of a vertex apart: its UVs, and a code for its island, for UVs that lie close."""
    uvs = [p for p in source.mesh.primvars.values() if "texCoord" in p.kind or p.kind in ("float2[]", "double2[]")]
    values = [source.values(uv, used)[:, :2].astype(np.float32) for uv in uvs[:2]]
    island, count = components(np.concatenate([faces[:, :2], faces[:, 1:]]), len(used))
    if not values and len(distinct(source.position[used])) == len(used):
        return {}
    code = np.random.default_rng(1).random((count, 4), np.float32)[island]
    return {f"TEXCOORD_{n}": v for n, v in enumerate([*values, code[:, :2], code[:, 2:]])}


def trial(source: Split, name: str) -> Callable[[float], int]:
    """A function that tells how many triangles an error leaves, in the unit of the points; by that engine."""
    points, _, size = unit(source.points)
    faces = source.faces[~repeated(source.mesh.triangles)]
    if name == "meshoptimizer":
        side = float(np.ptp(points, axis=0).max()) * size if len(points) else 0.0
        if side <= 0:
            return lambda error: len(faces)
        return lambda error: len(meshopt.simplify(points, faces, 1, limit=min(error / side, 1.0))[0])
    from opengl_decimate import DecimateError, SimplifyOptions, collapse_sequence

    options = SimplifyOptions(target_ratio=1.0)
    try:
        steps = collapse_sequence({"POSITION": points}, faces.reshape(-1).astype(np.uint32), options)
    except DecimateError:
        return lambda error: len(faces)
    return lambda error: steps.triangles_after(steps.steps_for(target_error=error / size))


def seam_share(source: Split) -> float:
    """Share of the points that are on a seam of the layout or between face sets."""
    copies = np.bincount(source.position, minlength=1)
    return float((copies > 1).sum() / max((copies > 0).sum(), 1))


def is_there() -> bool:
    """Whether opengl-decimate is installed."""
    from importlib.util import find_spec

    return find_spec("opengl_decimate") is not None


def _attributes(source: Split):  # type: ignore[no-untyped-def]
    """A function that gives the attributes of chosen vertices, and their weights; None where there are none."""
    uvs: list[Primvar] = []
    skin = None
    for name, primvar in source.mesh.primvars.items():
        if name == "normals" or primvar.values.dtype.kind != "f":
            continue
        if "texCoord" in primvar.kind or (primvar.kind in ("float2[]", "double2[]") and len(uvs) == 0):
            uvs.append(primvar)
        elif name == "skel:jointWeights" and primvar.interpolation == "vertex":
            skin = primvar
    joints = source.mesh.primvars.get("skel:jointIndices")
    if not uvs and (skin is None or joints is None):
        return None, None
    room = _MOST_ATTRIBUTES - 2 * len(uvs[:2])
    weights = [_UV_WEIGHT, _UV_WEIGHT] * len(uvs[:2])
    busiest = np.zeros(0, int)
    if skin is not None and joints is not None:
        load = np.bincount(joints.values.reshape(-1), skin.values.reshape(-1))
        busiest = np.argsort(-load)[: min(room, int((load > 0).sum()))]
        weights += [_SKIN_WEIGHT] * len(busiest)

    def columns(vertices: NDArray) -> NDArray:
        found = [source.values(uv, vertices)[:, :2] for uv in uvs[:2]]
        if len(busiest) and skin is not None and joints is not None:
            index, weight = source.values(joints, vertices), source.values(skin, vertices)
            found.append(np.stack([(weight * (index == j)).sum(axis=1) for j in busiest], axis=1))
        return np.concatenate(found, axis=1).astype(np.float32)

    return columns, np.array(weights, np.float32)
