# SPDX-License-Identifier: Apache-2.0
"""The scene as a reader can see it that takes polygons only, and leaves out faces that are none.

Blender mends what it imports: a face that names a point twice goes, and of faces with the same points one stays.
A file may hold them all the same; then fewer come back, and the file is right.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.model import Mesh, Node, Prototype, Scene

__all__ = ["mended", "polygons_only"]


def polygons_only(scene: Scene) -> Scene:
    """The scene without lines and points that stand alone."""
    other = {i for i, mesh in enumerate(scene.meshes) if mesh.kind != "polygons"}
    if not other:
        return scene

    def without(node: Node) -> Node:
        return replace(node, mesh=None, materials=()) if node.mesh in other else node

    return replace(
        scene,
        nodes=tuple(without(n) for n in scene.nodes),
        prototypes=tuple(Prototype(p.path, tuple(without(n) for n in p.nodes)) for p in scene.prototypes),
    )


def mended(scene: Scene) -> Scene:
    """The scene without faces that name a point twice, and without repeated faces."""
    return replace(scene, meshes=tuple(_mended(mesh) for mesh in scene.meshes))


def _mended(mesh: Mesh) -> Mesh:
    counts = mesh.face_counts
    if mesh.kind != "polygons" or not len(counts):
        return mesh
    keep = _distinct(mesh)
    if keep.all():
        return mesh
    corners = np.repeat(keep, counts)
    return replace(mesh, face_counts=counts[keep], face_vertices=mesh.face_vertices[corners], edges=None)


def _distinct(mesh: Mesh) -> NDArray[np.bool_]:
    """Which faces have as many points as corners and stand for the first time, `(f,) bool`."""
    counts, vertices = mesh.face_counts, mesh.face_vertices
    keep = np.ones(len(counts), bool)
    starts = np.cumsum(counts) - counts
    for size in np.unique(counts).tolist():
        faces = np.flatnonzero(counts == size)
        rows = np.sort(vertices[starts[faces][:, None] + np.arange(size)], axis=1)
        keep[faces[(np.diff(rows, axis=1) == 0).any(1)]] = False
        _, first = np.unique(rows, axis=0, return_index=True)
        again = np.ones(len(faces), bool)
        again[first] = False
        keep[faces[again]] = False
    return keep
