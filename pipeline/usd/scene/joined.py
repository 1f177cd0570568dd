# SPDX-License-Identifier: Apache-2.0
"""Several meshes as one, so that what is done to a mesh (cut, weld, shade) is done to all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.model import Floats, Ints, Mesh, Primvar

__all__ = ["joined", "layout"]


def layout(mesh: Mesh, uvs: Sequence[Primvar]) -> tuple[Any, ...] | None:
    """What meshes must have in common to be joined; None for those that stand alone.

    Parameters
    ----------
    uvs
        The UV sets that count, in their order.
    """
    alone = mesh.kind != "polygons" or mesh.skin is not None or mesh.blend_shapes or mesh.track is not None
    if alone or mesh.edges is not None or mesh.face_slots is not None or not len(mesh.face_counts):
        return None
    primvars = (mesh.normals, mesh.color, mesh.opacity, *uvs)
    return (
        mesh.faceted,
        *(p and (p.interpolation, p.indices is None, p.values.shape[1]) for p in primvars),
    )


def joined(meshes: Sequence[Mesh], uvs: Sequence[Sequence[Primvar]]) -> Mesh:
    """One mesh of the points, faces and primvars of meshes of one layout, one after the other."""
    sizes = np.array([len(m.points) for m in meshes])
    corners = np.array([len(m.face_vertices) for m in meshes])
    first = meshes[0]

    def one(columns: Sequence[Primvar | None]) -> Primvar | None:
        own = [p for p in columns if p is not None]
        return _primvar(own, sizes) if own else None

    sets = [one([row[k] for row in uvs]) for k in range(len(uvs[0]))]
    return Mesh(
        name=first.name,
        path=first.path,
        points=np.concatenate([m.points for m in meshes]),
        face_counts=np.concatenate([m.face_counts for m in meshes]),
        face_vertices=_moved([m.face_vertices for m in meshes], sizes, corners),
        uvs=tuple(p for p in sets if p is not None),
        normals=one([m.normals for m in meshes]),
        color=one([m.color for m in meshes]),
        opacity=one([m.opacity for m in meshes]),
        faceted=first.faceted,
    )


def _moved(arrays: Sequence[Ints], sizes: NDArray[Any], lengths: NDArray[Any]) -> Ints:
    """Indices into arrays of these sizes as indices into all of them, one after the other."""
    starts = (np.cumsum(sizes) - sizes).astype(np.int32)
    return np.asarray(np.concatenate(arrays) + np.repeat(starts, lengths), np.int32)


def _primvar(primvars: Sequence[Primvar], points: NDArray[Any]) -> Primvar:
    first = primvars[0]
    values: Floats = np.concatenate([p.values for p in primvars])
    if first.interpolation == "constant":
        # one value a mesh: every point of it names that one
        values = np.concatenate([p.values[:1] for p in primvars])
        return Primvar(first.name, values, np.repeat(np.arange(len(points), dtype=np.int32), points), "vertex")
    if first.indices is None:
        return Primvar(first.name, values, None, first.interpolation)
    own = [p.indices for p in primvars if p.indices is not None]
    sizes = np.array([len(p.values) for p in primvars])
    return Primvar(first.name, values, _moved(own, sizes, np.array([len(i) for i in own])), first.interpolation)
