# SPDX-License-Identifier: Apache-2.0
"""Geometry of class Mesh: control points, polygons, layer elements."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.importers.fbx.document import Document, Object
from pipeline.importers.fbx.records import Record
from pipeline.importers.scene import Interpolation, Mesh, Primvar, Scene
from pipeline.usd.colour import to_linear

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

_MAPPINGS: dict[str, Interpolation] = {
    "ByPolygonVertex": "faceVarying",
    "ByVertice": "vertex",
    "ByVertex": "vertex",
    "ByControlPoint": "vertex",
    "ByPolygon": "uniform",
    "AllSame": "constant",
}


def read_mesh(document: Document, geometry: Object, name: str, scene: Scene) -> Mesh | None:
    """A polygon mesh; None where it has no faces.

    Raises
    ------
    ImportRefused
        Its polygons name points that are not there.
    """
    record = geometry.record
    points = document.rows(record, "Vertices", 3)
    corners = document.array(record, "PolygonVertexIndex", np.int64)
    if points is None or corners is None or not len(points) or not len(corners):
        return None
    ends = np.flatnonzero(corners < 0)
    if not len(ends) or ends[-1] != len(corners) - 1:
        raise document.source.refuse(f"FBX mesh {name!r} is cut off: its last polygon does not end")
    counts = np.diff(ends, prepend=-1).astype(np.int32)
    indices = np.where(corners < 0, ~corners, corners)
    if indices.max(initial=0) >= len(points):
        raise document.source.refuse(
            f"FBX mesh {name!r} names point {int(indices.max())} of {len(points)}", "export the file again"
        )
    mesh = Mesh(name, points, counts, indices.astype(np.int32))
    mesh.normals = _layer(document, mesh, record, "LayerElementNormal", "Normals", "NormalsIndex", 3, scene)
    for layer in record.all("LayerElementUV"):
        uv = _element(document, mesh, layer, "UV", "UVIndex", 2, scene)
        if uv is not None:
            mesh.uvs.append(uv)
    colors = _layer(document, mesh, record, "LayerElementColor", "Colors", "ColorIndex", 4, scene)
    if colors is not None:
        mesh.color = replace(colors, values=_linear(colors.values[:, :3]))
        if not (colors.values[:, 3] == 1).all():
            mesh.opacity = replace(colors, values=colors.values[:, 3:])
    for kind, what in (("LayerElementEdgeCrease", "edge creases"), ("LayerElementVertexCrease", "corner creases")):
        if record.child(kind) is not None:
            scene.lose(name, what, "the mesh is read as polygons")
    return mesh


def face_slots(document: Document, geometry: Object, faces: int) -> Ints | int:
    """The material slot of each face, or one for all of them."""
    layer = geometry.record.child("LayerElementMaterial")
    if layer is None:
        return 0
    slots = document.array(layer, "Materials", np.int64)
    if slots is None or not len(slots):
        return 0
    if layer.value("MappingInformationType") == "ByPolygon" and len(slots) == faces:
        return slots
    return int(slots[0])


def _layer(
    document: Document,
    mesh: Mesh,
    record: Record,
    kind: str,
    values: str,
    indices: str,
    width: int,
    scene: Scene,
) -> Primvar | None:
    layers = record.all(kind)
    for extra in layers[1:]:
        scene.lose(mesh.name, f"further {values.lower()} {extra.value('Name', '')}", "one set is kept")
    return _element(document, mesh, layers[0], values, indices, width, scene) if layers else None


def _element(
    document: Document, mesh: Mesh, layer: Record, values: str, indices: str, width: int, scene: Scene
) -> Primvar | None:
    """One layer element; None (and a loss) where it does not fit the mesh."""
    mapping = str(layer.value("MappingInformationType", ""))
    interpolation = _MAPPINGS.get(mapping)
    data = document.rows(layer, values, width)
    if data is None or not len(data):
        return None
    if interpolation is None:
        scene.lose(mesh.name, f"{values} mapped {mapping or 'nowhere'}", "USD has no such interpolation")
        return None
    wanted = {
        "faceVarying": len(mesh.indices),
        "vertex": len(mesh.points),
        "uniform": len(mesh.counts),
        "constant": 1,
    }[interpolation]
    at: Ints | None = None
    if str(layer.value("ReferenceInformationType", "Direct")).startswith("Index"):
        at = document.array(layer, indices, np.int64)
        if at is not None:
            at = np.where((at < 0) | (at >= len(data)), 0, at).astype(np.int32)[:wanted]
    count = len(data) if at is None else len(at)
    if count < wanted:
        scene.lose(mesh.name, values, f"{count} values for {wanted} places")
        return None
    if at is None:
        data = data[:wanted]
    return Primvar(data, interpolation, at, name=str(layer.value("Name", "") or ""))


def _linear(srgb: Floats) -> Floats:
    """Colours of vertices are display numbers by the habit of the tools that write them: to linear Rec. 709."""
    return to_linear(np.clip(srgb, 0.0, None))


def moved(mesh: Mesh, matrix: NDArray[np.float64]) -> Mesh:
    """The mesh under a geometric transform (row vectors), normals by the inverse transpose."""
    linear = matrix[:3, :3]
    changes: dict[str, object] = {"points": mesh.points @ linear + matrix[3, :3]}
    if mesh.normals is not None and abs(np.linalg.det(linear)) > 0:
        turned = mesh.normals.values @ np.linalg.inv(linear).T
        length = np.linalg.norm(turned, axis=1, keepdims=True)
        changes["normals"] = replace(mesh.normals, values=turned / np.where(length > 0, length, 1.0))
    targets = [replace(t, offsets=t.offsets @ linear) for t in mesh.targets]
    flipped = bool(np.linalg.det(linear) < 0)
    return replace(mesh, **changes, targets=targets, left_handed=flipped != mesh.left_handed)  # type: ignore[arg-type]
