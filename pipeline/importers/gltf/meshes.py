# SPDX-License-Identifier: Apache-2.0
"""glTF meshes: the primitives of one mesh become one mesh with a material a face.

A mesh that was cut by material would show open borders at every cut, so primitives with the same set of
attributes are joined; their points are neither welded nor reordered.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.errors import MissingDependency
from pipeline.importers.gltf import accessors
from pipeline.importers.gltf.container import Container
from pipeline.importers.scene import Array, Floats, Ints, Mesh, MorphTarget, Primvar

_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_NOT_FACES = {0: "points", 1: "lines", 2: "line loops", 3: "line strips"}
_DRACO = "KHR_draco_mesh_compression"
_KNOWN = {"POSITION", "NORMAL", "COLOR_0", "TANGENT"} | {
    f"{name}_{i}" for name in ("TEXCOORD", "JOINTS", "WEIGHTS") for i in range(8)
}


def read(file: Container, index: int) -> list[Mesh]:
    """The meshes that one glTF mesh becomes; several only where its primitives differ in attributes."""
    told = file.item("meshes", index)
    name = str(told.get("name") or f"mesh_{index}")
    groups: dict[tuple[Any, ...], list[Mesh]] = {}
    for number, primitive in enumerate(told.get("primitives", [])):
        mode = primitive.get("mode", _TRIANGLES)
        if mode in _NOT_FACES:
            file.scene.lose(f"{name}[{number}]", _NOT_FACES[mode], "only faces are kept")
            continue
        if mode not in (_TRIANGLES, _STRIP, _FAN):
            raise file.source.refuse(f"mesh {name!r} has the unknown mode {mode!r}")
        mesh = _primitive(file, primitive, name, mode, _target_names(told))
        groups.setdefault(_signature(mesh), []).append(mesh)
    return [_join(parts) for parts in groups.values()]


def _target_names(told: dict[str, Any]) -> list[str]:
    names = told.get("extras", {}).get("targetNames", []) if isinstance(told.get("extras"), dict) else []
    return [str(n) for n in names] if isinstance(names, list) else []


def _primitive(file: Container, told: dict[str, Any], name: str, mode: int, names: list[str]) -> Mesh:
    attributes = dict(told.get("attributes", {}))
    packed = told.get("extensions", {}).get(_DRACO)
    unpacked: dict[str, Array] = {}
    if packed is not None:
        unpacked, corners = _draco(file, packed)
    else:
        corners = _corners(file, told, attributes)
    if "POSITION" not in attributes:
        raise file.source.refuse(f"mesh {name!r} has a primitive without positions")

    def get(key: str, wide: int | None = None) -> Floats:
        if key in unpacked:
            return unpacked[key].astype(np.float64)
        return accessors.floats(file, attributes[key], wide)

    points = get("POSITION", 3)
    triangles = _triangles(corners, mode)
    mesh = Mesh(name, points, np.full(len(triangles), 3, np.int32), triangles.reshape(-1))
    if "NORMAL" in attributes:
        mesh.normals = Primvar(get("NORMAL", 3), "vertex", name="normals")
    for i in range(8):
        if f"TEXCOORD_{i}" in attributes:
            uv = get(f"TEXCOORD_{i}", 2)
            mesh.uvs.append(Primvar(np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1), "vertex", name=f"TEXCOORD_{i}"))
    if "COLOR_0" in attributes:
        color = get("COLOR_0")
        mesh.color = Primvar(color[:, :3], "vertex", name="COLOR_0")
        if color.shape[1] == 4 and (color[:, 3] < 1).any():
            mesh.opacity = Primvar(color[:, 3:], "vertex", name="COLOR_0")
    if "JOINTS_0" in attributes and "WEIGHTS_0" in attributes:
        sets = [i for i in range(4) if f"JOINTS_{i}" in attributes and f"WEIGHTS_{i}" in attributes]
        mesh.joints = np.concatenate([_whole(file, unpacked, attributes, f"JOINTS_{i}") for i in sets], axis=1)
        mesh.weights = np.concatenate([get(f"WEIGHTS_{i}") for i in sets], axis=1)
    mesh.targets = _targets(file, told, name, names, len(points))
    material = told.get("material")
    mesh.face_material = material if isinstance(material, int) and material >= 0 else -1
    if mesh.face_material >= len(file.items("materials")):
        raise file.source.refuse(f"mesh {name!r} names the material {material}, which is not there")
    for extra in sorted(attributes.keys() - _KNOWN):
        file.scene.lose(name, f"attribute {extra}", "has no place in a mesh")
    if "TANGENT" in attributes:
        file.scene.lose(name, "tangents", "follow from the normals and texture coordinates")
    return mesh


def _whole(file: Container, unpacked: dict[str, Array], attributes: dict[str, Any], key: str) -> Ints:
    return unpacked[key].astype(np.int64) if key in unpacked else accessors.ints(file, attributes[key])


def _corners(file: Container, told: dict[str, Any], attributes: dict[str, Any]) -> Ints:
    if "indices" in told:
        return accessors.ints(file, told["indices"])[:, 0]
    return np.arange(file.item("accessors", attributes.get("POSITION")).get("count", 0), dtype=np.int64)


def _triangles(corners: Ints, mode: int) -> Ints:
    """Corner numbers (n, 3) of a list, strip or fan; incomplete last triangles are no triangles."""
    if mode == _TRIANGLES:
        return corners[: len(corners) // 3 * 3].reshape(-1, 3)
    n = max(0, len(corners) - 2)
    i = np.arange(n)
    if mode == _FAN:
        return np.stack([corners[i + 1], corners[i + 2], np.broadcast_to(corners[:1], (n,))], axis=1)
    odd = i % 2
    return np.stack([corners[i], corners[i + 1 + odd], corners[i + 2 - odd]], axis=1)


def _targets(file: Container, told: dict[str, Any], name: str, names: list[str], n: int) -> list[MorphTarget]:
    out = []
    for i, target in enumerate(told.get("targets", [])):
        offsets = accessors.floats(file, target["POSITION"], 3) if "POSITION" in target else np.zeros((n, 3))
        normals = accessors.floats(file, target["NORMAL"], 3) if "NORMAL" in target else None
        if len(offsets) != n or (normals is not None and len(normals) != n):
            raise file.source.refuse(f"mesh {name!r} has a morph target of another length")
        out.append(MorphTarget(names[i] if i < len(names) else f"target_{i}", offsets, normals))
    return out


def _draco(file: Container, packed: dict[str, Any]) -> tuple[dict[str, Array], Ints]:
    """Attributes by glTF's names and the corners of a Draco mesh."""
    try:
        import DracoPy
    except ImportError:
        raise MissingDependency(
            "its meshes are packed with Draco", path=file.source.path,
            remedy="pip install 'sevengates[mesh]', or export without compression",
        ) from None  # fmt: skip
    try:
        mesh = DracoPy.decode(file.view(packed.get("bufferView")))
        by_id = {a["unique_id"]: a for a in mesh.attributes}
        found = {name: np.asarray(by_id[number]["data"]) for name, number in packed["attributes"].items()}
        corners = np.asarray(mesh.faces, np.int64).reshape(-1)
    except Exception as e:  # noqa: BLE001 - the decoder's own errors are of no common class
        raise file.source.refuse(f"has a Draco mesh that does not unpack: {type(e).__name__} {e}"[:200]) from None
    return {k: v.reshape(len(v), -1) for k, v in found.items()}, corners


def _signature(mesh: Mesh) -> tuple[Any, ...]:
    return (
        mesh.normals is None, len(mesh.uvs), mesh.color is None, mesh.joints is None,
        0 if mesh.joints is None else mesh.joints.shape[1], len(mesh.targets),
        tuple(t.normal_offsets is None for t in mesh.targets),
    )  # fmt: skip


def _join(parts: list[Mesh]) -> Mesh:
    first = parts[0]
    if len(parts) == 1:
        return first
    shift = np.cumsum([0, *(len(p.points) for p in parts[:-1])])

    def stack(get: Any) -> Any:
        return np.concatenate([get(p) for p in parts])

    def primvar(get: Any) -> Primvar:
        return Primvar(stack(lambda p: get(p).values), "vertex", name=get(first).name)

    opaque = all(p.opacity is None for p in parts)
    return Mesh(
        first.name,
        stack(lambda p: p.points),
        stack(lambda p: p.counts),
        np.concatenate([p.indices + s for p, s in zip(parts, shift, strict=True)]),
        normals=None if first.normals is None else primvar(lambda p: p.normals),
        uvs=[primvar(lambda p, i=i: p.uvs[i]) for i in range(len(first.uvs))],
        color=None if first.color is None else primvar(lambda p: p.color),
        opacity=None if opaque else primvar(lambda p: p.opacity or Primvar(np.ones((len(p.points), 1)), "vertex")),
        face_material=np.concatenate([np.full(len(p.counts), p.face_material) for p in parts]),
        joints=None if first.joints is None else stack(lambda p: p.joints),
        weights=None if first.weights is None else stack(lambda p: p.weights),
        targets=[
            MorphTarget(
                t.name,
                stack(lambda p, i=i: p.targets[i].offsets),
                None if t.normal_offsets is None else stack(lambda p, i=i: p.targets[i].normal_offsets),
            )
            for i, t in enumerate(first.targets)
        ],
    )
