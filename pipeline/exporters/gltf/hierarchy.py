# SPDX-License-Identifier: Apache-2.0
"""The nodes of a scene as glTF nodes: transforms, cameras, lights, joints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.exporters.gltf.container import Document
from pipeline.exporters.gltf.transforms import SHEAR, unsheared
from pipeline.exporters.gltf.views import camera_item, light_item
from pipeline.usd.scene.model import Doubles, Node, Scene
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.xforms import decompose

__all__ = ["Hierarchy"]


class Hierarchy:
    """The nodes of one document.

    Parameters
    ----------
    scene_nodes
        The scene's nodes, renamed and placed as the target wants; a parent may stand after its child.

    Attributes
    ----------
    items
        The document's nodes.
    nodes
        The glTF node of each scene node.
    outer
        The same, but the node around it where shear needs two.
    joints
        glTF nodes of a skeleton's joints, by the number of the skeleton's node.
    roots
        What the scene lists.
    """

    def __init__(self, scene: Scene, scene_nodes: Sequence[Node], document: Document, report: Report) -> None:
        self.scene, self.scene_nodes, self.document, self.report = scene, scene_nodes, document, report
        self.items: list[dict[str, Any]] = document.json.setdefault("nodes", [])
        self.nodes: list[int] = []
        self.outer: list[int] = []
        self.joints: dict[int, list[int]] = {}
        self.roots: list[int] = []
        self._build()

    def add(self, name: str, matrix: Doubles | None = None, parent: int | None = None, *, loose: bool = False) -> int:
        """One more node, beneath a glTF node, at the root or nowhere (`loose`); a matrix must be without shear."""
        item: dict[str, Any] = {"name": name}
        if matrix is not None:
            translation, rotation, scale, _ = decompose(matrix)
            item.update(translation=translation.tolist(), rotation=rotation.tolist(), scale=scale.tolist())
        self.items.append(item)
        number = len(self.items) - 1
        if parent is None and not loose:
            self.roots.append(number)
        if parent is not None:
            self.items[parent].setdefault("children", []).append(number)
        return number

    def _build(self) -> None:
        items = self.items
        animated = {n for clip in self.scene.clips for n in clip.transforms}
        prepared, around = self._placed(animated)
        for i, node in enumerate(self.scene_nodes):
            item = prepared[i]
            number = len(items)
            items.append(item)
            self.nodes.append(number)
            if node.camera is not None:
                body = camera_item(self.scene.cameras[node.camera], self.report)
                if body is not None:
                    item["camera"] = self.document.add("cameras", body)
            if node.light is not None:
                self._light(item, node.light)
            if node.skeleton is not None:
                self._joints(i, node, item)
            if i in around:
                items.append({**around[i], "children": [number]})
                number = len(items) - 1
            self.outer.append(number)
        for node, number in zip(self.scene_nodes, self.outer, strict=True):
            if node.lod and (node.parent < 0 or not self.scene_nodes[node.parent].lod):
                continue  # a coarser level hangs on nothing but MSFT_lod
            if node.parent < 0:
                self.roots.append(number)
            else:
                items[self.nodes[node.parent]].setdefault("children", []).append(number)

    def _placed(self, animated: set[int]) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:
        """The items of all nodes with their transforms, taken apart all at once; what goes around sheared ones."""
        nodes = self.scene_nodes
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
                    around[i] = {"name": f"{item['name']}_shear", **outer}
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
        translation, rotation, scale, shear = decompose(skeleton.pose)
        if shear.max(initial=0) > SHEAR:
            self.report.lose(node.path, "shear of joints", "glTF moves only translation, rotation and scale")
        made: list[int] = []
        for j, name in enumerate(skeleton.names):
            made.append(len(self.items))
            self.items.append(
                {
                    "name": name,
                    "translation": translation[j].tolist(),
                    "rotation": rotation[j].tolist(),
                    "scale": scale[j].tolist(),
                }
            )
            parent = int(skeleton.parents[j])
            above = item if parent < 0 else self.items[made[parent]]
            above.setdefault("children", []).append(made[j])
        self.joints[number] = made
