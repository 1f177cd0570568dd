# SPDX-License-Identifier: Apache-2.0
"""Collision hulls in the same file, under the names by which engines know them."""

from __future__ import annotations

from pipeline import progress
from pipeline.exporters.hulls import hull_mesh, hull_name, hulls_of, wants_hulls
from pipeline.mesh.convex_cuts import Hull
from pipeline.usd.scene import Mesh, Scene
from pipeline.usd.scene.report import Report

from .assembly import Assembly
from .deflate import Deflater
from .document import Document
from .geometry import GeometryWriter
from .options import FbxOptions
from .records import RecordWriter

__all__ = ["add_hulls"]


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
        if not wants_hulls(scene, node, name):
            continue
        if node.mesh not in cut:
            hulls = hulls_of(mesh, node.path, options.max_hulls, options.concavity, report)
            cut[node.mesh] = [_add_geometry(h, mesh, assembly, document, options, deflater) for h in hulls]
        for k, geometry in enumerate(cut[node.mesh], 1):
            title = hull_name(options.collision or "plain", name, k)
            if options.collision == "unreal":
                model = assembly.writer.add(title, "Mesh", 0, world[number])
            else:
                model = assembly.writer.add(title, "Mesh", assembly.models[number])
            document.connect(geometry, model)
            count += 1
    return count


def _add_geometry(
    hull: Hull,
    mesh: Mesh,
    assembly: Assembly,
    document: Document,
    options: FbxOptions,
    deflater: Deflater,
) -> int:
    geometry_id = document.id()
    writer = [GeometryWriter(geometry_id, hull_mesh(hull, mesh), options, assembly.space, deflater)]

    def emit(w: RecordWriter) -> None:
        writer.pop().write(w)

    document.add("Geometry", emit)
    return geometry_id
