# SPDX-License-Identifier: Apache-2.0
"""What is drawn at a node: meshes (equal ones once), implicit shapes, curves, points, and what deforms them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pxr import UsdShade

from pipeline.usd.scene.curves import read_curves, read_points
from pipeline.usd.scene.implicit import SHAPES, read_implicit
from pipeline.usd.scene.meshes import build_mesh
from pipeline.usd.scene.model import BlendShape, Mesh, Node, Skeleton
from pipeline.usd.scene.raw import fetch_mesh
from pipeline.usd.scene.skeletons import Bindings, read_blend_shapes, read_skeleton, read_skin
from pipeline.usd.scene.subdivide import refined

if TYPE_CHECKING:
    from pipeline.usd.scene.walk import Above, SceneReader

__all__ = ["Bodies"]

_CURVES = frozenset({"BasisCurves", "NurbsCurves", "HermiteCurves"})


class Bodies:
    """The meshes and skeletons of one reading.

    Attributes
    ----------
    queries
        The skeleton query of each skeleton, by its number.
    """

    def __init__(self, reader: SceneReader, refine_level: int, curves: Any) -> None:
        self.reader = reader
        self.refine_level = refine_level
        self.curves = curves
        self.bindings = Bindings()
        self.meshes: list[Mesh] = []
        self.skeletons: list[Skeleton] = []
        self.queries: dict[int, Any] = {}
        self._by_digest: dict[str, int] = {}
        self._skeleton_by_path: dict[str, int | None] = {}

    def mesh(
        self, prim: Any, names: list[str], children: list[Any], own: Above, nodes: list[Node], main: bool
    ) -> dict[str, Any]:
        """What a Mesh prim gives its node, which is the next of `nodes`."""
        reader, index = self.reader, len(nodes)
        raw = fetch_mesh(prim, names, children, own.primvars, reader.time)
        if raw is None:
            if prim.GetAttribute("points").HasAuthoredValue():
                reader.report.lose(prim.GetPath(), "mesh", "it has no points or no faces")
            return {}
        by_path = self.bindings.by_path
        binding = by_path.get(str(prim.GetPath())) if by_path else None
        single = raw.moving or binding is not None
        digest = "" if single else raw.digest()
        number = self._by_digest.get(digest)
        if number is None or single:
            mesh = build_mesh(raw, reader.space, reader.report)
            if mesh is None:
                reader.report.lose(prim.GetPath(), "mesh", "no face of it can be drawn")
                return {}
            if self.refine_level and mesh.subdivision != "none":
                mesh = refined(mesh, raw, self.refine_level, reader.report)
            if binding is not None:
                mesh = self._bound(mesh, binding, len(raw.points))
            number = len(self.meshes)
            self.meshes.append(mesh)
            if not single:
                self._by_digest[digest] = number
        mesh = self.meshes[number]
        if raw.moving and main:
            reader.shaped[index] = prim
        reader.looks.want(nodes, index, prim, mesh, {s.GetName(): s for s, _ in raw.subsets})
        made: dict[str, Any] = {"mesh": number, "materials": (-1,) * len(mesh.slots)}
        if mesh.blend_shapes and binding is not None:
            made["weights"] = _weights(binding.query, mesh, reader.time)
            if main:
                reader.shaped[index] = prim
        return made

    def other(self, prim: Any, type_name: str, own: Above, nodes: list[Node]) -> dict[str, Any]:
        """What any other Gprim gives its node, which is the next of `nodes`."""
        reader = self.reader
        mesh: Mesh | None = None
        if type_name in SHAPES:
            mesh = read_implicit(prim, reader.time, reader.space, own.primvars)
        elif type_name in _CURVES:
            mesh = read_curves(prim, reader.time, reader.space, reader.report, self.curves)
        elif type_name == "Points":
            mesh = read_points(prim, reader.time, reader.space, reader.report)
        elif not prim.IsA(UsdShade.Shader):
            reader.report.lose(prim.GetPath(), type_name, "no exchange format has it")
        if mesh is None:
            return {}
        self.meshes.append(mesh)
        reader.looks.want(nodes, len(nodes), prim, mesh, {})
        return {"mesh": len(self.meshes) - 1, "materials": (-1,)}

    def skeleton(self, prim: Any) -> int | None:
        """The number of a Skeleton prim's skeleton, read when first met; None where it has no sound joints."""
        reader = self.reader
        path = str((prim.GetPrimInPrototype() if prim.IsInstanceProxy() else prim).GetPath())
        if path not in self._skeleton_by_path:
            query = self.bindings.query(prim)
            made = read_skeleton(prim, query, reader.time, reader.space, reader.report)
            self._skeleton_by_path[path] = None if made is None else len(self.skeletons)
            if made is not None:
                self.queries[len(self.skeletons)] = query
                self.skeletons.append(made)
        return self._skeleton_by_path[path]

    def link_skins(self, nodes: list[Node]) -> None:
        """Point skinned meshes to the node of their skeleton."""
        if not self.bindings.by_path:
            return
        by_path = {node.path: i for i, node in enumerate(nodes)}
        for i, node in enumerate(nodes):
            if node.mesh is None or self.meshes[node.mesh].skin is None or node.skin_root is not None:
                continue
            binding = self.bindings.by_path.get(node.path)
            if binding is None:
                continue
            root = by_path.get(str(binding.skeleton.GetPath()))
            if root is None or nodes[root].skeleton is None:
                self.reader.report.lose(node.path, "skinning", "its skeleton is not part of what is exported")
                continue
            nodes[i] = replace(node, skin_root=root)

    def _bound(self, mesh: Mesh, binding: Any, authored: int) -> Mesh:
        reader = self.reader
        if len(mesh.points) != authored:
            reader.report.lose(mesh.path, "skinning", "a refined mesh is not skinned")
            return mesh
        number = self.skeleton(binding.skeleton.GetPrim())
        skin = None
        if number is not None:
            bones = self.skeletons[number]
            skin = read_skin(binding, len(mesh.points), bones, reader.time, reader.space, reader.report)
        shapes: tuple[BlendShape, ...] = ()
        if binding.target.HasBlendShapes():
            shapes = read_blend_shapes(binding.target.GetPrim(), len(mesh.points), reader.space, reader.report)
        return replace(mesh, skin=skin, blend_shapes=shapes)


def _weights(query: Any, mesh: Mesh, time: Any) -> Any:
    animation = query.GetAnimQuery() if query else None
    weights = np.zeros(len(mesh.blend_shapes), np.float32)
    if animation:
        place = {str(n): i for i, n in enumerate(animation.GetBlendShapeOrder())}
        values = animation.ComputeBlendShapeWeights(time)
        for i, shape in enumerate(mesh.blend_shapes):
            at = place.get(shape.name)
            if at is not None and values is not None and at < len(values):
                weights[i] = values[at]
    return weights
