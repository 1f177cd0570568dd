# SPDX-License-Identifier: Apache-2.0
"""Many small meshes at once: one weld, one cut into triangles, one bufferView an attribute for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.exporters.gltf.container import ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, Document
from pipeline.exporters.gltf.geometry import Geometry, Part, is_normalized, vertex_arrays
from pipeline.usd.scene.joined import joined
from pipeline.usd.scene.model import Mesh, Primvar

__all__ = ["FEWEST", "LARGEST", "build_crowd"]

#: fewer meshes are stored one by one
FEWEST = 8
#: corners of a mesh that gains nothing in company
LARGEST = 1 << 14
#: corners that are worked on at once, so that memory stays small
_CORNERS = 1 << 22


def build_crowd(
    document: Document,
    meshes: Sequence[Mesh],
    uvs: Sequence[Sequence[Primvar]],
    *,
    use_color: bool,
    tangents: bool,
) -> list[Geometry]:
    """Store static meshes of one layout (`pipeline.usd.scene.joined.layout`); what `build_geometry` does for each.

    Parameters
    ----------
    uvs
        The UV sets of each mesh in the order of TEXCOORD_n.
    """
    result: list[Geometry] = []
    corners = np.cumsum([len(m.face_vertices) for m in meshes])
    for part in np.split(np.arange(len(meshes)), np.flatnonzero(np.diff(corners // _CORNERS)) + 1):
        chosen = slice(int(part[0]), int(part[-1]) + 1)
        result += _stored(document, meshes[chosen], uvs[chosen], use_color=use_color, tangents=tangents)
    return result


def _stored(
    document: Document, meshes: Sequence[Mesh], uvs: Sequence[Sequence[Primvar]], *, use_color: bool, tangents: bool
) -> list[Geometry]:
    whole = joined(meshes, uvs)
    arrays, vertices = vertex_arrays(whole, whole.uvs, use_color=use_color, tangents=tangents)
    triangle_ends = np.cumsum([m.triangle_count for m in meshes])
    vertex_ends = _vertex_ends(meshes, vertices.points, vertices.corners)
    local = (
        vertices.triangles
        - np.repeat(np.concatenate([[0], vertex_ends[:-1]]).astype(np.int32), np.diff(triangle_ends, prepend=0))[
            :, None
        ]
    )
    attributes = {
        name: document.stretches(
            array, vertex_ends, ARRAY_BUFFER, normalized=is_normalized(name), bounds=name == "POSITION"
        )
        for name, array in arrays.items()
    }
    indices = document.stretches(local.astype(np.uint16).reshape(-1), 3 * triangle_ends, ELEMENT_ARRAY_BUFFER)
    return [
        Geometry({name: numbers[i] for name, numbers in attributes.items()}, (Part(0, index),))
        for i, index in enumerate(indices)
    ]


def _vertex_ends(meshes: Sequence[Mesh], points: Any, corners: Any) -> NDArray[np.intp]:
    """The vertex after the last of each mesh: vertices stand in the order of their corners, or of their points."""
    point_ends = np.cumsum([len(m.points) for m in meshes])
    if corners is not None:
        return np.searchsorted(corners, np.cumsum([len(m.face_vertices) for m in meshes]))
    return point_ends if points is None else np.searchsorted(points, point_ends)
