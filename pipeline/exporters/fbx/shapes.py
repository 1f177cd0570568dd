# SPDX-License-Identifier: Apache-2.0
"""Blend shapes: a deformer, a channel for each shape, the shape and its in-betweens as sparse offsets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene import BlendShape, Mesh, Shape
from pipeline.usd.scene.report import Report

from .deflate import Deflated
from .document import Document
from .properties import number, properties
from .records import RecordWriter, f64, i32, i64, named, text
from .space import FileSpace

__all__ = ["add_blend_shapes"]

Doubles = NDArray[np.float64]


def add_blend_shapes(
    document: Document,
    mesh: Mesh,
    geometry: int,
    weights: NDArray[np.floating] | None,
    transform: Doubles | None,
    space: FileSpace,
    report: Report,
) -> list[int]:
    """Add a mesh's shapes to its geometry; returns the ids of the channels.

    Parameters
    ----------
    weights
        `(shapes,)` how far each shape counts at rest.
    transform
        `(4, 4)` that the points were given, None for the identity.
    """
    deformer_id = document.id()

    def emit_deformer(w: RecordWriter) -> None:
        with w.nest(b"Deformer", i64(deformer_id), named(mesh.name, "Deformer"), text("BlendShape")):
            w.leaf(b"Version", i32(100))

    document.add("Deformer", emit_deformer)
    document.connect(deformer_id, geometry)
    channels = []
    linear = np.eye(3) if transform is None else transform[:3, :3]
    for k, blend in enumerate(mesh.blend_shapes):
        rest = float(weights[k]) if weights is not None and k < len(weights) else 0.0
        channels.append(_add_channel(document, deformer_id, blend, rest, linear, space, report))
    return channels


def _add_channel(
    document: Document,
    deformer_id: int,
    blend: BlendShape,
    rest: float,
    linear: Doubles,
    space: FileSpace,
    report: Report,
) -> int:
    channel_id = document.id()
    shapes = [s for s in blend.shapes if s.weight > 0]
    if len(shapes) < len(blend.shapes):
        report.lose(blend.path, "in-between at a weight of zero or less", "FBX's full weights are positive")
    full = np.array([100.0 * s.weight for s in shapes])

    def emit(w: RecordWriter) -> None:
        head = (i64(channel_id), named(blend.name, "SubDeformer"), text("BlendShapeChannel"))
        with w.nest(b"Deformer", *head):
            w.leaf(b"Version", i32(100))
            w.leaf(b"DeformPercent", f64(100.0 * rest))
            properties(w, [number("DeformPercent", 100.0 * rest)])
            w.array(b"FullWeights", full)

    document.add("Deformer", emit)
    document.connect(channel_id, deformer_id)
    for shape in shapes:
        name = blend.name if shape.weight == 1 else f"{blend.name}_{round(100 * shape.weight)}"
        _add_shape(document, channel_id, name, shape, linear, space)
    return channel_id


def _add_shape(document: Document, channel_id: int, name: str, shape: Shape, linear: Doubles, space: FileSpace) -> None:
    shape_id = document.id()

    def emit(w: RecordWriter) -> None:
        offsets = shape.offsets.astype(np.float64)
        indices = np.arange(len(offsets), dtype=np.int32) if shape.indices is None else shape.indices
        normals = shape.normal_offsets
        moved = offsets.any(-1)
        if normals is not None and len(normals) == len(offsets):
            moved = moved | normals.any(-1)
        with w.nest(b"Geometry", i64(shape_id), named(name, "Geometry"), text("Shape")):
            w.leaf(b"Version", i32(100))
            w.array(b"Indexes", Deflated.packed(indices[moved].astype(np.int32)))
            w.array(b"Vertices", Deflated.packed(space.points(offsets[moved] @ linear)))
            turned: NDArray[np.floating] = np.zeros(
                (int(moved.sum()), 3)
            )  # some readers (assimp) want them in any case
            if normals is not None and len(normals) == len(offsets):
                turned = space.directions(normals[moved].astype(np.float64) @ linear)
            w.array(b"Normals", Deflated.packed(turned))

    document.add("Geometry", emit)
    document.connect(shape_id, channel_id)
