# SPDX-License-Identifier: Apache-2.0
"""Collision hulls under the names by which engines know them."""

from __future__ import annotations

import hashlib
from threading import Lock

import numpy as np

from pipeline.mesh.convex_cuts import Hull, convex_hulls
from pipeline.usd.scene.model import Mesh, Node, Scene
from pipeline.usd.scene.report import Report

__all__ = ["hull_mesh", "hull_name", "hulls_of", "wants_hulls"]

_NAMES = {
    "unreal": "UCX_{mesh}_{number:02d}",
    "godot": "{mesh}_{number:02d}-convcolonly",
    "plain": "{mesh}_collision_{number:02d}",
}
#: numbers have two digits
_MOST = 99
#: meshes whose hulls are kept; a hull has at most 48 corners, so this is some megabytes
_REMEMBERED = 1024
_DONE: dict[bytes, list[Hull]] = {}
_LOCK = Lock()
_AUTHORED = ("UCX_", "UBX_", "USP_", "UCP_")


def hull_name(style: str, mesh: str, number: int) -> str:
    """The name of a mesh's hull, counted from 1, in a style: `unreal`, `godot`, `plain`."""
    return _NAMES[style].format(mesh=mesh, number=number)


def wants_hulls(scene: Scene, node: Node, name: str) -> bool:
    """Whether hulls are cut for a node: it draws a mesh that stands still, and that is no hull itself."""
    if node.mesh is None or node.lod:
        return False
    mesh = scene.meshes[node.mesh]
    bends = mesh.skin is not None or mesh.blend_shapes or mesh.track is not None
    authored = name.startswith(_AUTHORED) or name.split("_", 1)[-1].startswith(_AUTHORED)
    return mesh.kind == "polygons" and not bends and not authored


def hulls_of(mesh: Mesh, path: str, max_hulls: int, concavity: float, report: Report) -> list[Hull]:
    """The convex bodies of a mesh, at most 99; none, and a loss at `path`, where it has no area."""
    found = _cut(_key(mesh, max_hulls, concavity), mesh, min(max_hulls, _MOST), concavity)
    if not found:
        report.lose(path, "collision", "the mesh has no area")
    return found


def _key(mesh: Mesh, *settings: float) -> bytes:
    digest = hashlib.blake2b(repr(settings).encode())
    for array in (mesh.points, mesh.triangle_vertices):
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


def _cut(key: bytes, mesh: Mesh, max_hulls: int, concavity: float) -> list[Hull]:
    """The hulls of a mesh, cut once for all the formats that a delivery writes one after another."""
    with _LOCK:
        found = _DONE.get(key)
    if found is None:
        found = convex_hulls(mesh.points, mesh.triangle_vertices, max_hulls=max_hulls, concavity=concavity)
        with _LOCK:
            if len(_DONE) >= _REMEMBERED:
                _DONE.clear()
            _DONE[key] = found
    return found


def hull_mesh(hull: Hull, mesh: Mesh) -> Mesh:
    """A hull as a mesh of triangles."""
    return Mesh(
        name=f"{mesh.name}_hull",
        path=mesh.path,
        points=hull.points.astype(np.float32),
        face_counts=np.full(len(hull.triangles), 3, np.int32),
        face_vertices=hull.triangles.reshape(-1).astype(np.int32),
    )
