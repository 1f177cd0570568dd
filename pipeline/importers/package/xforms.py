# SPDX-License-Identifier: Apache-2.0
"""Nodes as xformable prims, and where each of them is in the package's space."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pxr import Gf, Sdf, Vt

from pipeline.importers.package import prims
from pipeline.importers.package.geometry import Space
from pipeline.importers.package.prims import T
from pipeline.importers.scene import Channel, Floats, Node, Scene

#: of the package; keys keep their own times as fractions of it
TIME_CODES_PER_SECOND = 24.0
_OPS = {"translation": "xformOp:translate", "rotation": "xformOp:orient", "scale": "xformOp:scale"}
_KINDS = {"translation": T.Double3, "rotation": T.Quatf, "scale": T.Float3}
_NEUTRAL = {"translation": (0.0, 0.0, 0.0), "rotation": (0.0, 0.0, 0.0, 1.0), "scale": (1.0, 1.0, 1.0)}


def rotation_matrix(q: Floats) -> Floats:
    """Rotation matrices (..., 3, 3) for row vectors from unit quaternions (..., 4) xyzw; zero is identity."""
    q = np.asarray(q, np.float64)
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    q = np.where(length > 1e-12, q / np.where(length > 1e-12, length, 1), [0.0, 0, 0, 1])
    x, y, z, w = np.moveaxis(q, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)],
        [2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)],
        [2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def compose(translation: Floats, rotation: Floats, scale: Floats) -> Floats:
    """Matrices (..., 4, 4) for row vectors: scale, then rotation, then translation."""
    out = np.zeros((*np.shape(translation)[:-1], 4, 4))
    out[..., :3, :3] = np.asarray(scale)[..., :, None] * rotation_matrix(rotation)
    out[..., 3, :3] = translation
    out[..., 3, 3] = 1
    return out


def local_matrix(node: Node) -> Floats:
    """The node's own transform (4, 4) in the file's space."""
    if node.matrix is not None:
        return np.asarray(node.matrix, np.float64).reshape(4, 4)
    t, r, s = (getattr(node, k) for k in _NEUTRAL)
    pick = [_NEUTRAL[k] if v is None else v for k, v in zip(_NEUTRAL, (t, r, s), strict=True)]
    return compose(*(np.asarray(v, np.float64) for v in pick))


def parents_first(nodes: list[Node]) -> Iterator[int]:
    """Indices of the nodes, each after its parent; nodes in a cycle are left out."""
    children: dict[int, list[int]] = {}
    for i, node in enumerate(nodes):
        children.setdefault(node.parent, []).append(i)
    stack = list(reversed(children.get(-1, [])))
    while stack:
        i = stack.pop()
        yield i
        stack.extend(reversed(children.get(i, [])))


def world_matrices(scene: Scene, space: Space) -> Floats:
    """Where every node is (nodes, 4, 4) in metres, Y-up, at rest."""
    local = space.matrices(np.array([local_matrix(n) for n in scene.nodes]).reshape(-1, 4, 4))
    world = local.copy()
    for i in parents_first(scene.nodes):
        parent = scene.nodes[i].parent
        if parent >= 0:
            world[i] = local[i] @ world[parent]
    return world


def _convert(path: str, values: Floats, space: Space) -> Floats:
    values = np.asarray(values, np.float64)
    if path == "translation":
        return space.points(values)
    if path == "rotation":
        return space.quaternions(values)
    return space.scales(values)


def _value(path: str, v: Floats) -> object:
    if path == "rotation":
        return Gf.Quatf(float(v[3]), float(v[0]), float(v[1]), float(v[2]))
    return (Gf.Vec3d if path == "translation" else Gf.Vec3f)(*(float(x) for x in v))


def write(prim: Sdf.PrimSpec, node: Node, space: Space, channels: list[Channel], *, reset_order: bool = False) -> None:
    """Author the node's transform, still or moving.

    `reset_order` authors an empty order where there is no transform, against one that a reference brings.
    """
    ops: list[str] = []
    moving = {c.path: c for c in channels if c.path in _OPS}
    if node.matrix is not None and not moving:
        matrix = space.matrices(local_matrix(node))
        if not np.array_equal(matrix, np.eye(4)):
            prims.attribute(prim, "xformOp:transform", T.Matrix4d, Gf.Matrix4d(matrix.tolist()))
            ops = ["xformOp:transform"]
    else:
        for path, name in _OPS.items():
            given = getattr(node, path)
            rest = np.asarray(_NEUTRAL[path] if given is None else given, np.float64)
            if path in moving or not np.array_equal(rest, _NEUTRAL[path]):
                spec = prims.attribute(prim, name, _KINDS[path], _value(path, _convert(path, rest, space)))
                ops.append(name)
                if path in moving:
                    _keys(spec, moving[path], space)
    if ops or reset_order:
        prims.attribute(prim, "xformOpOrder", T.TokenArray, Vt.TokenArray(ops), uniform=True)


def _keys(spec: Sdf.AttributeSpec, channel: Channel, space: Space) -> None:
    times, values = stepped(channel)
    for time, value in zip(times * TIME_CODES_PER_SECOND, _convert(channel.path, values, space), strict=True):
        spec.layer.SetTimeSample(spec.path, float(time), _value(channel.path, value))


def stepped(channel: Channel) -> tuple[Floats, Floats]:
    """The keys, with a held value just before each next key where the channel jumps."""
    times, values = np.asarray(channel.times, np.float64), np.asarray(channel.values, np.float64)
    if not channel.step or len(times) < 2:
        return times, values
    hold = np.nextafter(times[1:].astype(np.float32), -np.inf).astype(np.float64)
    keep = hold > times[:-1]
    order = np.argsort(np.concatenate([times, hold[keep]]), kind="stable")
    return (
        np.concatenate([times, hold[keep]])[order],
        np.concatenate([values, values[:-1][keep]])[order],
    )
