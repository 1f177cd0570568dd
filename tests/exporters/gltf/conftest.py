# SPDX-License-Identifier: Apache-2.0
"""A small reader of GLB files, so that what was written is judged by other code than the writer's."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Usd, UsdGeom

_TYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Glb:
    """One parsed file."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, total = struct.unpack_from("<III", data)
        assert (magic, version, total) == (0x46546C67, 2, len(data))
        length, kind = struct.unpack_from("<II", data, 12)
        assert kind == 0x4E4F534A and length % 4 == 0
        self.json: dict[str, Any] = json.loads(data[20 : 20 + length])
        self.binary = data[28 + length :]

    def array(self, number: int) -> np.ndarray:
        accessor = self.json["accessors"][number]
        view = self.json["bufferViews"][accessor["bufferView"]]
        kind = np.dtype(_TYPES[accessor["componentType"]])
        width = _WIDTHS[accessor["type"]]
        stride = view.get("byteStride", width * kind.itemsize)
        raw = np.frombuffer(self.binary, np.uint8, stride * accessor["count"], view["byteOffset"])
        rows = raw.reshape(accessor["count"], stride)[:, : width * kind.itemsize]
        found = np.ascontiguousarray(rows).view(kind).reshape(accessor["count"], width)
        if accessor.get("normalized"):
            found = np.maximum(found.astype(np.float64) / np.iinfo(kind).max, -1)
        return found

    def primitive(self, mesh: int = 0, number: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = self.json["meshes"][mesh]["primitives"][number]
        return found

    def attribute(self, name: str, mesh: int = 0, number: int = 0) -> np.ndarray:
        return self.array(self.primitive(mesh, number)["attributes"][name])

    def image(self, number: int) -> bytes:
        view = self.json["bufferViews"][self.json["images"][number]["bufferView"]]
        return self.binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]

    def local(self, number: int, seconds: float | None = None) -> np.ndarray:
        """A node's transform (column vectors), at a time of the first animation."""
        node = dict(self.json["nodes"][number])
        if seconds is not None:
            for path in ("translation", "rotation", "scale"):
                value = self.animated(number, path, seconds)
                if value is not None:
                    node[path] = value
        result = np.eye(4)
        x, y, z, w = node.get("rotation", (0, 0, 0, 1))
        turn = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )
        result[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)))
        result[:3, 3] = node.get("translation", (0, 0, 0))
        return result

    def animated(self, number: int, path: str, seconds: float) -> np.ndarray | None:
        for animation in self.json.get("animations", ())[:1]:
            for channel in animation["channels"]:
                if channel["target"] != {"node": number, "path": path}:
                    continue
                sampler = animation["samplers"][channel["sampler"]]
                times = self.array(sampler["input"])[:, 0]
                values = self.array(sampler["output"]).astype(float)
                if path == "weights":
                    values = values.reshape(len(times), -1)
                k = int(np.clip(np.searchsorted(times, seconds, side="right") - 1, 0, len(times) - 2))
                share = float(np.clip((seconds - times[k]) / (times[k + 1] - times[k]), 0, 1))
                a, b = values[k], values[k + 1]
                if path != "rotation":
                    return np.asarray(a + share * (b - a))
                if a @ b < 0:
                    b = -b
                angle = np.arccos(np.clip(a @ b, -1, 1))
                if angle < 1e-6:
                    return np.asarray(a)
                return np.asarray((np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle))
        return None

    def worlds(self, seconds: float | None = None) -> dict[int, np.ndarray]:
        found: dict[int, np.ndarray] = {}
        left = [(n, np.eye(4)) for n in self.json["scenes"][0]["nodes"]]
        while left:
            number, above = left.pop()
            found[number] = above @ self.local(number, seconds)
            left += [(c, found[number]) for c in self.json["nodes"][number].get("children", ())]
        return found

    def points(self, seconds: float | None = None) -> np.ndarray:
        """World positions of every drawn vertex: morphed, skinned, instanced."""
        worlds = self.worlds(seconds)
        rows = []
        for number, world in worlds.items():
            node = self.json["nodes"][number]
            if "mesh" not in node:
                continue
            mesh = self.json["meshes"][node["mesh"]]
            weights = None if seconds is None else self.animated(number, "weights", seconds)
            if weights is None:
                weights = node.get("weights", mesh.get("weights", ()))
            for primitive in mesh["primitives"]:
                p = self.array(primitive["attributes"]["POSITION"]).astype(float)
                for weight, target in zip(weights, primitive.get("targets", ()), strict=False):
                    p = p + weight * self.array(target["POSITION"])
                rows.append(self._placed(node, world, worlds, primitive, p))
        return np.concatenate(rows)

    def _placed(self, node: Any, world: np.ndarray, worlds: Any, primitive: Any, p: np.ndarray) -> np.ndarray:
        flat = np.c_[p, np.ones(len(p))]
        if "skin" in node:
            skin = self.json["skins"][node["skin"]]
            inverse = self.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
            joints = np.stack([worlds[j] for j in skin["joints"]]) @ inverse
            total = np.zeros((len(p), 4))
            for k in range(2):
                if f"JOINTS_{k}" not in primitive["attributes"]:
                    break
                which = self.array(primitive["attributes"][f"JOINTS_{k}"]).astype(int)
                share = self.array(primitive["attributes"][f"WEIGHTS_{k}"])
                total += np.einsum("nk,nkij,nj->ni", share, joints[which], flat)
            return total[:, :3]
        matrices = [world]
        gpu = node.get("extensions", {}).get("EXT_mesh_gpu_instancing")
        if gpu:
            own = {name: self.array(a) for name, a in gpu["attributes"].items()}
            matrices = []
            for k in range(len(own["TRANSLATION"])):
                item = {key.lower(): value[k] for key, value in own.items()}
                self.json["nodes"].append(item)
                matrices.append(world @ self.local(len(self.json["nodes"]) - 1))
                self.json["nodes"].pop()
        return np.concatenate([(flat @ m.T)[:, :3] for m in matrices])


@pytest.fixture
def glb() -> type[Glb]:
    return Glb


@pytest.fixture
def composed() -> Any:
    """World positions of all meshes of a stage at a time code, in Y-up metres, as USD computes them."""

    def points(stage: Any, code: float) -> np.ndarray:
        cache = UsdGeom.XformCache(Usd.TimeCode(code))
        rows = []
        for prim in Usd.PrimRange(stage.GetPseudoRoot(), Usd.TraverseInstanceProxies()):
            if prim.IsA(UsdGeom.Mesh):
                world = np.array(cache.GetLocalToWorldTransform(prim))
                p = np.array(UsdGeom.Mesh(prim).GetPointsAttr().Get(Usd.TimeCode(code)))
                rows.append(p @ world[:3, :3] + world[3, :3])
        p = np.concatenate(rows) * UsdGeom.GetStageMetersPerUnit(stage)
        return np.stack([p[:, 0], p[:, 2], -p[:, 1]], -1) if UsdGeom.GetStageUpAxis(stage) == "Z" else p

    return points
