# SPDX-License-Identifier: Apache-2.0
"""The flattened scene to a glTF document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.exporters.gltf.animation import add_clip
from pipeline.exporters.gltf.container import Document
from pipeline.exporters.gltf.geometry import Geometry, build_geometry
from pipeline.exporters.gltf.images import Images
from pipeline.exporters.gltf.materials import MaterialWriter
from pipeline.exporters.gltf.views import camera_item, light_item
from pipeline.exporters.key_shapes import track_keys
from pipeline.exporters.targets import Target
from pipeline.usd.scene.draws import bounds, group_matrices
from pipeline.usd.scene.model import Doubles, Mesh, Node, Scene
from pipeline.usd.scene.posing import shape_weights
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.xforms import decompose

__all__ = ["SceneWriter"]

#: beyond this share of shear three numbers no longer stand for a transform
SHEAR = 1e-5
_LOD_COVERAGE = (0.5, 0.2, 0.05, 0.01)


class SceneWriter:
    """Builds one document from one scene."""

    def __init__(self, scene: Scene, target: Target, *, embed: bool, generator: str) -> None:
        self.scene, self.target = scene, target
        self.report = Report()
        self.document = Document(generator)
        self.images = Images(self.document, target.textures, self.report, embed=embed)
        self.materials = MaterialWriter(self.document, self.images, target, self.report)
        self.geometries: dict[tuple[Any, ...], Geometry | None] = {}
        self.meshes: dict[tuple[Any, ...], int | None] = {}
        self.skins: dict[tuple[Any, ...], int] = {}
        #: glTF node of each scene node, and of each skeleton's joints
        self.nodes: list[int] = []
        #: the same, but the node around it where shear needs two
        self.outer: list[int] = []
        self.joints: dict[int, list[int]] = {}
        #: glTF node that holds the mesh of a scene node
        self.drawn: dict[int, list[int]] = {}
        self.uv_wanted: dict[tuple[int, ...], tuple[str, ...]] = {}
        self.variant_rows = self._variant_rows()
        self.size = _size(scene)
        self.packer: Any = None
        if target.geometry.compression != "none":
            from pipeline.exporters.gltf.quantize import Packer

            self.packer = Packer(target.geometry.compression)

    def write(self) -> Document:
        """Everything, in the order: nodes, geometry, skins, animations, extensions."""
        scene, document = self.scene, self.document
        roots = self._hierarchy()
        moving = self._moving()
        for i, node in enumerate(scene.nodes):
            if node.mesh is not None:
                self._draw(i, node, moving)
            if node.instances is not None:
                self._instances(i, node)
        roots += self.extra_roots
        self._levels()
        for clip in scene.clips:
            add_clip(self, clip)
        self._variants()
        if roots:
            document.json["scenes"] = [{"name": scene.name or "Scene", "nodes": roots}]
            document.json["scene"] = 0
        self._prune()
        return document

    # hierarchy

    def _hierarchy(self) -> list[int]:
        document = self.document
        self.extra_roots: list[int] = []
        roots: list[int] = []
        animated = {n for clip in self.scene.clips for n in clip.transforms}
        prepared, around = self._placed(animated)
        items = document.json.setdefault("nodes", []) if self.scene.nodes else []
        for i, node in enumerate(self.scene.nodes):
            item = prepared[i]
            number = len(items)
            items.append(item)
            self.nodes.append(number)
            if node.camera is not None:
                body = camera_item(self.scene.cameras[node.camera], self.report)
                if body is not None:
                    item["camera"] = document.add("cameras", body)
            if node.light is not None:
                self._light(item, node.light)
            if node.skeleton is not None:
                self._joints(i, node, item)
            if i in around:
                items.append({**around[i], "children": [number]})
                number = len(items) - 1
            self.outer.append(number)
            if node.lod:
                continue
            if node.parent < 0:
                roots.append(number)
            else:
                items[self.nodes[node.parent]].setdefault("children", []).append(number)
        return roots

    def _placed(self, animated: set[int]) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:
        """The items of all nodes with their transforms, taken apart all at once; what goes around sheared ones."""
        nodes = self.scene.nodes
        items: list[dict[str, Any]] = [{"name": node.name} for node in nodes]
        around: dict[int, dict[str, Any]] = {}
        moved = [i for i, node in enumerate(nodes) if node.matrix is not None]
        if not moved:
            return items, around
        matrices = np.stack([np.asarray(nodes[i].matrix) for i in moved])
        translation, rotation, scale, shear = decompose(matrices)
        places = np.asarray((np.abs(translation) > 0).any(1)).tolist()
        turns: list[bool] = (np.abs(rotation[:, 3]) < 1 - 1e-12).tolist()
        sizes = np.asarray((np.abs(scale - 1) > 1e-9).any(1)).tolist()
        t, r, s, sheared = translation.tolist(), rotation.tolist(), scale.tolist(), shear.tolist()
        for k, i in enumerate(moved):
            item = items[i]
            if sheared[k] > SHEAR:
                if i in animated:
                    self.report.lose(nodes[i].path, "shear", "glTF moves only translation, rotation and scale")
                else:
                    outer, inner = unsheared(matrices[k])
                    around[i] = {"name": f"{nodes[i].name}_shear", **outer}
                    item.update(inner)
                    continue
            if places[k]:
                item["translation"] = t[k]
            if turns[k]:
                item["rotation"] = r[k]
            if sizes[k]:
                item["scale"] = s[k]
        return items, around

    def _light(self, item: dict[str, Any], number: int) -> None:
        body = light_item(self.scene.lights[number], self.report)
        if body is None:
            return
        extensions: dict[str, Any] = self.document.json.setdefault("extensions", {})
        lights: list[Any] = extensions.setdefault("KHR_lights_punctual", {"lights": []})["lights"]
        lights.append(body)
        item.setdefault("extensions", {})["KHR_lights_punctual"] = {"light": len(lights) - 1}
        self.document.use("KHR_lights_punctual")

    def _joints(self, number: int, node: Node, item: dict[str, Any]) -> None:
        """A glTF node for each joint, beneath the skeleton's node."""
        assert node.skeleton is not None
        skeleton = self.scene.skeletons[node.skeleton]
        items = self.document.json["nodes"]
        translation, rotation, scale, shear = decompose(skeleton.pose)
        if shear.max(initial=0) > SHEAR:
            self.report.lose(node.path, "shear of joints", "glTF moves only translation, rotation and scale")
        made: list[int] = []
        for j, name in enumerate(skeleton.names):
            made.append(len(items))
            items.append(
                {
                    "name": name,
                    "translation": translation[j].tolist(),
                    "rotation": rotation[j].tolist(),
                    "scale": scale[j].tolist(),
                }
            )
            parent = int(skeleton.parents[j])
            above = item if parent < 0 else items[made[parent]]
            above.setdefault("children", []).append(made[j])
        self.joints[number] = made

    # meshes

    def _moving(self) -> dict[int, Any]:
        """Keys of moving points, by mesh."""
        found = {}
        for number, mesh in enumerate(self.scene.meshes):
            if mesh.track is not None:
                found[number] = track_keys(mesh)
        return found

    def _draw(self, number: int, node: Node, moving: dict[int, Any]) -> None:
        assert node.mesh is not None
        mesh = self.scene.meshes[node.mesh]
        skin_root = node.skin_root if mesh.skin is not None and node.skin_root in self.joints else None
        rows = self.variant_rows.get(number, ())
        made = self._mesh(node.mesh, node.materials, moving, rows, skinned=skin_root is not None)
        if made is None:
            return
        gltf_mesh, geometry = made
        items = self.document.json["nodes"]
        own = self.nodes[number]
        holder = own
        if skin_root is not None:
            # a skinned mesh stands where its joints are: its own node must not move it
            holder = self._stand_alone(number, node)
            items[holder]["skin"] = self._skin(node, mesh, skin_root, geometry)
        elif geometry.unpack is not None:
            holder = self._child(own, f"{node.name}_quantized", geometry.unpack)
        items[holder]["mesh"] = gltf_mesh
        self.drawn[number] = [holder]
        if mesh.blend_shapes and node.weights is not None and node.weights.any():
            items[holder]["weights"] = self._static_weights(mesh, node)

    def _static_weights(self, mesh: Mesh, node: Node) -> list[float]:
        assert node.weights is not None
        rows = [
            shape_weights(shape, np.array([weight], np.float32))[0]
            for shape, weight in zip(mesh.blend_shapes, node.weights, strict=True)
        ]
        return [float(v) for v in np.concatenate(rows)]

    def _stand_alone(self, number: int, node: Node) -> int:
        """A root node for a skinned mesh: its own where it has no children, else one beside it."""
        items = self.document.json["nodes"]
        items.append({"name": node.name})
        self.extra_roots.append(len(items) - 1)
        return len(items) - 1

    def _child(self, parent: int, name: str, matrix: Doubles) -> int:
        items = self.document.json["nodes"]
        translation, _, scale, _ = decompose(matrix)
        items.append({"name": name, "translation": translation.tolist(), "scale": scale.tolist()})
        items[parent].setdefault("children", []).append(len(items) - 1)
        return len(items) - 1

    def _mesh(
        self,
        number: int,
        materials: tuple[int, ...],
        moving: dict[int, Any],
        rows: Sequence[tuple[int, tuple[int, ...]]] = (),
        *,
        skinned: bool = True,
    ) -> tuple[int, Geometry] | None:
        """The glTF mesh of a mesh under these materials, made when first met."""
        mesh = self.scene.meshes[number]
        uv_sets = self._uv_sets(mesh, materials)
        use_color = mesh.color is not None or mesh.opacity is not None
        if use_color and any(m >= 0 for m in materials):
            use_color = any(m >= 0 and self.scene.materials[m].get("diffuseColor").primvar for m in materials)
        tiles = self._tiles(materials)
        key = (number, uv_sets, use_color, tuple(sorted(tiles.items())), skinned)
        if key not in self.geometries:
            with_normals = any(m >= 0 and self.scene.materials[m].texture("normal") for m in materials)
            keys = moving.get(number)
            source = mesh
            if mesh.skin is not None and not skinned:
                from dataclasses import replace

                source = replace(mesh, skin=None)
            self.geometries[key] = build_geometry(
                self.document,
                source,
                uv_sets=uv_sets,
                use_color=use_color,
                tiles=tiles,
                tangents=self.target.geometry.tangents and with_normals,
                target=self.target,
                report=self.report,
                pack=self.packer,
                track_keys=None if keys is None else keys[1],
            )
        geometry = self.geometries[key]
        if geometry is None:
            return None
        mesh_key = (key, materials, tuple(rows))
        if mesh_key not in self.meshes:
            self.meshes[mesh_key] = self._primitives(mesh, geometry, materials, uv_sets, use_color, rows)
        made = self.meshes[mesh_key]
        return None if made is None else (made, geometry)

    def _primitives(
        self,
        mesh: Mesh,
        geometry: Geometry,
        materials: tuple[int, ...],
        uv_sets: tuple[str, ...],
        use_color: bool,
        rows: Sequence[tuple[int, tuple[int, ...]]],
    ) -> int:
        primitives = []
        for part in geometry.parts:
            if part.attributes is not None and geometry.morphs:
                continue
            primitive: dict[str, Any] = {"attributes": part.attributes or geometry.attributes}
            if part.mode != 4:
                primitive["mode"] = part.mode
            if part.indices is not None:
                primitive["indices"] = part.indices
            material = self._material(mesh, materials[part.slot : part.slot + 1], uv_sets, use_color, part.tile)
            if material is not None:
                primitive["material"] = material
            if geometry.morphs:
                primitive["targets"] = [m.attributes for m in geometry.morphs]
            mappings: dict[int, list[int]] = {}
            for variant, other in rows:
                chosen = self._material(mesh, other[part.slot : part.slot + 1], uv_sets, use_color, part.tile)
                if chosen is not None:
                    mappings.setdefault(chosen, []).append(variant)
            if mappings:
                primitive["extensions"] = {
                    "KHR_materials_variants": {
                        "mappings": [{"material": m, "variants": v} for m, v in mappings.items()]
                    }
                }
            primitives.append(primitive)
        prefix = self.target.names.skeletal_mesh if mesh.skin is not None else self.target.names.static_mesh
        item: dict[str, Any] = {"name": f"{prefix}{mesh.name}", "primitives": primitives}
        if geometry.morphs:
            item["weights"] = [0.0] * len(geometry.morphs)
            item["extras"] = {"targetNames": [m.name for m in geometry.morphs]}
        return self.document.add("meshes", item)

    def _material(
        self, mesh: Mesh, chosen: tuple[int, ...], uv_sets: tuple[str, ...], use_color: bool, tile: int
    ) -> int | None:
        opacity = use_color and mesh.opacity is not None
        if not chosen or chosen[0] < 0:
            if not use_color and not mesh.double_sided:
                return None
            return self.materials.displayed(double_sided=mesh.double_sided, opacity=opacity)
        return self.materials.write(
            self.scene.materials[chosen[0]],
            uv_sets=uv_sets,
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

    def _tiles(self, materials: tuple[int, ...]) -> dict[int, str]:
        found = {}
        for slot, number in enumerate(materials):
            if number < 0:
                continue
            for texture in self.scene.materials[number].textures:
                if texture.tiles:
                    found[slot] = texture.uv_set
                    break
        return found

    # skins

    def _skin(self, node: Node, mesh: Mesh, root: int, geometry: Geometry) -> int:
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
                    "joints": self.joints[root],
                    "skeleton": self.nodes[root],
                    "inverseBindMatrices": self.document.accessor(stored),
                },
            )
        return self.skins[key]

    # instances

    def _instances(self, number: int, node: Node) -> None:
        """Everything that a PointInstancer repeats, one glTF node for each mesh, or for each instance."""
        count = 0
        for inner, placed in group_matrices(self.scene, node):
            assert inner.mesh is not None
            made = self._mesh(inner.mesh, inner.materials, {}, skinned=False)
            if made is None:
                continue
            gltf_mesh, geometry = made
            matrices = placed if geometry.unpack is None else geometry.unpack @ placed
            translation, rotation, scale, shear = decompose(matrices)
            name = inner.name if not count else f"{inner.name}_{count}"
            count += 1
            straight = bool((shear <= SHEAR).all())
            if self.target.geometry.instancing == "gpu" and straight and len(matrices) > 1:
                self._gpu(number, name, gltf_mesh, translation, rotation, scale)
            else:
                self._each(number, name, gltf_mesh, matrices, translation, rotation, scale, shear)
        self._inner_views(node)

    def _inner_views(self, node: Node) -> None:
        assert node.instances is not None
        for number in node.instances.prototypes:
            if number < 0:
                continue
            for inner in self.scene.prototypes[number].nodes:
                if inner.camera is not None or inner.light is not None:
                    self.report.lose(inner.path, "cameras and lights of a prototype", "only meshes are repeated")
                if inner.skeleton is not None:
                    self.report.lose(inner.path, "skeleton of a prototype", "its meshes stand as they were bound")

    def _gpu(self, parent: int, name: str, mesh: int, t: Doubles, r: Doubles, s: Doubles) -> None:
        document = self.document
        attributes = {"TRANSLATION": document.accessor(t.astype(np.float32))}
        if (np.abs(r[:, 3]) < 1 - 1e-12).any():
            attributes["ROTATION"] = document.accessor(r.astype(np.float32))
        if (np.abs(s - 1) > 1e-7).any():
            attributes["SCALE"] = document.accessor(s.astype(np.float32))
        items = document.json["nodes"]
        items.append(
            {"name": name, "mesh": mesh, "extensions": {"EXT_mesh_gpu_instancing": {"attributes": attributes}}}
        )
        items[self.nodes[parent]].setdefault("children", []).append(len(items) - 1)
        document.use("EXT_mesh_gpu_instancing", required=True)

    def _each(
        self, parent: int, name: str, mesh: int, m: Doubles, t: Doubles, r: Doubles, s: Doubles, shear: Doubles
    ) -> None:
        items = self.document.json["nodes"]
        children = items[self.nodes[parent]].setdefault("children", [])
        bent = (shear > SHEAR).tolist()
        rows = zip(t.tolist(), r.tolist(), s.tolist(), bent, strict=True)
        for k, (place, turn, size, sheared) in enumerate(rows):
            children.append(len(items))
            if sheared:
                outer, inner = unsheared(m[k])
                items.append({"name": f"{name}_{k}_shear", **outer, "children": [len(items) + 1]})
                items.append({"name": f"{name}_{k}", "mesh": mesh, **inner})
            else:
                items.append(
                    {"name": f"{name}_{k}", "mesh": mesh, "translation": place, "rotation": turn, "scale": size}
                )

    # extensions

    def _levels(self) -> None:
        """MSFT_lod: the node of the full level names the coarser ones."""
        items = self.document.json.get("nodes", [])
        for i, node in enumerate(self.scene.nodes):
            if not node.lods:
                continue
            items[self.outer[i]].setdefault("extensions", {})["MSFT_lod"] = {"ids": [self.outer[k] for k in node.lods]}
            coverage = [_LOD_COVERAGE[min(k, 3)] for k in range(len(node.lods) + 1)]
            items[self.outer[i]].setdefault("extras", {})["MSFT_screencoverage"] = coverage
            self.document.use("MSFT_lod")

    def _variant_rows(self) -> dict[int, tuple[tuple[int, tuple[int, ...]], ...]]:
        rows: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
        if not self.target.geometry.variants:
            return {}
        for number, variant in enumerate(self.scene.variants):
            for node, materials in variant.materials.items():
                rows.setdefault(node, []).append((number, materials))
        return {node: tuple(found) for node, found in rows.items()}

    def _variants(self) -> None:
        if not self.scene.variants or not self.target.geometry.variants:
            return
        names = [{"name": v.name} for v in self.scene.variants]
        self.document.json.setdefault("extensions", {})["KHR_materials_variants"] = {"variants": names}
        self.document.use("KHR_materials_variants")

    def _prune(self) -> None:
        """Lists that stayed empty are not written; neither are materials that nothing uses."""
        for key in ("nodes", "meshes", "materials", "images", "textures", "skins"):
            if not self.document.json.get(key, True):
                del self.document.json[key]


def unsheared(matrix: Doubles) -> tuple[dict[str, Any], dict[str, Any]]:
    """A sheared transform as two without shear: turn (the inner), then scale, turn and move (the outer).

    glTF's validator refuses a matrix with shear; the singular value decomposition gives the two exactly.
    """
    first, scale, second = np.linalg.svd(matrix[:3, :3])
    if np.linalg.det(first) < 0:
        first, scale = -first, -scale
    if np.linalg.det(second) < 0:
        second, scale = -second, -scale
    turned = np.eye(4)
    turned[:3, :3] = first
    placed = np.eye(4)
    placed[:3, :3] = second
    _, inner, _, _ = decompose(turned)
    _, outer, _, _ = decompose(placed)
    return (
        {"translation": matrix[3, :3].tolist(), "rotation": outer.tolist(), "scale": scale.tolist()},
        {"rotation": inner.tolist()},
    )


def _size(scene: Scene) -> float:
    """The largest side of what is drawn, for tolerances; 1 where nothing moves."""
    if not scene.clips:
        return 1.0
    box = bounds(scene)
    return 1.0 if box is None else float(np.ptp(box, axis=0).max()) or 1.0
