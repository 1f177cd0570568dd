# SPDX-License-Identifier: Apache-2.0
"""Write a scene as a package and say what is in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from pxr import Sdf

from pipeline.errors import ImportRefused
from pipeline.importers.package import geometry, prims, shading, skeletons, xforms
from pipeline.importers.package.geometry import FARTHEST, Space
from pipeline.importers.package.labels import label_parts
from pipeline.importers.package.naming import Names
from pipeline.importers.package.prims import T
from pipeline.importers.package.textures import Textures
from pipeline.importers.scene import Channel, Floats, Mesh, Scene

LAYER = "payload.usdc"
ROOT, GEO, MTL = "/Asset", "/Asset/geo", "/Asset/mtl"


def write_package(scene: Scene, folder: Path, source: str, *, name: str = "") -> dict[str, Any]:
    """Write `payload.usdc` and `textures/` into `folder`; returns fields of `ImportReport`.

    Raises
    ------
    ImportRefused
        Nothing to show, or a mesh that no reader could hold.
    """
    return _Writer(scene, folder, source).write(name)


class _Writer:
    def __init__(self, scene: Scene, folder: Path, source: str) -> None:
        self.scene, self.folder, self.source = scene, folder, source
        self.space = Space(np.asarray(scene.basis, np.float64), float(scene.metres_per_unit))
        self.layer = Sdf.Layer.CreateAnonymous(".usdc")
        self.textures = Textures(folder, scene)
        self.materials: dict[int, str] = {}
        self.paths: dict[int, str] = {}
        self.names: dict[str, Names] = {}
        self.first_use: dict[int, str] = {}
        self.extents: dict[int, Floats] = {}
        self.local_points: dict[int, Floats] = {}
        self.bounds: list[Floats] = []
        self.report: Counter[str] = Counter()
        self.renamed: dict[str, str] = {}
        self.converted: list[str] = []
        self.rigs = skeletons.Rigs(scene, self.space)
        self.world: Floats = np.zeros((0, 4, 4))

    def write(self, name: str) -> dict[str, Any]:
        scene = self.scene
        self._check()
        self.world = xforms.world_matrices(scene, self.space)
        with Sdf.ChangeBlock():
            root = prims.define(self.layer, ROOT, "Xform")
            root.SetInfo("kind", "component")
            if name:
                root.SetInfo("displayName", name)
            prims.define(self.layer, GEO, "SkelRoot" if self.rigs.needed else "Scope")
            prims.define(self.layer, MTL, "Scope")
            self._materials()
            self._nodes()
        self.rigs.write(self.layer)
        self._metadata()
        label_parts(self.layer)
        self.layer.Export(str(self.folder / LAYER))
        low_high = np.array([np.min([b[0] for b in self.bounds], 0), np.max([b[1] for b in self.bounds], 0)])
        if np.abs(low_high).max() > FARTHEST:
            raise ImportRefused(
                f"reaches {np.abs(low_high).max():.3g} metres from the origin", path=self.source,
                remedy="give its unit with --units, or scale it down where it was made",
            )  # fmt: skip
        return {
            **self.report,
            "textures": len(set(self.textures.files.values())),
            "materials": len(self.materials),
            "clips": [c.name for c in scene.clips if c.channels],
            "joints": self.rigs.joints,
            "bounds_m": [[float(x) for x in row] for row in low_high],
            "renamed": self.renamed,
            "converted": self.converted + self.textures.converted,
            "losses": [{"where": x.where, "what": x.what, "why": x.why} for x in scene.losses],
            "notes": scene.notes,
            "generator": scene.generator,
            "copyright": scene.copyright,
        }

    def _check(self) -> None:
        scene = self.scene
        for mesh in scene.meshes:
            geometry.check(mesh, self.source)
            for lost in geometry.clean_attributes(mesh):
                scene.lose(mesh.name, "attribute", lost)
            if mesh.left_handed != self.space.mirrors:
                self.converted.append(f"{mesh.name}: faces wound the other way, to right-handed")
        used = [m for n in scene.nodes for m in [n.mesh, *n.meshes] if m >= 0]
        if not sum(len(scene.meshes[m].counts) for m in used):
            raise ImportRefused(
                "holds no faces",
                path=self.source,
                remedy="export the mesh itself, not points, curves or an empty scene",
            )
        if self.space.metres != 1.0:
            self.converted.append(f"lengths times {self.space.metres:g}, to metres")
        if not np.array_equal(self.space.basis, np.eye(3)):
            self.converted.append("turned to Y-up")

    def _materials(self) -> None:
        scene, names = self.scene, Names()
        used: set[int] = set()
        for mesh in scene.meshes:
            faces = mesh.face_material
            used |= {faces} if isinstance(faces, int) else set(np.unique(faces).tolist())
        for i, material in enumerate(scene.materials):
            if i not in used:
                scene.notes.append(f"material {material.name!r} is used by no face and was left out")
                continue
            for slot, use in material.textures.items():
                if use.image not in self.textures.files and not (slot == "opacity" and material.alpha == "opaque"):
                    self.textures.add(use.image)
            path = f"{MTL}/{names.take(material.name, 'material')}"
            shading.write(self.layer, path, material, self.textures.files)
            self._name(path, material.name)
            self.materials[i] = path

    def _nodes(self) -> None:
        scene = self.scene
        keep = self._kept()
        with_children = {scene.nodes[i].parent for i in keep}
        moving: dict[int, list[Channel]] = {}
        for clip in scene.clips[1:]:
            others = {c.node for c in clip.channels if c.path != "weights"} - self.rigs.joint_nodes
            if others:
                what = f"the movement of {len(others)} parts"
                scene.lose(f"clip {clip.name!r}", what, "a part moves by one clip, the first")
        if scene.clips:
            for channel in scene.clips[0].channels:
                moving.setdefault(channel.node, []).append(channel)
        for i in xforms.parents_first(scene.nodes):
            if i not in keep:
                continue
            node = scene.nodes[i]
            parent = self.paths.get(node.parent, GEO) if not self._skinned(i) else GEO
            meshes = [m for m in [node.mesh, *node.meshes] if m >= 0]
            path = self._take(parent, node.name, "part")
            self.paths[i] = path
            single = len(meshes) == 1 and i not in with_children
            if not single:
                prim = prims.define(self.layer, path, "Xform")
                xforms.write(prim, node, self.space, moving.get(i, []))
            for m in meshes:
                mesh_path = path if single else self._take(path, scene.meshes[m].name or node.name, "mesh")
                self._mesh(mesh_path, i, m)
                if single and not self._skinned(i):
                    xforms.write(
                        self.layer.GetPrimAtPath(path), node, self.space, moving.get(i, []),
                        reset_order=self.first_use[m] != path,
                    )  # fmt: skip
            if not node.visible:
                prims.attribute(self.layer.GetPrimAtPath(path), "visibility", T.Token, "invisible")
                scene.notes.append(f"{path} is hidden in the file and stays so")

    def _skinned(self, node: int) -> bool:
        return self.scene.nodes[node].skin >= 0 and self.rigs.needed

    def _kept(self) -> set[int]:
        """Nodes that become prims: what carries a mesh, with all above it, and empties that are no rig's."""
        nodes, joints = self.scene.nodes, self.rigs.joint_nodes
        order = list(xforms.parents_first(nodes))
        below_joint, above_joint, keep = set(joints), set(joints), set[int]()
        for i in order:
            if nodes[i].parent in below_joint:
                below_joint.add(i)
        for i in reversed(order):
            if i in above_joint:
                above_joint.add(nodes[i].parent)
            meshes = nodes[i].mesh >= 0 or bool(nodes[i].meshes)
            if meshes or i in keep or i not in below_joint | above_joint:
                keep.add(i)
                if nodes[i].parent >= 0 and not (meshes and self._skinned(i)):
                    keep.add(nodes[i].parent)
        return keep

    def _mesh(self, path: str, node: int, index: int) -> None:
        mesh = self.scene.meshes[index]
        shared = self.first_use.get(index)
        if shared is not None and not self._skinned(node) and not mesh.targets:
            prim = prims.define(self.layer, path, "Mesh")
            prim.referenceList.Prepend(Sdf.Reference(primPath=shared))
        else:
            points, self.extents[index] = geometry.write(self.layer, path, mesh, self.space)
            self.local_points[index] = points
            prim = self.layer.GetPrimAtPath(path)
            geometry.bind(prim, mesh, self.materials)
            if mesh.double_sided or self._double_sided(mesh):
                prims.attribute(prim, "doubleSided", T.Bool, True, uniform=True)
            self.first_use.setdefault(index, path)
            self.rigs.add_mesh(prim, node, mesh)
        self._name(path, self.scene.nodes[node].name if path == self.paths[node] else mesh.name)
        self._count(mesh)
        points = self.local_points[index]
        if len(points):
            place = self.world[node]
            skinned = self._skinned(node)
            moved = (
                self.rigs.posed(points, node, mesh, self.world) if skinned else points @ place[:3, :3] + place[3, :3]
            )
            self.bounds.append(np.array([moved.min(0), moved.max(0)]))

    def _double_sided(self, mesh: Mesh) -> bool:
        faces = mesh.face_material
        used = [faces] if isinstance(faces, int) else np.unique(faces).tolist()
        return any(self.scene.materials[m].double_sided for m in used if m >= 0)

    def _count(self, mesh: Mesh) -> None:
        self.report["meshes"] += 1
        self.report["faces"] += len(mesh.counts)
        self.report["triangles"] += int(np.maximum(np.asarray(mesh.counts, np.int64) - 2, 0).sum())
        self.report["vertices"] += len(mesh.points)
        self.report["blend_shapes"] += len(mesh.targets)
        self.report["uv_sets"] = max(self.report["uv_sets"], len(mesh.uvs))

    def _take(self, parent: str, name: str, fallback: str) -> str:
        path = f"{parent}/{self.names.setdefault(parent, Names()).take(name, fallback)}"
        self._name(path, name)
        return path

    def _name(self, path: str, original: str) -> None:
        if original and path.rpartition("/")[2] != original:
            self.renamed[path] = original
            prim = self.layer.GetPrimAtPath(path)
            if prim is not None:
                prim.SetInfo("displayName", original)

    def _metadata(self) -> None:
        root = self.layer.pseudoRoot
        self.layer.defaultPrim = "Asset"
        root.SetInfo("upAxis", "Y")
        root.SetInfo("metersPerUnit", 1.0)
        if self.scene.copyright:
            self.layer.GetPrimAtPath(ROOT).SetInfo("customData", {"copyright": self.scene.copyright})
        last = max((float(c.times[-1]) for clip in self.scene.clips for c in clip.channels), default=None)
        if last is not None:
            self.layer.timeCodesPerSecond = xforms.TIME_CODES_PER_SECOND
            self.layer.framesPerSecond = xforms.TIME_CODES_PER_SECOND
            self.layer.startTimeCode = 0.0
            self.layer.endTimeCode = last * xforms.TIME_CODES_PER_SECOND
