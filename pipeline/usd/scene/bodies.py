# SPDX-License-Identifier: Apache-2.0
"""What is drawn at a node: meshes (equal ones once), implicit shapes, curves, points, and what deforms them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash
from pxr import UsdShade

from pipeline.usd.scene.above import Above
from pipeline.usd.scene.crowd import NOTHING, build_meshes, may_wait
from pipeline.usd.scene.curves import read_curves, read_points
from pipeline.usd.scene.implicit import SHAPES, read_implicit
from pipeline.usd.scene.meshes import build_mesh
from pipeline.usd.scene.model import BlendShape, Mesh, Node, Skeleton
from pipeline.usd.scene.patches import read_patch, read_tetrahedra
from pipeline.usd.scene.raw import RawMesh, fetch_mesh
from pipeline.usd.scene.skeletons import Bindings, read_blend_shapes, read_skeleton, read_skin
from pipeline.usd.scene.subdivide import refined

if TYPE_CHECKING:
    from pipeline.usd.scene.authored import Authored
    from pipeline.usd.scene.walk import SceneReader

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
        #: the first mesh of each outline; of those that have company, numbers by outline and digest
        self._first: dict[tuple[Any, ...], tuple[RawMesh, int] | None] = {}
        self._by_digest: dict[tuple[Any, ...], int] = {}
        #: meshes that are fetched and not built, by number; the lists of nodes that may name them
        self._waiting: list[tuple[int, RawMesh]] = []
        self._lists: dict[int, list[Node]] = {}
        self._skeleton_by_path: dict[str, int | None] = {}

    def mesh(
        self, prim: Any, path: str, said: Authored, children: list[Any], own: Above, nodes: list[Node], main: bool
    ) -> dict[str, Any]:
        """What a Mesh prim gives its node, which is the next of `nodes`."""
        reader, index = self.reader, len(nodes)
        raw = fetch_mesh(prim, path, said, children, own.primvars, reader.time)
        if raw is None:
            if prim.GetAttribute("points").HasAuthoredValue():
                reader.report.lose(path, "mesh", "it has no points or no faces")
            return {}
        if raw.moving and main:
            reader.shaped[index] = prim
        by_path = self.bindings.by_path
        binding = by_path.get(path) if by_path else None
        single = raw.moving or binding is not None
        number = None if single else self._known(raw)
        self._lists[id(nodes)] = nodes
        if number is None:
            number = len(self.meshes)
            if binding is None and may_wait(raw, self.refine_level):
                self._waiting.append((number, raw))
                self.meshes.append(NOTHING)
            else:
                mesh = self._built(raw, binding)
                if mesh is None:
                    return {}
                self.meshes.append(mesh)
            if not single:
                self._note(raw, number)
        mesh = self.meshes[number]
        if mesh is NOTHING:  # it waits, and has no subsets
            reader.looks.want_whole(nodes, index, prim)
            return {"mesh": number, "materials": (-1,)}
        reader.looks.want(nodes, index, prim, mesh, {s.GetName(): s for s, _ in raw.subsets})
        made: dict[str, Any] = {"mesh": number, "materials": (-1,) * len(mesh.slots)}
        if mesh.blend_shapes and binding is not None:
            made["weights"] = _weights(binding.query, mesh, reader.time)
            if main:
                reader.shaped[index] = prim
        return made

    def settle(self) -> None:
        """Build the meshes that wait; nodes whose mesh has no face that can be drawn lose it."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        built = build_meshes([raw for _, raw in waiting], self.reader.space, self.reader.report)
        for (number, _), mesh in zip(waiting, built, strict=True):
            self.meshes[number] = NOTHING if mesh is None else mesh
        if any(mesh is None for mesh in built):
            self._drop_nothing()

    def _drop_nothing(self) -> None:
        """Take out meshes without faces and the nodes' numbers of them."""
        kept = [mesh is not NOTHING for mesh in self.meshes]
        renumbered = (np.cumsum(kept) - 1).tolist()
        for nodes in self._lists.values():
            for i, node in enumerate(nodes):
                if node.mesh is None:
                    continue
                if kept[node.mesh]:
                    nodes[i] = replace(node, mesh=renumbered[node.mesh])
                    continue
                nodes[i] = replace(node, mesh=None, materials=())
                self.reader.looks.forget(nodes, i)
                self.reader.report.lose(node.path, "mesh", "no face of it can be drawn")
        met = {key: first for key, first in self._first.items() if first is None or kept[first[1]]}
        self._first = {key: first and (first[0], renumbered[first[1]]) for key, first in met.items()}
        self._by_digest = {key: renumbered[n] for key, n in self._by_digest.items() if kept[n]}
        self.meshes = [mesh for mesh in self.meshes if mesh is not NOTHING]

    def _known(self, raw: RawMesh) -> int | None:
        """The number of an equal mesh that was met; arrays are hashed only where another mesh has their sizes."""
        if raw.sizes not in self._first:
            return None
        first = self._first[raw.sizes]
        if first is not None:
            self._by_digest[raw.sizes, first[0].digest] = first[1]
            self._first[raw.sizes] = None
        return self._by_digest.get((raw.sizes, raw.digest))

    def _note(self, raw: RawMesh, number: int) -> None:
        if raw.sizes in self._first:
            self._by_digest[raw.sizes, raw.digest] = number
        else:
            self._first[raw.sizes] = (raw, number)

    def _built(self, raw: RawMesh, binding: Any) -> Mesh | None:
        reader = self.reader
        mesh = build_mesh(raw, reader.space, reader.report)
        if mesh is None:
            reader.report.lose(raw.path, "mesh", "no face of it can be drawn")
            return None
        if self.refine_level and mesh.subdivision != "none":
            mesh = refined(mesh, raw, self.refine_level, reader.report)
        return mesh if binding is None else self._bound(mesh, binding, len(raw.points))

    def other(self, prim: Any, type_name: str, own: Above, nodes: list[Node]) -> dict[str, Any]:
        """What any other Gprim gives its node, which is the next of `nodes`."""
        reader = self.reader
        mesh: Mesh | None = None
        if type_name in SHAPES:
            mesh = read_implicit(prim, reader.time, reader.space, own.primvars)
        elif type_name in _CURVES:
            mesh = read_curves(prim, reader.time, reader.space, reader.report, self.curves)
        elif type_name == "NurbsPatch":
            mesh = read_patch(prim, reader.time, reader.space, reader.report)
        elif type_name == "TetMesh":
            mesh = read_tetrahedra(prim, reader.time, reader.space, reader.report)
        elif type_name == "Points":
            mesh = read_points(prim, reader.time, reader.space, reader.report)
        elif not prim.IsA(UsdShade.Shader):
            reader.report.reduce(prim.GetPath(), type_name, "no exchange format has it")
        if mesh is None:
            return {}
        number = len(self.meshes)
        if type_name in SHAPES:  # many are alike
            number = self._by_digest.setdefault((type_name, _digest(mesh)), number)
        if number == len(self.meshes):
            self.meshes.append(mesh)
        self._lists[id(nodes)] = nodes
        reader.looks.want_whole(nodes, len(nodes), prim)
        return {"mesh": number, "materials": (-1,)}

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
        by_path = {node.path: i for i, node in enumerate(nodes) if node.skeleton is not None}
        for i, node in enumerate(nodes):
            if node.mesh is None or self.meshes[node.mesh].skin is None or node.skin_root is not None:
                continue
            binding = self.bindings.by_path.get(node.path)
            if binding is None:
                continue
            root = by_path.get(str(binding.skeleton.GetPath()))
            if root is None:
                self.reader.report.lose(node.path, "skinning", "its skeleton is not part of what is exported")
                continue
            nodes[i] = replace(node, skin_root=root)

    def _bound(self, mesh: Mesh, binding: Any, authored: int) -> Mesh:
        reader = self.reader
        if len(mesh.points) != authored:
            reader.report.reduce(mesh.path, "skinning", "a refined mesh is not skinned")
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


def _digest(mesh: Mesh) -> bytes:
    """A hash over what an implicit shape became."""
    total = xxhash.xxh3_128(str((mesh.double_sided, mesh.faceted, mesh.subdivision)).encode())
    primvars = [p for p in (*mesh.uvs, mesh.normals, mesh.color, mesh.opacity) if p is not None]
    for array in (mesh.points, mesh.face_counts, mesh.face_vertices, *(p.values for p in primvars)):
        total.update(str(array.shape).encode())
        total.update(np.ascontiguousarray(array).data)
    total.update(str([(p.name, p.interpolation) for p in primvars]).encode())
    return total.digest()


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
