# SPDX-License-Identifier: Apache-2.0
"""Many small meshes at once: those that are plain and sound are checked and converted in one pass over all arrays.

Whatever is not (holes, turned faces, subsets, sizes that do not fit, numbers that are not finite) goes through
`build_mesh` alone, which mends and reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.meshes import build_mesh, uv_rank
from pipeline.usd.scene.model import Floats, Interpolation, Ints, Mesh, Primvar, Slot
from pipeline.usd.scene.normals import unit
from pipeline.usd.scene.raw import RawMesh
from pipeline.usd.scene.report import BROKEN, Report, unreadable
from pipeline.usd.scene.space import Space

__all__ = ["NOTHING", "build_meshes", "may_wait"]

#: meshes of more corners gain nothing in company
_SMALL = 1 << 14
#: fewer meshes are built one by one
_FEW = 8

#: stands for a mesh that is not built yet, or has no face
NOTHING = Mesh("", "", np.zeros((0, 3), np.float32), np.zeros(0, np.int32), np.zeros(0, np.int32))

Bools = NDArray[np.bool_]


def may_wait(raw: RawMesh, refine_level: int) -> bool:
    """Whether a mesh may be built later, with others."""
    return (
        len(raw.vertices) <= _SMALL
        and not raw.moving
        and not raw.subsets
        and not (refine_level and raw.scheme != "none")
    )


def build_meshes(raws: Sequence[RawMesh], space: Space, report: Report) -> list[Mesh | None]:
    """The meshes as `build_mesh` makes them, in the same order."""
    groups: dict[Any, list[int]] = {}
    for i, raw in enumerate(raws):
        if not raw.left_handed and raw.holes is None:
            groups.setdefault(_layout(raw), []).append(i)
    result: list[Mesh | None] = [NOTHING] * len(raws)
    for members in groups.values():
        if len(members) < _FEW:
            continue
        fitting = [i for i, fits in zip(members, _fitting([raws[i] for i in members]).tolist(), strict=True) if fits]
        for i, mesh in zip(fitting, _together([raws[i] for i in fitting], space), strict=True):
            if mesh is not None:
                result[i] = mesh
    for i, raw in enumerate(raws):
        if result[i] is NOTHING:
            try:
                result[i] = build_mesh(raw, space, report)
            except BROKEN as error:
                report.lose(raw.path, "Mesh", unreadable(error))
                result[i] = None
    return result


def _layout(raw: RawMesh) -> tuple[Any, ...]:
    """What meshes must have in common to stand in the same arrays."""
    return (
        raw.scheme, raw.double_sided, raw.points.dtype.num,
        *((p.name, p.interpolation, p.values.dtype.num, p.values.shape[1:], p.indices is None) for p in raw.primvars),
    )  # fmt: skip


def _fitting(raws: Sequence[RawMesh]) -> Bools:
    """Which meshes of one layout have, in every primvar, as many elements as its interpolation wants."""
    points = np.array([len(r.points) for r in raws])
    sizes = {
        "constant": np.ones(len(raws)), "uniform": np.array([len(r.counts) for r in raws]), "vertex": points,
        "varying": points, "faceVarying": np.array([len(r.vertices) for r in raws]),
    }  # fmt: skip
    fitting = np.ones(len(raws), bool)
    for k, first in enumerate(raws[0].primvars):
        column = [r.primvars[k] for r in raws]
        if not first.values.ndim or (first.interpolation == "constant" and first.indices is not None):
            return np.zeros(len(raws), bool)
        counted = [len(p.values if p.indices is None else p.indices) for p in column]
        fitting &= np.array(counted) == sizes.get(first.interpolation, -1)
    return fitting


class _Runs:
    """Arrays of several meshes one after the other.

    Attributes
    ----------
    sizes, starts, ends
        `(meshes,)` rows of each.
    """

    def __init__(self, arrays: Sequence[Any]) -> None:
        self.all = np.concatenate(arrays)
        self.sizes = np.array([len(a) for a in arrays])
        self.ends = np.cumsum(self.sizes)
        self.starts = self.ends - self.sizes

    def every(self, good: Any) -> Bools:
        """For each mesh whether `good`, one a row, holds in all of its rows."""
        if good.all():
            return np.ones(len(self.sizes), bool)
        return np.asarray(np.logical_and.reduceat(good, self.starts))

    def within(self, low: int, below: Any) -> Bools:
        """For each mesh whether all of its numbers lie in `low … below - 1`."""
        return np.asarray(
            (np.minimum.reduceat(self.all, self.starts) >= low) & (np.maximum.reduceat(self.all, self.starts) < below)
        )

    def cuts(self) -> list[slice]:
        """The rows of each mesh."""
        return [slice(a, b) for a, b in zip(self.starts.tolist(), self.ends.tolist(), strict=True)]


def _together(raws: Sequence[RawMesh], space: Space) -> list[Mesh | None]:
    """The meshes of one layout; None for those that are not sound."""
    if not raws:
        return []
    points = _Runs([r.points for r in raws])
    counts, corners = _Runs([r.counts for r in raws]), _Runs([r.vertices for r in raws])
    sound = np.minimum.reduceat(counts.all, counts.starts) >= 3
    sound &= np.add.reduceat(counts.all, counts.starts, dtype=np.int64) == corners.sizes
    sound &= corners.within(0, points.sizes)
    placed = space.points(points.all)
    sound &= points.every(np.isfinite(placed).all(axis=1)) if not np.isfinite(placed).all() else True
    columns = [
        _column([r.primvars[k] for r in raws], points, corners, sound, space) for k in range(len(raws[0].primvars))
    ]
    rows = zip(points.cuts(), counts.cuts(), corners.cuts(), sound.tolist(), strict=True)
    made: list[Mesh | None] = []
    for i, (own_points, own_faces, own_corners, good) in enumerate(rows):
        if not good:
            made.append(None)
            continue
        raw = raws[i]
        found = {column[i].name: column[i] for column in columns}
        normals, tangents = found.pop("normals", None), found.pop("tangents", None)
        color, opacity = found.pop("displayColor", None), found.pop("displayOpacity", None)
        name, path = raw.path.rpartition("/")[2], raw.path
        uvs = tuple(found.values())
        made.append(
            Mesh(
                name=name,
                path=path,
                points=placed[own_points],
                face_counts=counts.all[own_faces],
                face_vertices=corners.all[own_corners],
                uvs=uvs if len(uvs) < 2 else tuple(sorted(uvs, key=uv_rank)),
                normals=normals,
                tangents=tangents,
                color=color,
                opacity=opacity,
                slots=(Slot(name, path),),
                double_sided=raw.double_sided,
                faceted=raw.scheme == "none",
                subdivision=raw.scheme,
            )
        )
    return made


def _column(primvars: Sequence[Any], points: _Runs, corners: _Runs, sound: Bools, space: Space) -> list[Primvar]:
    """One primvar of every mesh; what is broken in it is taken out of `sound`."""
    name = primvars[0].name
    kind = "vertex" if primvars[0].interpolation == "varying" else primvars[0].interpolation
    values = _Runs([p.values for p in primvars])
    numbers: Floats = values.all.reshape(len(values.all), -1).astype(np.float32, copy=False)
    if name in {"normals", "tangents"}:
        numbers = unit(space.vectors(numbers[:, :3]))
    elif not np.isfinite(numbers).all():
        sound &= values.every(np.isfinite(numbers).all(axis=1))
    cuts = values.cuts()
    if primvars[0].indices is None:
        return [Primvar(name, numbers[cut], None, cast(Interpolation, kind)) for cut in cuts]
    indices = _Runs([p.indices for p in primvars])
    sound &= indices.within(0, values.sizes)
    like_faces = np.zeros(len(primvars), bool)
    if kind == "faceVarying":
        # values that are chosen as the faces choose their points belong to the points
        like_faces = (values.sizes == points.sizes) & corners.every(indices.all == corners.all)
    own: Ints = indices.all
    return [
        Primvar(name, numbers[cut], None, "vertex")
        if like
        else Primvar(name, numbers[cut], own[chosen], cast(Interpolation, kind))
        for cut, chosen, like in zip(cuts, indices.cuts(), like_faces.tolist(), strict=True)
    ]
