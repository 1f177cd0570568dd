# SPDX-License-Identifier: Apache-2.0
"""Meshes to glTF primitives: accessors once for each geometry, however many materials and nodes use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.exporters.gltf.container import ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, Document
from pipeline.exporters.gltf.skins import influences
from pipeline.exporters.targets import Target
from pipeline.usd.scene.model import Doubles, Floats, Mesh, Primvar
from pipeline.usd.scene.normals import smooth_normals, unit
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.weld import Vertices, weld

__all__ = ["Geometry", "Morph", "Part", "build_geometry", "chosen_uvs", "is_normalized", "vertex_arrays"]


@dataclass(frozen=True, eq=False)
class Part:
    """What one primitive draws: a mode, an index accessor, the slot whose material it has, a UDIM tile or 0."""

    slot: int
    indices: int | None
    mode: int = 4
    tile: int = 0
    #: its own attributes; None for those of the geometry
    attributes: dict[str, int] | None = None
    #: what extensions say of it
    extensions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Morph:
    """One morph target: its name, its accessors, and where its weight comes from (blend shape, part of it)."""

    name: str
    attributes: dict[str, int]


@dataclass(frozen=True, eq=False)
class Geometry:
    """The accessors of one mesh."""

    attributes: dict[str, int]
    parts: tuple[Part, ...]
    morphs: tuple[Morph, ...] = ()
    #: (4, 4) takes stored positions to the mesh's own; None where they are the same
    unpack: Doubles | None = None


def build_geometry(
    document: Document,
    mesh: Mesh,
    *,
    uv_sets: Sequence[str],
    use_color: bool,
    tiles: dict[int, str],
    tangents: bool,
    target: Target,
    report: Report,
    pack: Any = None,
    track_keys: Floats | None = None,
) -> Geometry | None:
    """Store a mesh; None where nothing of it can be drawn.

    Parameters
    ----------
    uv_sets
        Names in the order of TEXCOORD_n.
    use_color
        displayColor is what shows (COLOR_0); otherwise it is kept as `_DISPLAYCOLOR`.
    tiles
        Slots whose material has UDIM textures, with the UV set that picks the tile.
    pack
        Quantiser of the attributes (`pipeline.exporters.gltf.quantize`).
    track_keys
        `(k, n, 3)` point positions that become morph targets.
    """
    if mesh.kind != "polygons":
        return _plain(document, mesh)
    if not len(mesh.face_counts):
        return None
    uvs = chosen_uvs(mesh, uv_sets)
    arrays, vertices = vertex_arrays(mesh, uvs, use_color=use_color, tangents=tangents)
    if mesh.skin is not None:
        joints, weights = influences(mesh, mesh.skin, target.geometry.max_influences, report)
        for k in range(joints.shape[1] // 4):
            arrays[f"JOINTS_{k}"] = joints[:, 4 * k : 4 * k + 4]
            arrays[f"WEIGHTS_{k}"] = weights[:, 4 * k : 4 * k + 4]
            if vertices.points is not None:
                arrays[f"JOINTS_{k}"] = arrays[f"JOINTS_{k}"][vertices.points]
                arrays[f"WEIGHTS_{k}"] = arrays[f"WEIGHTS_{k}"][vertices.points]
    morph_arrays = _morphs(mesh, vertices, "NORMAL" in arrays, track_keys)
    triangles = vertices.triangles
    pieces = _pieces(mesh, vertices, tiles)
    loose = None if mesh.edges is None else _loose(document, mesh)
    if loose is not None:
        report.lose(mesh.path, "faces of two corners", "drawn as lines")
    if pack is not None:
        packed: Geometry | None = pack(document, mesh.path, arrays, morph_arrays, triangles, pieces, vertices.count)
        if packed is not None:
            return packed if loose is None else replace(packed, parts=(*packed.parts, loose))
    attributes = {name: _store(document, name, array) for name, array in arrays.items()}
    parts = tuple(
        Part(slot, _indices(document, triangles if rows is None else triangles[rows], vertices.count), 4, tile)
        for slot, tile, rows in pieces
    )
    morphs = tuple(
        Morph(name, {key: document.accessor(a, ARRAY_BUFFER, bounds=key == "POSITION") for key, a in one.items()})
        for name, one in morph_arrays
    )
    return Geometry(attributes, (*parts, *(() if loose is None else (loose,))), morphs)


def chosen_uvs(mesh: Mesh, names: Sequence[str]) -> list[Primvar]:
    """The UV sets of these names, in that order."""
    by_name = {p.name: p for p in mesh.uvs}
    return [by_name[name] for name in names if name in by_name]


def vertex_arrays(
    mesh: Mesh, uvs: Sequence[Primvar], *, use_color: bool, tangents: bool
) -> tuple[dict[str, NDArray[Any]], Vertices]:
    """Everything at the vertices that no joint moves, by attribute, and the welded vertices."""
    primvars = [p for p in (mesh.normals, mesh.color, mesh.opacity, *uvs) if p is not None]
    vertices = weld(mesh, primvars)
    arrays: dict[str, NDArray[Any]] = {"POSITION": vertices.of_points(mesh.points)}
    normals = _normals(mesh, vertices)
    if normals is not None:
        arrays["NORMAL"] = normals
    for i, primvar in enumerate(uvs):
        arrays[f"TEXCOORD_{i}"] = _flipped(vertices.of(primvar, mesh))
    if tangents and normals is not None and uvs:
        from pipeline.exporters.gltf.tangents import tangents as computed

        arrays["TANGENT"] = computed(arrays["POSITION"], normals, arrays["TEXCOORD_0"], vertices.triangles)
    if mesh.color is not None or mesh.opacity is not None:
        arrays["COLOR_0" if use_color else "_DISPLAYCOLOR"] = _colors(mesh, vertices)
    return arrays, vertices


def _loose(document: Document, mesh: Mesh) -> Part:
    """The edges as a primitive with points of its own."""
    assert mesh.edges is not None
    used, local = np.unique(mesh.edges, return_inverse=True)
    own = {"POSITION": document.accessor(mesh.points[used], ARRAY_BUFFER, bounds=True)}
    return Part(0, _indices(document, local.reshape(-1, 2), len(used)), 1, 0, own)


def _store(document: Document, name: str, array: NDArray[Any]) -> int:
    return document.accessor(array, ARRAY_BUFFER, normalized=is_normalized(name), bounds=name == "POSITION")


def is_normalized(name: str) -> bool:
    """Whether an attribute's integers stand for shares."""
    return name.startswith(("COLOR_", "_DISPLAYCOLOR"))


def _indices(document: Document, triangles: NDArray[Any], count: int) -> int:
    kind = np.uint16 if count <= 65535 else np.uint32
    flat = np.ascontiguousarray(triangles).reshape(-1)
    stored = flat.view(np.uint32) if kind is np.uint32 and flat.dtype == np.int32 else flat.astype(kind)
    return document.accessor(stored, ELEMENT_ARRAY_BUFFER)


def _normals(mesh: Mesh, vertices: Vertices) -> Floats | None:
    if mesh.normals is not None:
        return vertices.of(mesh.normals, mesh)
    if mesh.faceted:
        return None
    return vertices.of_points(mesh.smooth_normals)


def _flipped(uv: Floats) -> Floats:
    """glTF counts V from the top."""
    result = np.empty((len(uv), 2), np.float32)
    result[:, 0] = uv[:, 0]
    np.subtract(np.float32(1), uv[:, 1], out=result[:, 1])
    return result


def _colors(mesh: Mesh, vertices: Vertices) -> NDArray[np.uint16]:
    """Linear RGB(A) as normalised 16-bit numbers."""
    result = np.full((vertices.count, 4), 65535, np.uint16)
    if mesh.color is not None:
        result[:, :3] = _sixteen(vertices.of(mesh.color, mesh)[:, :3])
    if mesh.opacity is not None:
        result[:, 3:] = _sixteen(vertices.of(mesh.opacity, mesh)[:, :1])
    return result


def _sixteen(values: Floats) -> NDArray[np.uint16]:
    return np.asarray(np.clip(values, 0.0, 1.0) * 65535.0 + 0.5, np.uint16)


def _pieces(mesh: Mesh, vertices: Vertices, tiles: dict[int, str]) -> list[tuple[int, int, Any]]:
    """(slot, tile, rows of the triangles or None for all) for each primitive."""
    pieces: list[tuple[int, int, Any]] = []
    if mesh.face_slots is None:
        pieces.append((0, 0, None))
    else:
        part = mesh.face_slots[mesh.triangle_faces]
        pieces = [(slot, 0, np.flatnonzero(part == slot)) for slot in range(len(mesh.slots))]
    if not tiles:
        return [p for p in pieces if p[2] is None or len(p[2])]
    result = []
    by_name = {p.name: p for p in mesh.uvs}
    for slot, _, rows in pieces:
        primvar = by_name.get(tiles.get(slot, ""))
        if primvar is None:
            result.append((slot, 0, rows))
            continue
        corners = mesh.triangles if rows is None else mesh.triangles[rows]
        centre = primvar.values[primvar.at_corners(mesh)[corners]].mean(axis=1)
        column = np.clip(np.floor(centre[:, 0]), 0, 9).astype(int)
        tile = 1001 + column + 10 * np.clip(np.floor(centre[:, 1]), 0, 99).astype(int)
        for number in np.unique(tile).tolist():
            chosen = np.flatnonzero(tile == number)
            result.append((slot, number, chosen if rows is None else rows[chosen]))
    return result


def _morphs(
    mesh: Mesh, vertices: Vertices, with_normals: bool, keys: Floats | None
) -> list[tuple[str, dict[str, NDArray[Any]]]]:
    found: list[tuple[str, dict[str, NDArray[Any]]]] = []
    for blend in mesh.blend_shapes:
        for shape in blend.shapes:
            one: dict[str, NDArray[Any]] = {"POSITION": vertices.of_points(shape.dense(len(mesh.points)))}
            if with_normals and shape.normal_offsets is not None:
                dense = np.zeros((len(mesh.points), 3), np.float32)
                dense[slice(None) if shape.indices is None else shape.indices] = shape.normal_offsets
                one["NORMAL"] = vertices.of_points(dense)
            name = blend.name if shape.weight == 1 else f"{blend.name}_{round(shape.weight * 100)}"
            found.append((name, one))
    # all targets of a primitive have the same attributes
    if any("NORMAL" in one for _, one in found):
        for _, one in found:
            one.setdefault("NORMAL", np.zeros((vertices.count, 3), np.float32))
    if keys is None:
        return found
    smooth = None
    if with_normals and mesh.normals is not None and mesh.normals.interpolation == "vertex":
        smooth = unit(vertices.of(mesh.normals, mesh))
    for k, points in enumerate(keys):
        one = {"POSITION": vertices.of_points(points - mesh.points)}
        if smooth is not None:
            moved = smooth_normals(points, mesh.triangle_vertices)
            one["NORMAL"] = vertices.of_points(moved) - smooth
        found.append((f"frame_{k}", one))
    return found


def _plain(document: Document, mesh: Mesh) -> Geometry | None:
    """Points, and polylines as separate segments."""
    attributes = {"POSITION": document.accessor(mesh.points, ARRAY_BUFFER, bounds=True)}
    color: Primvar | None = mesh.color
    if color is not None:
        values = np.broadcast_to(color.values, (len(mesh.points), 3))
        wide = np.full((len(values), 4), 65535, np.uint16)
        wide[:, :3] = _sixteen(values)
        attributes["COLOR_0"] = document.accessor(wide, ARRAY_BUFFER, normalized=True)
    if mesh.kind == "points":
        return Geometry(attributes, (Part(0, None, 0),))
    ends = np.cumsum(mesh.face_counts)
    inner = np.ones(len(mesh.face_vertices), bool)
    inner[ends - 1] = False
    first = np.flatnonzero(inner)
    segments = np.stack([mesh.face_vertices[first], mesh.face_vertices[first + 1]], -1)
    return Geometry(attributes, (Part(0, _indices(document, segments, len(mesh.points)), 1),))
