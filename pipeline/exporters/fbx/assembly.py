# SPDX-License-Identifier: Apache-2.0
"""The nodes of a scene as objects of a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.exporters.gltf.skins import influences
from pipeline.exporters.sockets import Socket, sockets
from pipeline.usd.scene import Mesh, Node, Scene
from pipeline.usd.scene.report import Report

from . import attributes
from .deflate import Deflater
from .document import Document
from .geometry import GeometryWriter
from .keys import compose
from .materials import MaterialLibrary
from .models import Models
from .options import FbxOptions
from .records import RecordWriter
from .shapes import add_blend_shapes
from .skins import Rig, add_bind_pose, add_rig, add_skin
from .space import FileSpace

__all__ = ["Assembly"]

Doubles = NDArray[np.float64]


@dataclass(slots=True)
class _Geometry:
    id: int
    channels: list[int] = field(default_factory=list)


class Assembly:
    """Adds every node of a scene to a document.

    Attributes
    ----------
    models
        Object id by node number; skinned meshes and skeletons are at the root of the file.
    channels
        Ids of the blend shape channels by node number.
    rigs
        Skeletons by node number.
    turned
        `(4, 4)` by node number: axes that stand before the node's own transform (cameras, lights).
    """

    def __init__(
        self,
        scene: Scene,
        document: Document,
        options: FbxOptions,
        deflater: Deflater,
        materials: MaterialLibrary,
        report: Report,
    ) -> None:
        self.scene = scene
        self.document = document
        self.options = options
        self.deflater = deflater
        self.materials = materials
        self.report = report
        self.space = FileSpace(options.units_per_metre, options.up_axis)
        self.writer = Models(document, self.space)
        self.models: dict[int, int] = {}
        self.channels: dict[int, list[int]] = {}
        self.rigs: dict[int, Rig] = {}
        self.turned: dict[int, Doubles] = {}
        self.mesh_names: dict[int, str] = {}
        self._geometries: dict[tuple[object, ...], _Geometry] = {}
        self._names: dict[str, int] = {}  # of cameras and lights
        self._groups: dict[int, int] = {}  # LodGroup model by the node of the finest level

    # ------------------------------------------------------------------ nodes

    def add_all(self) -> None:
        """Add all nodes, parents first, then the bind poses."""
        nodes = self.scene.nodes
        children = {n.parent for n in nodes}
        kept = self._kept(children)
        world = self.scene.world_matrices
        for i, node in enumerate(nodes):
            if node.skeleton is not None:
                self.rigs[i] = add_rig(
                    self.document, self.writer, i, self.scene.skeletons[node.skeleton], world[i], self.space
                )
        finest = {coarse: i for i, n in enumerate(nodes) for coarse in n.lods}
        attached = sockets(self.scene, self.options.sockets, self.report)
        for i in [*(i for i in range(len(nodes)) if i not in attached), *attached]:  # beneath their meshes
            if kept[i] or self.is_bound(nodes[i]):
                self._add(i, nodes[i], kept[i] and i in children, finest, attached.get(i))
        for rig in self.rigs.values():
            add_bind_pose(self.document, rig, self.space)

    def is_bound(self, node: Node) -> bool:
        """Whether a node is a mesh that a skeleton moves: it stands at the root of the file."""
        return (
            node.mesh is not None
            and self.scene.meshes[node.mesh].skin is not None
            and node.skin_root is not None
            and self.scene.nodes[node.skin_root].skeleton is not None
        )

    def _kept(self, children: set[int]) -> list[bool]:
        """Which nodes say something: what is drawn, places that someone set, and what stands above them.

        Scopes of materials and the places of skeletons, which are in the root bones, say nothing.
        """
        nodes = self.scene.nodes
        kept = [False] * len(nodes)
        for i in range(len(nodes) - 1, -1, -1):
            node = nodes[i]
            drawn = node.mesh is not None or node.camera is not None or node.light is not None
            place = i not in children and node.skeleton is None and node.matrix is not None
            has = drawn or place or node.instances is not None or node.instance_of != ""
            if (has and not self.is_bound(node)) or kept[i]:
                kept[i] = True
                if node.parent >= 0:
                    kept[node.parent] = True
        return kept

    def _add(
        self, i: int, node: Node, has_children: bool, finest: dict[int, int], socket: Socket | None = None
    ) -> None:
        mesh = self._mesh(node)
        parent = self.models.get(node.parent, 0)
        matrix = node.matrix
        name = self._name(node, mesh)
        if socket is not None and socket.owner in self.models:
            parent, matrix, name = self.models[socket.owner], socket.matrix, socket.name
        if node.lods or i in finest:
            parent, matrix, name = self._level(i, node, finest.get(i, i), name)
        if node.skeleton is not None and not has_children:
            return  # its bones stand at the root
        if mesh is not None and self.is_bound(node):
            self._skinned(i, node, mesh, name, self._groups.get(finest.get(i, i), 0))
            if has_children:
                self.models[i] = self.writer.add(node.name, "Null", parent, matrix)
            return
        kind = "Mesh" if mesh is not None else "Null"
        axes = None
        attribute: int | None = None
        if node.camera is not None or node.light is not None:
            name = self._only(name)
        if node.camera is not None:
            kind, axes = "Camera", attributes.CAMERA_AXES
            attribute = attributes.camera(self.document, self.scene.cameras[node.camera], self.space.unit)
        elif node.light is not None:
            light = self.scene.lights[node.light]
            attribute = attributes.light(self.document, light, self.space.unit, self.report)
            if attribute is not None:
                kind, axes = "Light", attributes.LIGHT_AXES
        if axes is not None and has_children:  # children keep their own axes
            above = self.writer.add(name, "Null", parent, matrix)
            self.models[i] = above
            model = self.writer.add(name, kind, above, axes=axes)
        else:
            if axes is not None:
                self.turned[i] = axes
            model = self.models[i] = self.writer.add(name, kind, parent, matrix, axes=axes)
        if attribute is not None:
            self.document.connect(attribute, model)
        if mesh is not None:
            self.mesh_names[i] = name
            self._attach(i, node, mesh, [model])
        if node.instances is not None:
            self._expand(node, self.models[i])

    def _only(self, name: str) -> str:
        """A name that no camera or light has yet: some readers find these by their names."""
        count = self._names[name] = self._names.get(name, 0) + 1
        return name if count == 1 else self._only(f"{name}_{count}")

    def _mesh(self, node: Node) -> Mesh | None:
        """The mesh of a node, where FBX can hold it."""
        if node.mesh is None:
            return None
        mesh = self.scene.meshes[node.mesh]
        if mesh.kind != "polygons":
            what = "curves" if mesh.kind == "lines" else "points"
            self.report.lose(node.path, what, "FBX readers take polygons only")
            return None
        if not len(mesh.face_counts) or not len(mesh.points):
            self.report.lose(node.path, "mesh", "it has no faces; an empty node stands for it")
            return None
        return mesh

    def _name(self, node: Node, mesh: Mesh | None) -> str:
        if mesh is None:
            return node.name
        deforms = mesh.skin is not None or bool(mesh.blend_shapes)
        prefix = self.options.skeletal_prefix if deforms else self.options.static_prefix
        return node.name if node.name.startswith(prefix) else prefix + node.name

    def _level(self, i: int, node: Node, fine: int, name: str) -> tuple[int, Doubles, str]:
        """Put a level of detail under its group; returns the group, the transform beneath it, the name."""
        nodes = self.scene.nodes
        first = nodes[fine]
        world = self.scene.world_matrices
        if fine not in self._groups:
            above = 0 if self.is_bound(first) else self.models.get(first.parent, 0)
            title = self._name(first, self._mesh(first))
            as_property = self.options.lod_groups == "property"
            group = self.writer.add(
                f"{title}_LODs",
                "Null" if as_property else "LodGroup",
                above,
                user={"fbx_type": "LodGroup"} if as_property else None,
            )
            if not as_property:
                levels = 1 + len(first.lods)
                self.document.connect(attributes.lod_group(self.document, title, levels), group)
            self._groups[fine] = group
        base = self._name(first, self._mesh(first))
        number = 0 if i == fine else node.lod or 1 + first.lods.index(i)
        parent_world = world[first.parent] if first.parent >= 0 else np.eye(4)
        title = self.options.lod_names.format(mesh=base, level=number)
        return self._groups[fine], world[i] @ np.linalg.inv(parent_world), title

    # ------------------------------------------------------------------ geometry

    def _slots(self, node: Node, mesh: Mesh) -> tuple[tuple[int, ...], list[int]]:
        """For each slot the index among the model's materials, and those materials; both empty for none."""
        if not node.materials or all(m < 0 for m in node.materials):
            return (), []
        order = list(dict.fromkeys(node.materials))
        return tuple(order.index(m) for m in node.materials), order

    def _attach(self, i: int, node: Node, mesh: Mesh, models: Sequence[int]) -> _Geometry:
        """Connect a mesh's geometry and materials to models."""
        slots, used = self._slots(node, mesh)
        key: tuple[object, ...] = (node.mesh, slots)
        if mesh.blend_shapes:
            key = (*key, i, node.path)
        geometry = self._geometries.get(key)
        if geometry is None:
            geometry = self._geometries[key] = self._geometry(node, mesh, slots, None)
        if geometry.channels:
            self.channels[i] = geometry.channels
        ids = [self.materials.id(m, self.scene.materials) for m in used]
        connect = self.document.connect
        for model in models:
            connect(geometry.id, model)
            for material in ids:
                connect(material, model)
        return geometry

    def _geometry(self, node: Node, mesh: Mesh, slots: tuple[int, ...], transform: Doubles | None) -> _Geometry:
        made = _Geometry(self.document.id())
        writer: list[GeometryWriter] = [
            GeometryWriter(
                made.id,
                mesh,
                self.options,
                self.space,
                self.deflater,
                transform=transform,
                material_slots=slots,
            )
        ]

        def emit(w: RecordWriter) -> None:
            writer.pop().write(w)

        self.document.add("Geometry", emit)
        if mesh.blend_shapes:
            made.channels = add_blend_shapes(
                self.document, mesh, made.id, node.weights, transform, self.space, self.report
            )
        if mesh.edges is not None:
            self.report.lose(node.path, "faces of two corners", "FBX readers take polygons only")
        if mesh.subdivision != "none":
            self.report.lose(node.path, f"{mesh.subdivision} subdivision", "the mesh is written as polygons")
        return made

    def _skinned(self, i: int, node: Node, mesh: Mesh, name: str, parent: int) -> None:
        """A skinned mesh: at the root of the file (or in its group there), its points where they were bound."""
        assert node.skin_root is not None
        assert mesh.skin is not None
        rig = self.rigs[node.skin_root]
        bind = mesh.skin.bind @ self.scene.world_matrices[node.skin_root]
        transform = None if np.allclose(bind, np.eye(4), atol=1e-12) else bind
        slots, used = self._slots(node, mesh)
        geometry = self._geometry(node, mesh, slots, transform)
        model = self.writer.add(name, "Mesh", parent)
        rig.meshes.append(model)
        self.document.connect(geometry.id, model)
        for material in used:
            self.document.connect(self.materials.id(material, self.scene.materials), model)
        limited = self._limited(mesh)
        add_skin(self.document, self.deflater, rig, limited, geometry.id, np.eye(4), self.space)
        self.models[i] = model
        if geometry.channels:
            self.channels[i] = geometry.channels

    def _limited(self, mesh: Mesh) -> Mesh:
        """The mesh with a joint for every point, and no more of them than the target takes."""
        mesh = self._held(mesh)
        most = self.options.max_influences
        if mesh.skin is None or not most or mesh.skin.joints.shape[1] <= most:
            return mesh
        joints, weights = influences(mesh, mesh.skin, most, self.report)
        return replace(mesh, skin=replace(mesh.skin, joints=joints.astype(np.int32), weights=weights))

    def _held(self, mesh: Mesh) -> Mesh:
        """The mesh whose points without weights are moved by the first joint: readers leave them where they were."""
        if mesh.skin is None:
            return mesh
        loose = ~mesh.skin.weights.any(axis=1)
        if not loose.any():
            return mesh
        self.report.lose(mesh.path, "skin weights", f"{int(loose.sum())} points have none: the first joint moves them")
        joints, weights = mesh.skin.joints.copy(), mesh.skin.weights.copy()
        joints[loose, 0], weights[loose, 0] = 0, 1.0
        return replace(mesh, skin=replace(mesh.skin, joints=joints, weights=weights))

    # ------------------------------------------------------------------ point instancers

    def _expand(self, node: Node, parent: int, depth: int = 0) -> None:
        """Repeat the prototypes as nodes that share their geometry."""
        group = node.instances
        if group is None or depth > 16:
            return
        placed = compose(group.translations, group.rotations, group.scales)
        for slot in np.unique(group.prototype).tolist():
            chosen = group.prototype == slot
            prototype = self.scene.prototypes[group.prototypes[slot]]
            if prototype.nodes:
                self._repeat(prototype.nodes, placed[chosen], group.ids[chosen], parent, depth)

    def _repeat(
        self, nodes: tuple[Node, ...], placed: Doubles, ids: NDArray[np.int64], parent: int, depth: int
    ) -> None:
        numbers = ids.tolist()
        below: dict[int, list[int]] = {-1: [parent] * len(numbers)}
        for k, node in enumerate(nodes):
            if node.lod:
                continue
            mesh = self._mesh(node)
            local = np.eye(4) if node.matrix is None else node.matrix
            matrices = local @ placed if node.parent < 0 else np.broadcast_to(local, (len(numbers), 4, 4))
            name = self._name(node, mesh)
            names = [f"{name}_{n}" for n in numbers]
            above = below.get(node.parent, below[-1])
            models = self.writer.add_many(names, "Mesh" if mesh is not None else "Null", above, matrices)
            below[k] = models
            if mesh is not None:
                self._attach(-1, node, mesh, models)
            if node.camera is not None or node.light is not None:
                self.report.lose(node.path, "camera or light in a prototype", "an empty node stands for it")
            if node.instances is not None:
                for model in models:
                    self._expand(node, model, depth + 1)
