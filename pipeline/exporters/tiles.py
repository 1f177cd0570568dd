# SPDX-License-Identifier: Apache-2.0
"""UDIM textures for formats that name one picture: a part of the mesh and a material for each tile.

UVs and pictures stay as they are; a picture that repeats shows its own tile wherever the tile lies.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.usd.scene.model import Input, Ints, Material, Mesh, Node, Prototype, Scene, Slot, Texture
from pipeline.usd.scene.report import Report

__all__ = ["with_tiles"]

_Slots = tuple[int, ...]


def with_tiles(scene: Scene, report: Report) -> Scene:
    """The scene with one material for each tile of each UDIM material; the scene itself where there are none."""
    if not any(t.tiles for m in scene.materials for t in m.textures):
        return scene
    made = _Tiled(scene, report)
    nodes = tuple(made.node(n) for n in scene.nodes)
    prototypes = tuple(Prototype(p.path, tuple(made.node(n) for n in p.nodes)) for p in scene.prototypes)
    return replace(
        scene, nodes=nodes, prototypes=prototypes, meshes=tuple(made.meshes), materials=tuple(made.materials)
    )


class _Tiled:
    def __init__(self, scene: Scene, report: Report) -> None:
        self.report = report
        self.meshes = list(scene.meshes)
        self.materials = list(scene.materials)
        self._of_mesh: dict[tuple[int, _Slots], tuple[int, _Slots]] = {}
        self._of_material: dict[tuple[int, int], int] = {}

    def node(self, node: Node) -> Node:
        """The node with the parted mesh, where one of its materials has tiles."""
        if node.mesh is None or not any(m >= 0 and _set_of(self.materials[m]) for m in node.materials):
            return node
        key = (node.mesh, node.materials)
        if key not in self._of_mesh:
            self._of_mesh[key] = self._parted(self.meshes[node.mesh], node.materials)
        mesh, materials = self._of_mesh[key]
        return replace(node, mesh=mesh, materials=materials)

    def _parted(self, mesh: Mesh, materials: _Slots) -> tuple[int, _Slots]:
        faces = np.arange(len(mesh.face_counts))
        part = np.zeros(len(faces), np.int32) if mesh.face_slots is None else mesh.face_slots
        own = np.zeros(len(faces), np.int32)
        for slot, material in enumerate(materials):
            name = _set_of(self.materials[material]) if material >= 0 else ""
            if name:
                chosen = part == slot
                own[chosen] = _tile_of_faces(mesh, name)[chosen]
        pairs, again = np.unique(part.astype(np.int64) * 100_000 + own, return_inverse=True)
        slots, numbers = [], []
        for pair in pairs.tolist():
            slot, tile = divmod(pair, 100_000)
            old = mesh.slots[slot]
            slots.append(Slot(f"{old.name}_{tile}" if tile else old.name, old.path))
            numbers.append(self._tile(materials[slot], tile) if tile else materials[slot])
        face_slots = again.reshape(-1).astype(np.int32) if len(slots) > 1 else None
        self.meshes.append(replace(mesh, slots=tuple(slots), face_slots=face_slots))
        return len(self.meshes) - 1, tuple(numbers)

    def _tile(self, number: int, tile: int) -> int:
        """The number of a material that shows one tile."""
        key = (number, tile)
        if key not in self._of_material:
            old = self.materials[number]
            inputs = {name: self._input(old, name, given, tile) for name, given in old.inputs.items()}
            self._of_material[key] = len(self.materials)
            self.materials.append(Material(f"{old.name}_{tile}", old.path, inputs, old.opacity_mode))
        return self._of_material[key]

    def _input(self, material: Material, name: str, given: Input, tile: int) -> Input:
        texture = given.texture
        if texture is None or not texture.tiles:
            return given
        path = dict(texture.tiles).get(tile)
        if path is None:
            self.report.lose(material.path, f"UDIM tile {tile} of {name}", f"{texture.asset} has no such picture")
            return replace(given, texture=None)
        return replace(given, texture=replace(texture, path=path, tiles=(), wrap_s="repeat", wrap_t="repeat"))


def _set_of(material: Material) -> str:
    """The UV set that picks the tiles of a material's textures, empty where there are no tiles."""
    found: Texture | None = next((t for t in material.textures if t.tiles), None)
    return found.uv_set if found else ""


def _tile_of_faces(mesh: Mesh, name: str) -> Ints:
    """The number of the tile that each face's centre lies in, `(f,) int32`; 1001 without such UVs."""
    primvar = next((p for p in mesh.uvs if p.name == name), None)
    if primvar is None or not len(mesh.face_counts):
        return np.full(len(mesh.face_counts), 1001, np.int32)
    starts = np.cumsum(mesh.face_counts) - mesh.face_counts
    centre = np.add.reduceat(primvar.flat(mesh)[:, :2], starts, axis=0) / mesh.face_counts[:, None]
    column = np.clip(np.floor(centre[:, 0]), 0, 9).astype(np.int32)
    return np.asarray(1001 + column + 10 * np.clip(np.floor(centre[:, 1]), 0, 99).astype(np.int32))
