# SPDX-License-Identifier: Apache-2.0
"""A human of tubes with a skeleton, skin weights and a clip; and points as USD's own baking sees them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, UsdSkel, Vt
from scipy.spatial.transform import Rotation

#: bone: its parent's, and its place in metres, arms stretched out (left is +x)
_MIDDLE = {"hips": ("", (0, 1, 0)), "spine": ("hips", (0, 1.1, 0)), "chest": ("spine", (0, 1.3, 0.01)),
           "neck": ("chest", (0, 1.5, 0)), "head": ("neck", (0, 1.6, 0.02))}  # fmt: skip
_SIDE = {"Shoulder": ("chest", (0.04, 1.45, 0)), "UpperArm": ("Shoulder", (0.18, 1.45, 0)),
         "LowerArm": ("UpperArm", (0.45, 1.45, -0.01)), "Hand": ("LowerArm", (0.7, 1.45, 0)),
         "UpperLeg": ("hips", (0.1, 0.95, 0)), "LowerLeg": ("UpperLeg", (0.11, 0.5, 0.02)),
         "Foot": ("LowerLeg", (0.11, 0.08, 0)), "Toes": ("Foot", (0.11, 0.03, 0.12))}  # fmt: skip

MIXAMO = {"hips": "Hips", "spine": "Spine", "chest": "Spine1", "neck": "Neck", "head": "Head",
          **{f"{s.lower()}{b}": s + n for s in ("Left", "Right") for b, n in (
              ("Shoulder", "Shoulder"), ("UpperArm", "Arm"), ("LowerArm", "ForeArm"), ("Hand", "Hand"),
              ("UpperLeg", "UpLeg"), ("LowerLeg", "Leg"), ("Foot", "Foot"), ("Toes", "ToeBase"))}}  # fmt: skip


def bones(droop: float = 0.0, droop_right: float | None = None) -> dict[str, tuple[str, np.ndarray]]:
    """Bone to its parent and place, the arms so many degrees below the horizontal."""
    found = {k: (p, np.array(v, float)) for k, (p, v) in _MIDDLE.items()}
    for side, sign, degrees in (("left", 1, droop), ("right", -1, droop if droop_right is None else droop_right)):
        shoulder = np.array(_SIDE["UpperArm"][1], float)
        a = np.radians(degrees)
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        for bone, (parent, place) in _SIDE.items():
            at = np.array(place, float)
            if bone in ("LowerArm", "Hand"):
                at = shoulder + (at - shoulder) @ turn
            at[0] *= sign
            found[side + bone] = (parent if parent in found else side + parent, at)
    return found


def human(
    stage: Usd.Stage,
    name: Callable[[str], str] | dict[str, str] | None = None,
    droop: float = 0.0,
    droop_right: float | None = None,
    influences: int = 4,
    keys: int = 3,
    turned: bool = True,
) -> tuple[UsdSkel.Skeleton, UsdGeom.Mesh]:
    """Beneath `/Asset/geo`: a skeleton with joints in frames of any direction, a bound mesh, a clip of `keys` keys."""
    call = (lambda b: b) if name is None else name.get if isinstance(name, dict) else name  # type: ignore[union-attr]
    random = np.random.default_rng(5)
    body = bones(droop, droop_right)
    order = list(body)
    paths: dict[str, str] = {}
    for bone, (parent, _) in body.items():
        paths[bone] = f"{paths[parent]}/{call(bone)}" if parent else str(call(bone))
    parents = np.array([order.index(p) if p else -1 for p, _ in body.values()])
    bind = np.tile(np.eye(4), (len(order), 1, 1))
    bind[:, 3, :3] = [place for _, place in body.values()]
    if turned:
        bind[:, :3, :3] = Rotation.random(len(order), random_state=3).as_matrix()
    rest = bind.copy()
    rest[parents >= 0] = bind[parents >= 0] @ np.linalg.inv(bind[parents[parents >= 0]])
    root = UsdSkel.Root.Define(stage, "/Asset/geo")
    skeleton = UsdSkel.Skeleton.Define(stage, "/Asset/geo/skel")
    skeleton.CreateJointsAttr(Vt.TokenArray(list(paths.values())))
    skeleton.CreateBindTransformsAttr(Vt.Matrix4dArray.FromNumpy(bind))
    skeleton.CreateRestTransformsAttr(Vt.Matrix4dArray.FromNumpy(rest))
    points, faces = _tubes(body)
    mesh = UsdGeom.Mesh.Define(stage, "/Asset/geo/body")
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points.astype(np.float32)))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray([4] * len(faces)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.reshape(-1).astype(np.int32)))
    mesh.CreateSubdivisionSchemeAttr("none")
    index, weight = _weights(points, body, influences)
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    binding.CreateJointIndicesPrimvar(False, influences).Set(Vt.IntArray.FromNumpy(index.reshape(-1).astype(np.int32)))
    binding.CreateJointWeightsPrimvar(False, influences).Set(
        Vt.FloatArray.FromNumpy(weight.reshape(-1).astype(np.float32))
    )
    if keys:
        clip = UsdSkel.Animation.Define(stage, "/Asset/geo/clip")
        clip.CreateJointsAttr(Vt.TokenArray(list(paths.values())))
        turns, moves, sizes = clip.CreateRotationsAttr(), clip.CreateTranslationsAttr(), clip.CreateScalesAttr()
        base = Rotation.from_matrix(np.swapaxes(rest[:, :3, :3], 1, 2))
        for key in range(keys):
            swing = Rotation.from_rotvec(random.normal(size=(len(order), 3)) * 0.35)
            turns.Set(Vt.QuatfArray.FromNumpy((base * swing).as_quat().astype(np.float32)), key * 12.0)
            place = rest[:, 3, :3] + (np.arange(len(order)) == 0)[:, None] * [0.1 * key, 0.05, 0]
            moves.Set(Vt.Vec3fArray.FromNumpy(place.astype(np.float32)), key * 12.0)
        sizes.Set(Vt.Vec3hArray.FromNumpy(np.ones((len(order), 3), np.float16)), 0.0)
        UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([clip.GetPath()])
        stage.SetStartTimeCode(0)
        stage.SetEndTimeCode((keys - 1) * 12)
    assert root
    return skeleton, mesh


def _tubes(body: dict[str, tuple[str, np.ndarray]], around: int = 8, along: int = 5) -> tuple[np.ndarray, np.ndarray]:
    points, faces = [], []
    for parent, end in body.values():
        if not parent:
            continue
        start = body[parent][1]
        forward = (end - start) / np.linalg.norm(end - start)
        up = np.array([0, 0, 1.0]) if abs(forward[2]) < 0.9 else np.array([0, 1.0, 0])
        side = np.cross(forward, up)
        side /= np.linalg.norm(side)
        # the same ring on both sides of the body, so that the mesh is its own mirror image
        angle = 2 * np.pi * np.arange(around) / around
        ring = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * np.cross(side, forward)
        base = len(points) * along * around
        where = start + np.linspace(0, 1, along)[:, None] * (end - start)
        points.append((where[:, None] + 0.05 * ring[None]).reshape(-1, 3))
        i, j = np.meshgrid(np.arange(along - 1), np.arange(around), indexing="ij")
        a, b = base + i * around + j, base + i * around + (j + 1) % around
        faces.append(np.stack([a, b, b + around, a + around], -1).reshape(-1, 4))
    return np.concatenate(points), np.concatenate(faces)


def _weights(points: np.ndarray, body: dict[str, tuple[str, np.ndarray]], most: int) -> tuple[np.ndarray, np.ndarray]:
    """By distance to the bones, a joint's own bone being the way to its first child."""
    order = list(body)
    dense = np.zeros((len(points), len(order)))
    for j, bone in enumerate(order):
        start = body[bone][1]
        ends = [body[b][1] for b in order if body[b][0] == bone] or [start]
        for end in ends:
            way = end - start
            t = ((points - start) @ way / max(way @ way, 1e-9)).clip(0, 1)
            gap = np.linalg.norm(points - start - t[:, None] * way, axis=1)
            dense[:, j] = np.maximum(dense[:, j], 1 / (gap + 0.02) ** 6)
    index = np.argsort(-dense, axis=1, kind="stable")[:, :most]
    weight = np.take_along_axis(dense, index, 1)
    return index, weight / weight.sum(axis=1, keepdims=True)


def baked(stage: Usd.Stage, times: list[float]) -> dict[str, np.ndarray]:
    """(t, n, 3) points of every mesh in the asset's space, as UsdSkel.BakeSkinning writes them into a copy."""
    copy = Sdf.Layer.CreateAnonymous(".usda")
    copy.TransferContent(stage.Flatten())
    made = Usd.Stage.Open(copy)
    for prim in made.Traverse():
        if prim.IsA(UsdSkel.Root):
            interval = Gf.Interval(min(times), max(times))
            assert UsdSkel.BakeSkinning(UsdSkel.Root(prim), interval)
    return {
        str(p.GetPath()): np.array([UsdGeom.Mesh(p).GetPointsAttr().Get(t) for t in times], np.float64)
        for p in made.Traverse()
        if p.IsA(UsdGeom.Mesh)
    }


def gap_mm(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> float:
    """The largest distance between two bakings, in millimetres of a stage in metres."""
    assert before.keys() == after.keys()
    return 1000 * max(float(np.linalg.norm(before[k] - after[k], axis=-1).max()) for k in before)
