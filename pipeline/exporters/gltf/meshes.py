# SPDX-License-Identifier: Apache-2.0
"""Meshes under their materials: geometry once, a glTF mesh for each set of materials that it is drawn with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from pipeline.exporters.gltf.container import Document
from pipeline.exporters.gltf.crowd import FEWEST, LARGEST, build_crowd
from pipeline.exporters.gltf.geometry import Geometry, build_geometry, chosen_uvs
from pipeline.exporters.gltf.materials import MaterialWriter
from pipeline.exporters.key_shapes import track_keys
from pipeline.exporters.targets import Target
from pipeline.usd.scene.joined import layout
from pipeline.usd.scene.model import Mesh, Scene
from pipeline.usd.scene.report import Report

__all__ = ["MeshWriter", "variant_rows"]

#: materials of a mesh's slots under the variants that change them: (variant, materials)
Rows = Sequence[tuple[int, tuple[int, ...]]]


class _Use(NamedTuple):
    """What of a mesh is stored; uses that are equal share their geometry."""

    mesh: int
    uv_sets: tuple[str, ...]
    use_color: bool
    tiles: tuple[tuple[int, str], ...]
    skinned: bool
    with_tangents: bool


class MeshWriter:
    """Stores meshes, each when it is first asked for.

    Parameters
    ----------
    pack
        Packs the arrays of a mesh (quantised, compressed); None stores them as they are.
    """

    def __init__(
        self, scene: Scene, document: Document, materials: MaterialWriter, target: Target, report: Report, pack: Any
    ) -> None:
        self.scene, self.document, self.materials = scene, document, materials
        self.target, self.report, self.pack = target, report, pack
        self._geometries: dict[_Use, Geometry | None] = {}
        self._meshes: dict[tuple[Any, ...], int] = {}
        self._uses: dict[tuple[Any, ...], _Use] = {}

    def prepare(self, wanted: Iterable[tuple[int, tuple[int, ...]]]) -> None:
        """Store many small static meshes at once.

        Parameters
        ----------
        wanted
            Mesh and materials of nodes that will be drawn without a skin.
        """
        if self.pack is not None:
            return
        groups: dict[Any, list[_Use]] = {}
        seen: set[_Use] = set()
        for number, materials in wanted:
            mesh = self.scene.meshes[number]
            if len(mesh.face_vertices) > LARGEST:
                continue
            use = self._use(number, materials, skinned=False)
            if use in seen or use.tiles:
                continue
            seen.add(use)
            shape = layout(mesh, chosen_uvs(mesh, use.uv_sets))
            if shape is not None:
                groups.setdefault((shape, use.use_color, use.with_tangents), []).append(use)
        for (_, use_color, tangents), uses in groups.items():
            if len(uses) >= FEWEST:
                meshes = [self.scene.meshes[u.mesh] for u in uses]
                uvs = [chosen_uvs(m, u.uv_sets) for m, u in zip(meshes, uses, strict=True)]
                built = build_crowd(self.document, meshes, uvs, use_color=use_color, tangents=tangents)
                self._geometries.update(zip(uses, built, strict=True))

    def mesh(
        self, number: int, materials: tuple[int, ...], rows: Rows = (), *, skinned: bool, moving: bool = False
    ) -> tuple[int, Geometry] | None:
        """The glTF mesh of a mesh under these materials; None where nothing of it can be drawn.

        Parameters
        ----------
        skinned
            A skeleton moves it.
        moving
            Its moving points become morph targets.
        """
        use = self._use(number, materials, skinned=skinned)
        if use not in self._geometries:
            self._geometries[use] = self._geometry(use, moving)
        geometry = self._geometries[use]
        if geometry is None:
            return None
        key = (use, materials, tuple(rows))
        if key not in self._meshes:
            self._meshes[key] = self._primitives(use, geometry, materials, rows)
        return self._meshes[key], geometry

    def _use(self, number: int, materials: tuple[int, ...], *, skinned: bool) -> _Use:
        key = (number, materials, skinned)
        found = self._uses.get(key)
        if found is not None:
            return found
        mesh = self.scene.meshes[number]
        looks = [self.scene.materials[m] for m in materials if m >= 0]
        use_color = mesh.color is not None or mesh.opacity is not None
        if use_color and looks:
            use_color = any(look.get("diffuseColor").primvar for look in looks)
        use = self._uses[key] = _Use(
            number,
            self._uv_sets(mesh, materials),
            use_color,
            self._tiles(materials) if looks else (),
            skinned and mesh.skin is not None,
            self.target.geometry.tangents and any(look.texture("normal") for look in looks),
        )
        return use

    def _geometry(self, use: _Use, moving: bool) -> Geometry | None:
        mesh = self.scene.meshes[use.mesh]
        if mesh.skin is not None and not use.skinned:
            mesh = replace(mesh, skin=None)
        return build_geometry(
            self.document,
            mesh,
            uv_sets=use.uv_sets,
            use_color=use.use_color,
            tiles=dict(use.tiles),
            tangents=use.with_tangents,
            target=self.target,
            report=self.report,
            pack=self.pack,
            track_keys=track_keys(mesh)[1] if moving and mesh.track is not None else None,
        )

    def _primitives(self, use: _Use, geometry: Geometry, materials: tuple[int, ...], rows: Rows) -> int:
        mesh = self.scene.meshes[use.mesh]
        primitives = []
        for part in geometry.parts:
            if part.attributes is not None and geometry.morphs:
                continue
            primitive: dict[str, Any] = {"attributes": part.attributes or geometry.attributes}
            if part.mode != 4:
                primitive["mode"] = part.mode
            if part.indices is not None:
                primitive["indices"] = part.indices
            material = self._material(use, mesh, materials[part.slot : part.slot + 1], part.tile)
            if material is not None:
                primitive["material"] = material
            if geometry.morphs:
                primitive["targets"] = [m.attributes for m in geometry.morphs]
            extensions = dict(part.extensions)
            mappings: dict[int, list[int]] = {}
            for variant, other in rows:
                chosen = self._material(use, mesh, other[part.slot : part.slot + 1], part.tile)
                if chosen is not None:
                    mappings.setdefault(chosen, []).append(variant)
            if mappings:
                extensions["KHR_materials_variants"] = {
                    "mappings": [{"material": m, "variants": v} for m, v in mappings.items()]
                }
            if extensions:
                primitive["extensions"] = extensions
            primitives.append(primitive)
        prefix = self.target.names.skeletal_mesh if mesh.skin is not None else self.target.names.static_mesh
        item: dict[str, Any] = {"name": f"{prefix}{mesh.name}", "primitives": primitives}
        if geometry.morphs:
            item["weights"] = [0.0] * len(geometry.morphs)
            item["extras"] = {"targetNames": [m.name for m in geometry.morphs]}
        return self.document.add("meshes", item)

    def _material(self, use: _Use, mesh: Mesh, chosen: tuple[int, ...], tile: int) -> int | None:
        opacity = use.use_color and mesh.opacity is not None
        if not chosen or chosen[0] < 0:
            if not use.use_color and not mesh.double_sided:
                return None
            return self.materials.displayed(double_sided=mesh.double_sided, opacity=opacity)
        return self.materials.write(
            self.scene.materials[chosen[0]],
            uv_sets=use.uv_sets,
            double_sided=mesh.double_sided,
            vertex_opacity=opacity,
            tile=tile,
        )

    def _uv_sets(self, mesh: Mesh, materials: tuple[int, ...]) -> tuple[str, ...]:
        """All UV sets, the ones that textures read in front."""
        names = [p.name for p in mesh.uvs]
        if len(names) < 2:
            return tuple(names)
        wanted = [t.uv_set for m in materials if m >= 0 for t in self.scene.materials[m].textures]
        first = [n for n in dict.fromkeys(wanted) if n in names]
        return tuple([n for n in first if n == names[0]] + [n for n in names if n != names[0] or n not in first])

    def _tiles(self, materials: tuple[int, ...]) -> tuple[tuple[int, str], ...]:
        found: dict[int, str] = {}
        for slot, number in enumerate(materials):
            for texture in self.scene.materials[number].textures if number >= 0 else ():
                if texture.tiles:
                    found.setdefault(slot, texture.uv_set)
        return tuple(found.items())


def variant_rows(scene: Scene) -> Mapping[int, tuple[tuple[int, tuple[int, ...]], ...]]:
    """For each node that variants change: its materials under each of them."""
    rows: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
    for number, variant in enumerate(scene.variants):
        for node, materials in variant.materials.items():
            rows.setdefault(node, []).append((number, materials))
    return {node: tuple(found) for node, found in rows.items()}
