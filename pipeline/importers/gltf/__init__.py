# SPDX-License-Identifier: Apache-2.0
"""glTF 2.0 and GLB: metres, Y-up, right-handed, as the specification fixes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.importers.gltf import accessors, animations, meshes
from pipeline.importers.gltf.container import Container
from pipeline.importers.gltf.materials import Materials
from pipeline.importers.scene import Node, Scene, Source

__all__ = ["read"]

_SUPPORTED = {
    "KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression", "KHR_mesh_quantization",
    "KHR_texture_transform", "EXT_texture_webp", "EXT_mesh_gpu_instancing",
    "KHR_materials_unlit", "KHR_materials_emissive_strength", "KHR_materials_ior", "KHR_materials_clearcoat",
    "KHR_materials_pbrSpecularGlossiness",
}  # fmt: skip
#: extensions that change only the look, so that the shape may be read without them
_LOOK = ("KHR_materials_", "KHR_texture_", "KHR_lights_", "EXT_texture_", "EXT_lights_", "KHR_xmp", "ADOBE_materials_")
_MOST_INSTANCES = 100_000


def read(source: Source) -> Scene:
    """The default scene of a file."""
    scene = Scene(units_stated=True, up_stated=True)
    file = Container(source, scene)
    asset = file.json.get("asset", {})
    scene.generator, scene.copyright = str(asset.get("generator", ""))[:200], str(asset.get("copyright", ""))[:200]
    _required(file)
    materials = Materials(file)
    scene.materials = [materials.read(i) for i in range(len(file.items("materials")))]
    split: dict[int, list[int]] = {}
    for i in range(len(file.items("meshes"))):
        parts = meshes.read(file, i)
        split[i] = list(range(len(scene.meshes), len(scene.meshes) + len(parts)))
        scene.meshes.extend(parts)
    _colors_in_materials(scene)
    scene.skins = [animations.skin(file, i) for i in range(len(file.items("skins")))]
    scene.nodes = [_node(file, i, split) for i in range(len(file.items("nodes")))]
    _hierarchy(file)
    scene.clips = [animations.clip(file, i) for i in range(len(file.items("animations")))]
    _only_default_scene(file)
    _instances(file)
    _left_out(file)
    return scene


def _required(file: Container) -> None:
    required = file.json.get("extensionsRequired", [])
    for name in required if isinstance(required, list) else []:
        if name in _SUPPORTED:
            continue
        if not str(name).startswith(_LOOK):
            raise file.source.refuse(f"needs the extension {name}, which is not read", "export without it")
        file.scene.notes.append(f"{name} is required by the file but not read: the look may differ")


def _node(file: Container, index: int, split: dict[int, list[int]]) -> Node:
    told = file.item("nodes", index)
    node = Node(str(told.get("name") or f"node_{index}"))
    if "matrix" in told:
        node.matrix = _array(file, told["matrix"], 16, index).reshape(4, 4)
        if np.array_equal(node.matrix, np.eye(4)):
            node.matrix = None
    for key in ("translation", "scale"):
        if key in told:
            setattr(node, key, _array(file, told[key], 3, index))
    if "rotation" in told:
        node.rotation = _array(file, told["rotation"], 4, index)
    if "mesh" in told:
        file.item("meshes", told["mesh"])
        parts = split[told["mesh"]]
        node.mesh, node.meshes = (parts[0], parts[1:]) if parts else (-1, [])
        weights = told.get("weights") or file.item("meshes", told["mesh"]).get("weights") or []
        node.weights = [float(w) for w in weights]
    if "skin" in told and node.mesh >= 0:
        file.item("skins", told["skin"])
        node.skin = told["skin"]
    return node


def _array(file: Container, told: Any, n: int, index: int) -> np.ndarray:
    try:
        out = np.array(told, np.float64)
    except (TypeError, ValueError):
        out = np.zeros(0)
    if out.shape != (n,) or not np.isfinite(out).all():
        raise file.source.refuse(f"node {index} has a transform that is not {n} numbers")
    return out


def _hierarchy(file: Container) -> None:
    """Parents of the nodes; one with two parents, or in a circle, is an error of the file."""
    nodes = file.scene.nodes
    for i, told in enumerate(file.items("nodes")):
        children = told.get("children", [])
        for child in children if isinstance(children, list) else []:
            file.item("nodes", child)
            if nodes[child].parent >= 0 or child == i:
                raise file.source.refuse(f"node {child} has more than one parent")
            nodes[child].parent = i
    for i in range(len(nodes)):
        at, steps = i, 0
        while nodes[at].parent >= 0:
            at, steps = nodes[at].parent, steps + 1
            if steps > len(nodes) or steps > 1024:
                raise file.source.refuse("has nodes that are their own ancestors, or nested beyond 1024 levels")


def _only_default_scene(file: Container) -> None:
    """Nodes outside the default scene lose their meshes and are reported."""
    scenes = file.items("scenes")
    if not scenes:
        return
    shown = file.item("scenes", file.json.get("scene", 0)).get("nodes", [])
    nodes, roots = file.scene.nodes, set(shown if isinstance(shown, list) else [])
    for i in sorted(set(range(len(nodes)))):
        top = i
        while nodes[top].parent >= 0:
            top = nodes[top].parent
        if top not in roots and (nodes[i].mesh >= 0 or nodes[i].meshes):
            file.scene.lose(nodes[i].name, "mesh", "is not in the file's default scene")
            nodes[i].mesh, nodes[i].meshes, nodes[i].skin = -1, [], -1


def _instances(file: Container) -> None:
    """EXT_mesh_gpu_instancing: a child for every instance."""
    scene = file.scene
    for i, told in enumerate(file.items("nodes")):
        extension = told.get("extensions", {}).get("EXT_mesh_gpu_instancing")
        if extension is None or scene.nodes[i].mesh < 0:
            continue
        tables = {
            key: accessors.floats(file, number)
            for name, key in (("TRANSLATION", "translation"), ("ROTATION", "rotation"), ("SCALE", "scale"))
            if (number := extension.get("attributes", {}).get(name)) is not None
        }
        count = max((len(t) for t in tables.values()), default=0)
        if count > _MOST_INSTANCES or any(len(t) != count for t in tables.values()):
            raise file.source.refuse(f"node {i} has {count} instances, or lists of unequal length")
        own = scene.nodes[i]
        for k in range(count):
            rows = {key: table[k] for key, table in tables.items()}
            scene.nodes.append(Node(f"{own.name}_{k}", parent=i, mesh=own.mesh, meshes=list(own.meshes), **rows))
        own.mesh, own.meshes = -1, []


def _colors_in_materials(scene: Scene) -> None:
    """A plain white material under vertex colours shows them, as glTF multiplies the two."""
    colored: set[int] = set()
    plain: set[int] = set()
    for mesh in scene.meshes:
        faces = mesh.face_material
        used = {faces} if isinstance(faces, int) else set(np.unique(faces).tolist())
        (colored if mesh.color is not None else plain).update(used)
    for i in colored - {-1}:
        material = scene.materials[i]
        if i in plain or "diffuseColor" in material.textures or material.diffuse != (1.0, 1.0, 1.0):
            scene.lose(material.name, "vertex colours times base colour", "UsdPreviewSurface cannot multiply them; "
                       "the colours are kept as displayColor")  # fmt: skip
        else:
            material.vertex_color = True


def _left_out(file: Container) -> None:
    for i, told in enumerate(file.items("nodes")):
        if "camera" in told:
            file.scene.lose(file.scene.nodes[i].name, "camera", "an asset has no cameras; the scene has them")
        if "KHR_lights_punctual" in told.get("extensions", {}):
            file.scene.lose(file.scene.nodes[i].name, "light", "an asset has no lights; the scene has them")
    if "KHR_materials_variants" in file.json.get("extensions", {}):
        file.scene.lose("file", "material variants", "only the default materials are kept")
