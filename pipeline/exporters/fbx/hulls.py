# SPDX-License-Identifier: Apache-2.0
"""Collision hulls in the same file, under the names by which engines know them."""

from __future__ import annotations

import numpy as np

from pipeline import progress
from pipeline.exporters.collision import Hull, convex_hulls
from pipeline.usd.scene import Mesh, Scene
from pipeline.usd.scene.report import Report

from .assembly import Assembly
from .deflate import Deflater
from .document import Document
from .geometry import GeometryWriter
from .options import FbxOptions
from .records import RecordWriter

__all__ = ["add_hulls"]

_NAMES = {
    "unreal": "UCX_{mesh}_{number:02d}",
    "godot": "{mesh}_{number:02d}-convcolonly",
    "plain": "{mesh}_collision_{number:02d}",
}
_MOST = 99  # numbers have two digits


def add_hulls(
    scene: Scene,
    assembly: Assembly,
    document: Document,
    options: FbxOptions,
    deflater: Deflater,
    report: Report,
) -> int:
    """Add hulls for every static mesh that has a node of its own; returns how many nodes.

    Unreal takes hulls only from the root of the file, under the render mesh's name; Godot's and plain ones are
    children of the mesh.
    """
    for node in scene.nodes:
        if node.instances is not None:
            report.lose(node.path, "collision of a point instancer", "give its prototypes collision in the engine")
    cut: dict[int, list[int]] = {}
    count = 0
    world = scene.world_matrices
    for number, name in progress.track(list(assembly.mesh_names.items()), "cutting collision hulls"):
        node = scene.nodes[number]
        assert node.mesh is not None
        mesh = scene.meshes[node.mesh]
        if node.lod or mesh.skin is not None or mesh.blend_shapes or mesh.track is not None or _is_hull(name):
            continue
        if node.mesh not in cut:
            hulls = convex_hulls(
                mesh.points,
                mesh.triangle_vertices,
                max_hulls=min(options.max_hulls, _MOST),
                concavity=options.concavity,
            )
            cut[node.mesh] = [_add_geometry(h, mesh, assembly, document, options, deflater) for h in hulls]
            if not hulls:
                report.lose(node.path, "collision", "the mesh has no area")
        for k, geometry in enumerate(cut[node.mesh], 1):
            title = _NAMES[options.collision or "plain"].format(mesh=name, number=k)
            if options.collision == "unreal":
                model = assembly.writer.add(title, "Mesh", 0, world[number])
            else:
                model = assembly.writer.add(title, "Mesh", assembly.models[number])
            document.connect(geometry, model)
            count += 1
    return count


def _is_hull(name: str) -> bool:
    return name.split("_", 1)[-1].startswith(("UCX_", "UBX_", "USP_")) or name.startswith(("UCX_", "UBX_", "USP_"))


def _add_geometry(
    hull: Hull,
    mesh: Mesh,
    assembly: Assembly,
    document: Document,
    options: FbxOptions,
    deflater: Deflater,
) -> int:
    geometry_id = document.id()
    body = Mesh(
        name=f"{mesh.name}_hull",
        path=mesh.path,
        points=hull.points.astype(np.float32),
        face_counts=np.full(len(hull.triangles), 3, np.int32),
        face_vertices=hull.triangles.reshape(-1).astype(np.int32),
    )
    writer = [GeometryWriter(geometry_id, body, options, assembly.space, deflater)]

    def emit(w: RecordWriter) -> None:
        writer.pop().write(w)

    document.add("Geometry", emit)
    return geometry_id
