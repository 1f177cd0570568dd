# SPDX-License-Identifier: Apache-2.0
"""A model as one GLB, as services deliver theirs; for stand-ins and for `options.embedded.format = "glb"`.

Written from the glTF 2.0 specification: metres, Y up, one primitive a mesh, textures as PNG in the binary chunk.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import GeneratorError
from pipeline.generators.embedded.model import Mesh, Model
from pipeline.references.png import png_bytes


def _indexed(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """(n, 8) float32 position, normal, uv (v down) per vertex and (t * 3,) uint32 indices."""
    tri, uv, normals = mesh.triangulated()
    rows = np.concatenate(
        [mesh.points[tri.reshape(-1)], normals.reshape(-1, 3), uv.reshape(-1, 2) * [1, -1] + [0, 1]], axis=1
    ).astype(np.float32)
    table, index = np.unique(rows, axis=0, return_inverse=True)
    return table, index.reshape(-1).astype(np.uint32)


def glb_bytes(model: Model, textures: bool = True) -> bytes:
    """Encode the model as GLB."""
    binary = bytearray()
    views: list[dict[str, Any]] = []
    accessors: list[dict[str, Any]] = []
    document: dict[str, Any] = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(model.meshes)))}],
        "nodes": [],
        "meshes": [],
        "materials": [],
    }

    def view(body: bytes, target: int = 0) -> int:
        binary.extend(b"\0" * (-len(binary) % 4))
        entry: dict[str, Any] = {"buffer": 0, "byteOffset": len(binary), "byteLength": len(body)}
        views.append(entry | ({"target": target} if target else {}))
        binary.extend(body)
        return len(views) - 1

    def accessor(array: np.ndarray, kind: str, component: int, target: int, bounds: bool = False) -> int:
        entry: dict[str, Any] = {
            "bufferView": view(np.ascontiguousarray(array).tobytes(), target),
            "componentType": component,
            "count": len(array),
            "type": kind,
        }
        if bounds:
            entry |= {"min": array.min(0).tolist(), "max": array.max(0).tolist()}
        accessors.append(entry)
        return len(accessors) - 1

    materials = list(model.surfaces)
    for name in materials:
        document["materials"].append(_material(document, model, name, view, textures))
    for mesh in model.meshes:
        table, index = _indexed(mesh)
        document["nodes"].append({"mesh": len(document["meshes"]), "name": mesh.name})
        primitive = {
            "attributes": {
                "POSITION": accessor(table[:, :3], "VEC3", 5126, 34962, True),
                "NORMAL": accessor(table[:, 3:6], "VEC3", 5126, 34962),
                "TEXCOORD_0": accessor(table[:, 6:], "VEC2", 5126, 34962),
            },
            "indices": accessor(index, "SCALAR", 5125, 34963),
            "material": materials.index(mesh.material),
        }
        document["meshes"].append({"name": mesh.name, "primitives": [primitive]})
    document |= {"accessors": accessors, "bufferViews": views}
    binary.extend(b"\0" * (-len(binary) % 4))
    document["buffers"] = [{"byteLength": len(binary)}]
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + len(binary)
    return (
        struct.pack("<4sII", b"glTF", 2, total)
        + struct.pack("<I4s", len(text), b"JSON")
        + text
        + struct.pack("<I4s", len(binary), b"BIN\0")
        + bytes(binary)
    )


def write_glb(model: Model, path: Path) -> Path:
    """Write the model to a new file; the folder is made where it is missing.

    Raises
    ------
    GeneratorError
        It cannot be written.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(glb_bytes(model))
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise GeneratorError(
            f"cannot write the candidate: {error.strerror}", path=path, remedy="check space and permissions there"
        ) from error
    return path


def _material(document: dict[str, Any], model: Model, name: str, view: Any, textures: bool) -> dict[str, Any]:
    surface = model.surfaces[name]
    pbr: dict[str, Any] = {"metallicFactor": float(surface.metallic), "roughnessFactor": 1.0}
    material: dict[str, Any] = {"name": name, "pbrMetallicRoughness": pbr}
    if not textures:
        pbr["baseColorFactor"] = [*(np.mean((surface.albedo / 255) ** 2.2, axis=(0, 1)).round(5).tolist()), 1.0]
        return material
    rough = surface.roughness
    packed = np.stack([np.full_like(rough, 255), rough, np.full_like(rough, 255)], -1)
    for kind, pixels in (("albedo", surface.albedo), ("normal", surface.normal), ("roughness", packed)):
        images = document.setdefault("images", [])
        images.append({"bufferView": view(png_bytes(pixels)), "mimeType": "image/png", "name": f"{name}_{kind}"})
        document.setdefault("textures", []).append({"source": len(images) - 1})
        slot = {"index": len(images) - 1}
        if kind == "albedo":
            pbr["baseColorTexture"] = slot
        elif kind == "normal":
            material["normalTexture"] = slot
        else:
            pbr["metallicRoughnessTexture"] = slot
    return material
