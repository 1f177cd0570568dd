# SPDX-License-Identifier: Apache-2.0
"""Models as nodes: FBX's chain of pivots, pre- and post-rotation as one translation, rotation and scale.

The chain is, for column vectors, `T Roff Rp Rpre R Rpost^-1 Rp^-1 Soff Sp S Sp^-1`. Whatever the pivots are, that
is a scale, then a rotation, then a translation; only animation has to go through all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.importers.fbx.document import Document, Object
from pipeline.importers.scene import Node, Scene

Doubles = NDArray[np.float64]

_ORDERS = ("XYZ", "XZY", "YZX", "YXZ", "ZXY", "ZYX", "XYZ")
_DEPTH = 512


@dataclass(slots=True)
class Chain:
    """The constants of one node's transform."""

    order: str
    pre: Doubles
    post_inverse: Doubles
    rotation_offset: Doubles
    rotation_pivot: Doubles
    scaling_offset: Doubles
    scaling_pivot: Doubles

    @staticmethod
    def of(model: Object) -> Chain:
        """Read them."""
        zero = (0.0, 0.0, 0.0)
        number = int(model.number("RotationOrder", 0))
        active = bool(model.number("RotationActive", 0))
        pre, post = model.vector("PreRotation", zero), model.vector("PostRotation", zero)
        if not active and "RotationActive" in model.properties and not pre.any() and not post.any():
            number = 0 if number > 5 else number
        return Chain(
            order=_ORDERS[number] if 0 <= number < len(_ORDERS) else "XYZ",
            pre=quaternions(pre, "XYZ"),
            post_inverse=conjugate(quaternions(post, "XYZ")),
            rotation_offset=model.vector("RotationOffset", zero),
            rotation_pivot=model.vector("RotationPivot", zero),
            scaling_offset=model.vector("ScalingOffset", zero),
            scaling_pivot=model.vector("ScalingPivot", zero),
        )

    def apply(self, t: Doubles, degrees: Doubles, s: Doubles) -> tuple[Doubles, Doubles, Doubles]:
        """Translations, rotations (x, y, z, w), scales of keys `(..., 3)`."""
        q = product(product(self.pre, quaternions(degrees, self.order)), self.post_inverse)
        inner = self.scaling_offset + self.scaling_pivot - s * self.scaling_pivot - self.rotation_pivot
        moved = t + self.rotation_offset + self.rotation_pivot + turned(q, inner)
        return moved, q, s


def quaternions(degrees: Doubles, order: str) -> Doubles:
    """Quaternions (x, y, z, w) of Euler angles `(..., 3)`; `order` names the axes as they are turned."""
    half = np.radians(degrees) / 2
    sine, cosine = np.sin(half), np.cos(half)
    result: Doubles | None = None
    for letter in order:
        axis = "XYZ".index(letter)
        q = np.zeros((*degrees.shape[:-1], 4))
        q[..., axis], q[..., 3] = sine[..., axis], cosine[..., axis]
        result = q if result is None else product(q, result)
    assert result is not None
    return result


def product(a: Doubles, b: Doubles) -> Doubles:
    """Quaternion product: first `b`, then `a`."""
    av, aw, bv, bw = a[..., :3], a[..., 3:], b[..., :3], b[..., 3:]
    vector = aw * bv + bw * av + np.cross(av, bv)
    scalar = aw * bw - (av * bv).sum(-1, keepdims=True)
    return np.concatenate([vector, scalar], axis=-1)


def conjugate(q: Doubles) -> Doubles:
    """The inverse of unit quaternions."""
    return np.asarray(q * np.array([-1.0, -1.0, -1.0, 1.0]))


def turned(q: Doubles, v: Doubles) -> Doubles:
    """Vectors turned by quaternions."""
    u, w = q[..., :3], q[..., 3:]
    twice = 2 * np.cross(u, v)
    return v + w * twice + np.cross(u, twice)


def local(model: Object) -> tuple[Doubles, Doubles, Doubles]:
    """A model's translation, rotation (x, y, z, w) and scale at rest."""
    zero = (0.0, 0.0, 0.0)
    t, r = model.vector("Lcl Translation", zero), model.vector("Lcl Rotation", zero)
    return Chain.of(model).apply(t, r, model.vector("Lcl Scaling", (1.0, 1.0, 1.0)))


def geometric(model: Object) -> Doubles | None:
    """`(4, 4)` row vectors: what is applied to a model's geometry only; None for nothing."""
    zero = (0.0, 0.0, 0.0)
    t, r = model.vector("GeometricTranslation", zero), model.vector("GeometricRotation", zero)
    s = model.vector("GeometricScaling", (1.0, 1.0, 1.0))
    if not t.any() and not r.any() and (s == 1).all():
        return None
    q = quaternions(r, "XYZ")
    matrix = np.eye(4)
    for axis in range(3):
        unit = np.zeros(3)
        unit[axis] = s[axis]
        matrix[axis, :3] = turned(q, unit)
    matrix[3, :3] = t
    return matrix


def read_nodes(document: Document, scene: Scene) -> dict[int, int]:
    """Add every Model as a node, parents first; returns node numbers by object id."""
    numbers: dict[int, int] = {}
    models = document.of_kind("Model")
    parents: dict[int, Object | None] = {}
    for model in models:
        above = [link.object for link in document.out[model.id] if link.object.kind == "Model"]
        parents[model.id] = above[0] if above else None
        if len(above) > 1:
            scene.lose(model.name, "second parent", "a node stands in one place")
    for model in models:
        chain: list[Object] = []
        current: Object | None = model
        while current is not None and current.id not in numbers:
            if current in chain or len(chain) > _DEPTH:
                raise document.source.refuse(f"FBX nodes are their own parents or too deep at {current.name!r}")
            chain.append(current)
            current = parents[current.id]
        for made in reversed(chain):
            parent = parents[made.id]
            numbers[made.id] = _add(scene, made, numbers[parent.id] if parent is not None else -1)
    return numbers


def _add(scene: Scene, model: Object, parent: int) -> int:
    t, q, s = local(model)
    inherit = int(model.number("InheritType", 1))
    if inherit == 2 and parent >= 0:
        above = scene.nodes[parent].scale
        if above is not None and not np.allclose(above, 1.0):
            scene.lose(model.name, "scale that is not inherited", "USD nodes take part in their parents' scale")
    visible = bool(model.number("Visibility", 1.0))
    scene.nodes.append(Node(model.name, parent, translation=t, rotation=q, scale=s, visible=visible))
    return len(scene.nodes) - 1
