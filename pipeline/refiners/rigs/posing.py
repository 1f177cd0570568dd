# SPDX-License-Identifier: Apache-2.0
"""The arms of a character in a T or an A pose, with the skin that hangs on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdSkel, Vt

from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.refiners.rigs.frames import Doubles
from pipeline.refiners.rigs.skins import SkinRows

__all__ = ["arm_angles", "bent_shapes", "carried", "posed"]

#: arms that are nearer than this to the wanted angle are there, degrees
_THERE = 0.05


def arm_angles(bind: Doubles, found: dict[str, int], up: Doubles) -> dict[str, float]:
    """Degrees that each upper arm points below the horizontal, by bone; `up` in the space of `bind`."""
    result = {}
    for side in ("left", "right"):
        upper, lower = found.get(f"{side}UpperArm"), found.get(f"{side}LowerArm")
        if upper is None or lower is None:
            continue
        along = bind[lower, 3, :3] - bind[upper, 3, :3]
        length = float(np.linalg.norm(along))
        if length > 0:
            result[f"{side}UpperArm"] = float(np.degrees(np.arcsin(np.clip(-(along @ up) / length, -1, 1))))
    return result


def posed(
    bind: Doubles, parents: NDArray[np.integer], found: dict[str, int], up: Doubles, degrees: float
) -> Doubles | None:
    """The frames with both upper arms so many degrees below the horizontal; None where they are there already.

    Each arm turns as a whole about its shoulder, in the upright plane that it lies in; one that hangs, which lies in
    none, goes outward.
    """
    result = bind.copy()
    changed = False
    for bone, angle in arm_angles(bind, found, up).items():
        if abs(angle - degrees) < _THERE:
            continue
        changed = True
        joint, end = found[bone], found[bone.replace("Upper", "Lower")]
        centre = bind[joint, 3, :3]
        along = bind[end, 3, :3] - centre
        flat = along - (along @ up) * up
        if np.linalg.norm(flat) < 0.5 * np.linalg.norm(along):
            other = found.get(("right" if bone.startswith("left") else "left") + "UpperArm")
            middle = bind[parents[joint], 3, :3] if other is None else bind[other, 3, :3]
            flat = (centre - middle) - ((centre - middle) @ up) * up
        flat = flat / max(float(np.linalg.norm(flat)), 1e-12)
        goal = np.cos(np.radians(degrees)) * flat - np.sin(np.radians(degrees)) * up
        turn = np.eye(4)
        turn[:3, :3] = _between(along / np.linalg.norm(along), goal)
        turn[3, :3] = centre - centre @ turn[:3, :3]
        below = _beneath(parents, joint)
        result[below] = result[below] @ turn
    return result if changed else None


def _beneath(parents: NDArray[np.integer], joint: int) -> NDArray[np.bool_]:
    chosen = np.zeros(len(parents), bool)
    chosen[joint] = True
    for child, parent in enumerate(parents.tolist()):
        chosen[child] |= parent >= 0 and bool(chosen[parent])
    return chosen


def _between(start: Doubles, end: Doubles) -> Doubles:
    """(3, 3) the shortest rotation from one unit vector to another; row vectors."""
    axis, cosine = np.cross(start, end), float(start @ end)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-12:
        return np.eye(3)
    x, y, z = axis / sine
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray((np.eye(3) + sine * cross + (1 - cosine) * cross @ cross).T)


def carried(skin: SkinRows, moves: Doubles, back: bool = False) -> tuple[PolygonMesh, Doubles]:
    """A mesh moved by its skin, and the (n, 4, 4) transform of each point in the mesh's own space.

    Parameters
    ----------
    moves : (j, 4, 4)
        `inv(bind) @ posed` of each joint, in skeleton space.
    back
        Place the points so that the skin brings them back to where they are when the joints go back, exactly. Otherwise
        the skin brings them there. Between two bones the two differ: a blend of turns is no turn.
    """
    from dataclasses import replace

    mesh = skin.part.mesh
    bind = UsdSkel.BindingAPI(skin.part.prim).GetGeomBindTransformAttr().Get()
    inner = np.eye(4) if bind is None else np.array(bind, np.float64)
    local = inner @ (np.linalg.inv(moves) if back else moves) @ np.linalg.inv(inner)
    blend: Doubles = np.zeros((len(skin.joints), 4, 4))
    for column in range(skin.joints.shape[1]):
        blend += skin.weights[:, column, None, None] * local[skin.joints[:, column]]
    if back:
        blend = np.asarray(np.linalg.inv(blend), np.float64)
    if skin.rigid:
        blend = np.broadcast_to(blend, (len(mesh.points), 4, 4))
    points = np.einsum("ni,nij->nj", mesh.points.astype(np.float64), blend[:, :3, :3]) + blend[:, 3, :3]
    primvars = dict(mesh.primvars)
    for name in ("normals", "tangents"):
        if name in primvars and primvars[name].values.shape[-1] == 3:
            primvars[name] = _turned(primvars[name], mesh, blend[:, :3, :3])
    return replace(mesh, points=points.astype(np.float32), primvars=primvars), np.asarray(blend)


def _turned(value: Primvar, mesh: PolygonMesh, linear: Doubles) -> Primvar:
    if value.interpolation not in ("vertex", "varying", "faceVarying"):
        return value
    at = mesh.corners if value.interpolation == "faceVarying" else np.arange(len(mesh.points))
    rows = value.values[value.index(len(at))]
    turned = np.einsum("ni,nij->nj", rows.astype(np.float64), np.swapaxes(np.linalg.inv(linear[at]), 1, 2))
    length = np.linalg.norm(turned, axis=1, keepdims=True)
    return Primvar((turned / np.where(length > 0, length, 1)).astype(np.float32), None, value.interpolation, value.kind)


def bent_shapes(mesh: Usd.Prim, blend: Doubles) -> int:
    """Turn the offsets of a mesh's blend shapes along; returns how many shapes there are."""
    count = 0
    for path in UsdSkel.BindingAPI(mesh).GetBlendShapeTargetsRel().GetForwardedTargets():
        shape = UsdSkel.BlendShape.Get(mesh.GetStage(), path)
        if not shape:
            continue
        index = shape.GetPointIndicesAttr().Get()
        rows = blend[np.array(index)] if index is not None and len(index) else blend
        names = [a.GetName() for a in shape.GetPrim().GetAuthoredAttributes()]
        for name in names:
            if name == "offsets" or (name.startswith("inbetweens:") and not name.endswith("normalOffsets")):
                _turn_offsets(shape.GetPrim().GetAttribute(name), rows[:, :3, :3])
            elif name == "normalOffsets" or name.endswith(":normalOffsets"):
                turn = np.swapaxes(np.linalg.inv(rows[:, :3, :3]), 1, 2)
                _turn_offsets(shape.GetPrim().GetAttribute(name), turn)
        count += 1
    return count


def _turn_offsets(attribute: Usd.Attribute, turns: Doubles) -> None:
    value = attribute.Get()
    if not isinstance(value, Vt.Vec3fArray) or len(value) != len(turns):
        return
    moved = np.einsum("ni,nij->nj", np.array(value, np.float64), turns)
    attribute.Set(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(moved, np.float32)))
