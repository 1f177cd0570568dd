# SPDX-License-Identifier: Apache-2.0
"""FBX, binary and text, 7.x: meshes, hierarchy, materials, skins, blend shapes, animation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.importers.fbx import text
from pipeline.importers.fbx.document import Document, Object
from pipeline.importers.fbx.materials import Materials
from pipeline.importers.fbx.meshes import face_slots, moved, read_mesh
from pipeline.importers.fbx.motion import read_clips
from pipeline.importers.fbx.nodes import geometric, read_nodes
from pipeline.importers.fbx.records import MAGIC, Reader
from pipeline.importers.fbx.skins import read_shapes, read_skin
from pipeline.importers.scene import Mesh, Scene, Source

__all__ = ["read"]

_OLDEST = 7000


def read(source: Source) -> Scene:
    """A whole FBX file.

    Raises
    ------
    ImportRefused
        No FBX, older than 7.0, cut off or damaged.
    """
    data = source.path.read_bytes()
    reader = Reader(source, data)
    if data.startswith(MAGIC):
        version = reader.version
        _refuse_old(source, version)
        root = reader.root()
    else:
        head = data[:4096].decode("utf-8", "replace")
        version = text.version(head)
        if not version and not head.lstrip().startswith("; FBX"):
            raise source.refuse("is no FBX file: neither the binary nor the text form", "export it again")
        _refuse_old(source, version)
        root = text.read_text(source, data)
    document = Document(source, root, reader)
    if not document.objects:
        raise source.refuse("has no objects: the FBX file is empty or cut off", "export it again")
    scene = Scene(generator=document.creator)
    _space(document, scene)
    nodes = read_nodes(document, scene)
    channels = _Meshes(document, scene, nodes).read()
    _report_rest(document, scene)
    read_clips(document, scene, nodes, channels, version)
    return scene


def _refuse_old(source: Source, version: int) -> None:
    if version < _OLDEST:
        raise source.refuse(
            f"is FBX {version / 1000:.1f}, from before 2011" if version else "states no FBX version",
            "save it as FBX 2013 or later, binary",
        )


def _space(document: Document, scene: Scene) -> None:
    """Unit and axes, as GlobalSettings states them."""
    s = document.settings
    unit = s.number("UnitScaleFactor", 1.0)
    if not np.isfinite(unit) or unit <= 0:
        scene.notes.append(f"UnitScaleFactor {unit} means nothing: read as centimetres")
        unit = 1.0
    scene.metres_per_unit = unit / 100.0
    scene.units_stated = "UnitScaleFactor" in s.properties
    axes = [int(s.number(n, d)) for n, d in (("CoordAxis", 0), ("UpAxis", 1), ("FrontAxis", 2))]
    signs = [s.number(n, 1) for n in ("CoordAxisSign", "UpAxisSign", "FrontAxisSign")]
    if sorted(axes) != [0, 1, 2]:
        scene.notes.append("its axes name one direction twice: read as Y-up")
        return
    basis = np.zeros((3, 3))
    for target, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
        basis[axis, target] = -1.0 if sign < 0 else 1.0
    if np.linalg.det(basis) < 0:  # a left-handed file: the sideways axis is the one that tools disagree on
        scene.notes.append("its axes are left-handed: the sideways axis was turned round")
        basis[:, 0] *= -1
    scene.basis = basis
    scene.up_stated = "UpAxis" in s.properties


class _Meshes:
    """Geometry under the nodes that show it."""

    def __init__(self, document: Document, scene: Scene, nodes: dict[int, int]) -> None:
        self.document, self.scene, self.nodes = document, scene, nodes
        self.materials = Materials(document, scene)
        self._read: dict[int, Mesh | None] = {}
        self._made: dict[tuple[object, ...], int] = {}
        self._skins: dict[int, int] = {}
        self._shapes: dict[int, tuple[list[Object], list[float]]] = {}

    def read(self) -> dict[int, tuple[int, int, int]]:
        """Add all meshes; returns node, shape and number of shapes by the id of a blend shape channel."""
        channels: dict[int, tuple[int, int, int]] = {}
        for model in self.document.of_kind("Model"):
            node = self.nodes[model.id]
            numbers: list[int] = []
            for geometry in self.document.children(model, "Geometry"):
                if geometry.subclass != "Mesh":
                    self.scene.lose(model.name, f"geometry of class {geometry.subclass}", "only polygons are read")
                    continue
                number = self._mesh(model, geometry)
                if number is None:
                    continue
                numbers.append(number)
                self.scene.nodes[node].skin = self._skins.get(geometry.id, -1)
                shapes, rest = self._shapes[geometry.id]
                if shapes:
                    self.scene.nodes[node].weights = rest
                    for k, channel in enumerate(shapes):
                        channels[channel.id] = (node, k, len(shapes))
            if numbers:
                self.scene.nodes[node].mesh = numbers[0]
                self.scene.nodes[node].meshes = numbers[1:]
        return channels

    def _mesh(self, model: Object, geometry: Object) -> int | None:
        """The number of a mesh with the materials and geometric transform of one model; shared where both agree."""
        mesh = self._geometry(model, geometry)
        if mesh is None:
            return None
        uv_names = [uv.name for uv in mesh.uvs]
        used = [self.materials.number(m, uv_names) for m in self.document.children(model, "Material")]
        offset = geometric(model)
        key = (geometry.id, tuple(used), None if offset is None else offset.tobytes())
        if key in self._made:
            return self._made[key]
        slots = face_slots(self.document, geometry, len(mesh.counts))
        own = replace(mesh, face_material=_materials(slots, used))
        if offset is not None and self._skins.get(geometry.id, -1) < 0:
            own = moved(own, offset)
        elif offset is not None:
            self.scene.lose(model.name, "geometric transform of a skinned mesh", "its clusters place it")
        self.scene.meshes.append(own)
        self._made[key] = len(self.scene.meshes) - 1
        return self._made[key]

    def _geometry(self, model: Object, geometry: Object) -> Mesh | None:
        if geometry.id not in self._read:
            mesh = read_mesh(self.document, geometry, geometry.name or model.name, self.scene)
            self._read[geometry.id] = mesh
            self._shapes[geometry.id] = ([], [])
            if mesh is None:
                self.scene.lose(model.name, "mesh", "it has no points or no polygons")
            else:
                self._shapes[geometry.id] = read_shapes(self.document, geometry, mesh, self.scene)
                self._skins[geometry.id] = read_skin(self.document, geometry, mesh, self.nodes, self.scene)
        return self._read[geometry.id]


def _materials(slots: np.ndarray | int, used: list[int]) -> np.ndarray | int:
    """Slots as numbers of materials, -1 where there is none."""
    if not used:
        return -1
    table = np.array([*used, -1])
    if isinstance(slots, int):
        return int(table[slots]) if 0 <= slots < len(used) else -1
    found: np.ndarray = table[np.where((slots < 0) | (slots >= len(used)), len(used), slots)]
    return found


def _report_rest(document: Document, scene: Scene) -> None:
    """What the package has no place for."""
    words = {"Camera": "camera", "Light": "light", "LodGroup": "levels of detail"}
    for attribute in document.of_kind("NodeAttribute"):
        if attribute.subclass in words:
            scene.lose(attribute.name, words[attribute.subclass], "packages hold geometry, materials and motion")
    for constraint in document.of_kind("Constraint"):
        scene.lose(constraint.name, "constraint", "only what it was baked to is read")
