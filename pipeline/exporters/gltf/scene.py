# SPDX-License-Identifier: Apache-2.0
"""The flattened scene to a glTF document."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.exporters.gltf.animation import add_clip
from pipeline.exporters.gltf.container import Document
from pipeline.exporters.gltf.engine import add_hulls, engine_nodes
from pipeline.exporters.gltf.geometry import Geometry
from pipeline.exporters.gltf.hierarchy import Hierarchy
from pipeline.exporters.gltf.images import Images
from pipeline.exporters.gltf.instances import add_instances
from pipeline.exporters.gltf.materials import MaterialWriter
from pipeline.exporters.gltf.meshes import MeshWriter, variant_rows
from pipeline.exporters.targets import Target
from pipeline.usd.scene.draws import bounds
from pipeline.usd.scene.model import Mesh, Node, Scene
from pipeline.usd.scene.posing import shape_weights
from pipeline.usd.scene.report import Report

__all__ = ["SceneWriter"]

_LOD_COVERAGE = (0.5, 0.2, 0.05, 0.01)


class SceneWriter:
    """Builds one document from one scene.

    Attributes
    ----------
    drawn
        glTF nodes that hold the mesh of a scene node.
    """

    def __init__(self, scene: Scene, target: Target, *, embed: bool, generator: str) -> None:
        self.scene, self.target = scene, target
        self.report = Report()
        self.document = Document(generator)
        self.images = Images(self.document, target.textures, self.report, embed=embed)
        materials = MaterialWriter(self.document, self.images, target, self.report)
        self.meshes = MeshWriter(scene, self.document, materials, target, self.report, _packer(target, self.report))
        self.skins: dict[tuple[Any, ...], int] = {}
        self.drawn: dict[int, list[int]] = {}
        self.size = _size(scene)

    def write(self) -> Document:
        """Everything, in the order: nodes, geometry, skins, animations, extensions."""
        scene, document = self.scene, self.document
        nodes = engine_nodes(scene, self.target, self.report)
        self.hierarchy = Hierarchy(scene, nodes, document, self.report)
        rows = variant_rows(scene) if self.target.geometry.variants else {}
        self.meshes.prepare((n.mesh, n.materials) for n in scene.nodes if n.mesh is not None and n.skin_root is None)
        for i, node in enumerate(nodes):
            if node.mesh is not None:
                self._draw(i, node, rows.get(i, ()))
            if node.instances is not None:
                add_instances(self.hierarchy, self.meshes, i, node, gpu=self.target.geometry.instancing == "gpu")
        self._levels()
        if self.target.geometry.collision == "hulls":
            add_hulls(self.hierarchy, nodes, scene, self.target, self.report)
        for clip in scene.clips:
            add_clip(self, clip)
        if scene.variants and self.target.geometry.variants:
            names = [{"name": v.name} for v in scene.variants]
            document.json.setdefault("extensions", {})["KHR_materials_variants"] = {"variants": names}
            document.use("KHR_materials_variants")
        if self.hierarchy.roots:
            document.json["scenes"] = [{"name": scene.name or "Scene", "nodes": self.hierarchy.roots}]
            document.json["scene"] = 0
        for key in [k for k, found in document.json.items() if found == []]:
            del document.json[key]
        return document

    # meshes

    def _draw(self, number: int, node: Node, rows: Any) -> None:
        assert node.mesh is not None
        mesh = self.scene.meshes[node.mesh]
        hierarchy = self.hierarchy
        skin_root = node.skin_root if mesh.skin is not None and node.skin_root in hierarchy.joints else None
        made = self.meshes.mesh(node.mesh, node.materials, rows, skinned=skin_root is not None, moving=True)
        if made is None:
            return
        gltf_mesh, geometry = made
        holder = hierarchy.nodes[number]
        if skin_root is not None:
            # a skinned mesh stands where its joints are: no node must move it, so it stands at the root
            holder = hierarchy.add(node.name, loose=node.lod > 0)
            hierarchy.items[holder]["skin"] = self._skin(mesh, skin_root, geometry)
        elif geometry.unpack is not None:
            holder = hierarchy.add(f"{node.name}_quantized", geometry.unpack, holder)
        hierarchy.items[holder]["mesh"] = gltf_mesh
        self.drawn[number] = [holder]
        if mesh.blend_shapes and node.weights is not None and node.weights.any():
            hierarchy.items[holder]["weights"] = _static_weights(mesh, node)

    def _skin(self, mesh: Mesh, root: int, geometry: Geometry) -> int:
        assert mesh.skin is not None
        number = self.scene.nodes[root].skeleton
        assert number is not None
        skeleton = self.scene.skeletons[number]
        bind = mesh.skin.bind if geometry.unpack is None else geometry.unpack @ mesh.skin.bind
        key = (root, bind.tobytes())
        if key not in self.skins:
            matrices = bind @ np.linalg.pinv(skeleton.bind)
            matrices[:, :, 3] = (0, 0, 0, 1)
            stored = np.ascontiguousarray(matrices.reshape(-1, 16), np.float32)
            self.skins[key] = self.document.add(
                "skins",
                {
                    "name": skeleton.name,
                    "joints": self.hierarchy.joints[root],
                    "skeleton": self.hierarchy.nodes[root],
                    "inverseBindMatrices": self.document.accessor(stored),
                },
            )
        return self.skins[key]

    def _levels(self) -> None:
        """MSFT_lod: the node of the full level names the coarser ones."""
        items = self.hierarchy.items
        outer = list(self.hierarchy.outer)
        for number, (holder,) in self.drawn.items():
            if "skin" in items[holder]:  # it is drawn at the root, and changes there
                outer[number] = holder
        for i, node in enumerate(self.scene.nodes):
            if not node.lods:
                continue
            items[outer[i]].setdefault("extensions", {})["MSFT_lod"] = {"ids": [outer[k] for k in node.lods]}
            coverage = [_LOD_COVERAGE[min(k, 3)] for k in range(len(node.lods) + 1)]
            if len(node.lod_screen_sizes) == len(node.lods):
                coverage = [*node.lod_screen_sizes, 0.0]
            items[outer[i]].setdefault("extras", {})["MSFT_screencoverage"] = coverage
            self.document.use("MSFT_lod")


def _static_weights(mesh: Mesh, node: Node) -> list[float]:
    assert node.weights is not None
    rows = [
        shape_weights(shape, np.array([weight], np.float32))[0]
        for shape, weight in zip(mesh.blend_shapes, node.weights, strict=True)
    ]
    return [float(v) for v in np.concatenate(rows)]


def _packer(target: Target, report: Report) -> Any:
    if target.geometry.compression == "none":
        return None
    if target.geometry.compression == "draco":
        from pipeline.exporters.gltf.draco import DracoPacker

        return DracoPacker(target.geometry, report)
    from pipeline.exporters.gltf.quantize import Packer

    return Packer(target.geometry.compression)


def _size(scene: Scene) -> float:
    """The largest side of what is drawn, for tolerances; 1 where nothing moves."""
    if not scene.clips:
        return 1.0
    box = bounds(scene)
    return 1.0 if box is None else float(np.ptp(box, axis=0).max()) or 1.0
