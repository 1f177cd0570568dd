# SPDX-License-Identifier: Apache-2.0
"""What moves: transforms, joints, blend shape weights and points over the stage's time range."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pxr import Gf, Usd, UsdGeom

from pipeline.usd.scene.draws import bounds
from pipeline.usd.scene.model import (
    Clip,
    Doubles,
    JointTrack,
    Mesh,
    PointsTrack,
    Scene,
    Skeleton,
    TransformTrack,
    VisibilityTrack,
    WeightTrack,
)
from pipeline.usd.scene.sampling import continuous, sample_transforms
from pipeline.usd.scene.swarms import expand_swarms, swarm_samples
from pipeline.usd.scene.xforms import decompose

if TYPE_CHECKING:
    from pipeline.usd.scene.walk import SceneReader

__all__ = ["read_clips"]

#: share of the stage's size by which lerp and slerp between samples may be off
TOLERANCE = 1e-4
#: bytes of moving points of one mesh beyond which keys are thinned while they are read
_MOST_BYTES = 1 << 29


def read_clips(scene: Scene, reader: SceneReader) -> Scene:
    """The scene with one clip over the stage's range, where anything moves in it."""
    stage = reader.stage
    span = _range(stage, reader)
    if span is None:
        return scene
    start, end = span
    codes = stage.GetTimeCodesPerSecond() or 24.0
    clock = _Clock(start, end, codes)
    scene, swarms = expand_swarms(scene, reader, clock.inside, clock.seconds)
    transforms = {**_transforms(scene, reader, clock), **swarms}
    joints = _joints(scene, reader, clock)
    weights, meshes = _shapes(scene, reader, clock)
    visibility = {number: _visibility(attribute, clock) for number, attribute in reader.blinking.items()}
    for origin, copy in reader.copies:
        for tracks in (transforms, joints, weights, visibility):
            if origin in tracks:
                tracks[copy] = tracks[origin]  # type: ignore[assignment]
    scene = replace(scene, meshes=tuple(meshes))
    if not (transforms or joints or weights or visibility or any(m.track is not None for m in meshes)):
        return replace(scene, losses=reader.report.losses)
    clip = Clip(scene.name or "Animation", start, end, codes, transforms, joints, weights, visibility)
    return replace(scene, clips=(clip,), losses=reader.report.losses)


class _Clock:
    """Time codes of the range, and seconds from its start."""

    def __init__(self, start: float, end: float, codes: float) -> None:
        self.start, self.end, self.codes = start, end, codes
        self.interval = Gf.Interval(start, end)

    def inside(self, samples: Iterable[float]) -> Doubles:
        """The samples inside of the range, with both its ends."""
        found = [float(s) for s in samples if self.start < s < self.end]
        return np.array(sorted({self.start, self.end, *found}))

    def seconds(self, codes: Doubles) -> Doubles:
        """Time codes as seconds from the start."""
        return np.asarray((codes - self.start) / self.codes)


def _range(stage: Any, reader: SceneReader) -> tuple[float, float] | None:
    """The authored range, else that of all samples; None where nothing takes time."""
    if not (reader.moving or reader.shaped or reader.bodies.skeletons or reader.blinking or reader.swarms):
        return None
    if stage.HasAuthoredTimeCodeRange():
        start, end = stage.GetStartTimeCode(), stage.GetEndTimeCode()
        return (start, end) if end > start else None
    samples: list[float] = []
    for prim in reader.moving.values():
        samples += UsdGeom.Xformable(prim).GetTimeSamples()
    for prim in reader.shaped.values():
        samples += UsdGeom.PointBased(prim).GetPointsAttr().GetTimeSamples()
    for prim in reader.swarms.values():
        samples += swarm_samples(prim)
    for attribute in reader.blinking.values():
        samples += attribute.GetTimeSamples()
    for query in reader.bodies.queries.values():
        animation = query.GetAnimQuery() if query else None
        if animation:
            samples += animation.GetJointTransformTimeSamples() or []
            samples += animation.GetBlendShapeWeightTimeSamples() or []
    if not samples or max(samples) <= min(samples):
        return None
    return float(min(samples)), float(max(samples))


def _transforms(scene: Scene, reader: SceneReader, clock: _Clock) -> dict[int, TransformTrack]:
    if not reader.moving:
        return {}
    box = bounds(scene)
    size = 1.0 if box is None else float(np.ptp(box, axis=0).max()) or 1.0
    world = scene.world_matrices
    tracks = {}
    for number, prim in reader.moving.items():
        node = scene.nodes[number]
        grown = 1.0
        if node.parent >= 0:
            grown = float(np.linalg.norm(world[node.parent][:3, :3], axis=1).max()) or 1.0
        reach = max(size / grown, 1e-12)
        xformable = UsdGeom.Xformable(prim)
        convert = _converter(reader, node.camera is not None or node.light is not None)

        def at(code: float, xformable: Any = xformable, convert: Any = convert, reach: float = reach) -> Doubles:
            found = np.array(xformable.GetLocalTransformation(Usd.TimeCode(code)))
            found[:, 3] = (0.0, 0.0, 0.0, 1.0)
            matrix: Doubles = convert(found)
            if not np.isfinite(matrix).all():
                reader.report.lose(
                    xformable.GetPath(), "transform samples", "some are not finite: the identity stands for them"
                )
                return np.eye(4)
            matrix[3, :3] /= reach
            return matrix

        own = clock.inside(xformable.GetTimeSamplesInInterval(clock.interval))
        codes, matrices = sample_transforms(at, own, clock.codes, TOLERANCE)
        matrices[:, 3, :3] *= reach
        if number == _top(reader) and reader.above_matrix is not None:
            matrices = matrices @ reader.above_matrix
        if np.ptp(matrices, axis=0).max() > 0:
            tracks[number] = TransformTrack(clock.seconds(codes), matrices)
    return tracks


def _visibility(attribute: Any, clock: _Clock) -> VisibilityTrack:
    codes = clock.inside(attribute.GetTimeSamplesInInterval(clock.interval))
    shown = np.array([attribute.Get(Usd.TimeCode(code)) != "invisible" for code in codes.tolist()])
    keep = np.concatenate([[True], shown[1:] != shown[:-1]])
    return VisibilityTrack(clock.seconds(codes[keep]), shown[keep])


def _top(reader: SceneReader) -> int:
    """The node that stands for the root of a subtree."""
    return 0 if reader.above_matrix is not None else -1


def _converter(reader: SceneReader, aimed: bool) -> Any:
    if aimed and reader.space.turned:
        return lambda matrix: reader.space.rotation @ reader.space.matrices(matrix)
    return reader.space.matrices


def _joints(scene: Scene, reader: SceneReader, clock: _Clock) -> dict[int, JointTrack]:
    known: dict[int, JointTrack | None] = {}
    tracks = {}
    for number, node in enumerate(scene.nodes):
        if node.skeleton is None:
            continue
        if node.skeleton not in known:
            query = reader.bodies.queries.get(node.skeleton)
            known[node.skeleton] = _joint_track(scene.skeletons[node.skeleton], query, reader, clock)
        track = known[node.skeleton]
        if track is not None:
            tracks[number] = track
    return tracks


def _joint_track(skeleton: Skeleton, query: Any, reader: SceneReader, clock: _Clock) -> JointTrack | None:
    animation = query.GetAnimQuery() if query else None
    if not animation or not animation.JointTransformsMightBeTimeVarying():
        return None
    codes = clock.inside(animation.GetJointTransformTimeSamplesInInterval(clock.interval) or [])
    poses = np.empty((len(codes), len(skeleton.joints), 4, 4))
    for k, code in enumerate(codes.tolist()):
        local = query.ComputeJointLocalTransforms(Usd.TimeCode(code))
        if local is None or len(local) != len(skeleton.joints):
            reader.report.lose(skeleton.path, "joint animation", f"its values at {code:g} do not fit the joints")
            return None
        poses[k] = np.asarray(local)
    if not np.isfinite(poses).all():
        reader.report.lose(skeleton.path, "joint animation", "it has values that are not finite")
        return None
    translation, rotation, scale, shear = decompose(reader.space.matrices(poses))
    if shear.max(initial=0) > 1e-4:
        reader.report.reduce(skeleton.path, "shear of joints", "only translation, rotation and scale move")
    parts = [a.astype(np.float32) for a in (translation, continuous(rotation), scale)]
    if all(np.ptp(part, axis=0).max(initial=0.0) == 0 for part in parts):
        return None  # sampled, and standing still
    return JointTrack(clock.seconds(codes), parts[0], parts[1], parts[2])


def _shapes(scene: Scene, reader: SceneReader, clock: _Clock) -> tuple[dict[int, WeightTrack], list[Mesh]]:
    meshes = list(scene.meshes)
    weights: dict[int, WeightTrack] = {}
    for number, prim in reader.shaped.items():
        mesh_number = scene.nodes[number].mesh
        if mesh_number is None:
            continue
        mesh = meshes[mesh_number]
        binding = reader.bodies.bindings.by_path.get(str(prim.GetPath()))
        if mesh.blend_shapes and binding is not None:
            track = _weight_track(mesh, binding.query, clock)
            if track is not None:
                weights[number] = track
        points = UsdGeom.PointBased(prim).GetPointsAttr()
        if points.ValueMightBeTimeVarying() and mesh.track is None:
            if mesh.skin is not None or mesh.blend_shapes:
                reader.report.reduce(mesh.path, "moving points", "a skinned or shaped mesh keeps its first points")
                continue
            moved = _points_track(mesh, points, reader, clock)
            if moved is not None:
                meshes[mesh_number] = replace(mesh, track=moved)
    return weights, meshes


def _weight_track(mesh: Mesh, query: Any, clock: _Clock) -> WeightTrack | None:
    animation = query.GetAnimQuery() if query else None
    if not animation or not animation.BlendShapeWeightsMightBeTimeVarying():
        return None
    place = {str(n): i for i, n in enumerate(animation.GetBlendShapeOrder())}
    columns = [place.get(shape.name, -1) for shape in mesh.blend_shapes]
    codes = clock.inside(animation.GetBlendShapeWeightTimeSamplesInInterval(clock.interval) or [])
    rows = np.zeros((len(codes), len(columns)), np.float32)
    for k, code in enumerate(codes.tolist()):
        values = animation.ComputeBlendShapeWeights(Usd.TimeCode(code))
        if values is not None and len(values) == len(place):
            array = np.nan_to_num(np.asarray(values, np.float32))
            rows[k] = [array[c] if c >= 0 else 0.0 for c in columns]
    return WeightTrack(clock.seconds(codes), rows) if np.ptp(rows, axis=0).max(initial=0) > 0 else None


def _points_track(mesh: Mesh, attribute: Any, reader: SceneReader, clock: _Clock) -> PointsTrack | None:
    codes = clock.inside(attribute.GetTimeSamplesInInterval(clock.interval))
    step = max(1, int(np.ceil(len(codes) * mesh.points.nbytes / _MOST_BYTES)))
    if step > 1:
        reader.report.reduce(mesh.path, "moving points", f"every {step}th of {len(codes)} samples is kept")
        codes = np.unique(np.concatenate([codes[::step], codes[-1:]]))
    rows = []
    for code in codes.tolist():
        found = np.asarray(attribute.Get(Usd.TimeCode(code)))
        if found.shape != mesh.points.shape or not np.isfinite(found).all():
            reader.report.lose(
                mesh.path, "moving points", f"at {code:g} they are not finite or not as many: it stands still"
            )
            return None
        rows.append(reader.space.points(found))
    return PointsTrack(clock.seconds(codes), np.stack(rows))
