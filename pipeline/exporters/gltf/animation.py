# SPDX-License-Identifier: Apache-2.0
"""Clips to glTF animations: channels only for what moves, as few keys as the error allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.exporters.key_shapes import track_keys
from pipeline.usd.scene.model import Clip, Doubles, Floats, Mesh
from pipeline.usd.scene.posing import shape_weights
from pipeline.usd.scene.sampling import continuous, reduced
from pipeline.usd.scene.xforms import decompose

if TYPE_CHECKING:
    from pipeline.exporters.gltf.scene import SceneWriter

__all__ = ["add_clip"]

#: allowed error of a key that is left out, as a share of the size of what moves
TOLERANCE = 1e-4


def add_clip(writer: SceneWriter, clip: Clip) -> None:
    """Add one glTF animation; nothing where nothing moves."""
    channels: list[dict[str, Any]] = []
    samplers: list[dict[str, Any]] = []
    document = writer.document

    def channel(node: int, path: str, times: Doubles, values: NDArray[Any], keep: NDArray[np.int64]) -> None:
        if len(keep) == 1 and len(times) > 1:
            keep = np.array([0, len(times) - 1])
        stored = np.asarray(times[keep], np.float32)
        # keys closer than float32 can tell apart are one
        apart = np.concatenate([[True], np.diff(stored) > 0])
        chosen = np.ascontiguousarray(values[keep][apart], np.float32)
        sampler = {
            "input": document.accessor(stored[apart], bounds=True),
            "output": document.accessor(chosen.reshape(-1) if path == "weights" else chosen),
            "interpolation": "LINEAR",
        }
        samplers.append(sampler)
        channels.append({"sampler": len(samplers) - 1, "target": {"node": node, "path": path}})

    size = writer.size
    for number, track in clip.transforms.items():
        translation, rotation, scale, shear = decompose(track.matrices)
        if shear.max(initial=0) > 1e-4:
            writer.report.lose(writer.scene.nodes[number].path, "shear", "glTF moves only three of four")
        node = writer.hierarchy.nodes[number]
        item = document.json["nodes"][node]
        if item.pop("matrix", None) is not None:
            item.update(translation=translation[0].tolist(), rotation=rotation[0].tolist(), scale=scale[0].tolist())
        rotation = continuous(rotation)
        _channels(channel, node, track.times, translation, rotation, scale, size, item)
    for number, joint_track in clip.joints.items():
        rotations = continuous(joint_track.rotations)
        shared = _shared_keys(joint_track.times, joint_track.translations, rotations, joint_track.scales, size)
        for j, node in enumerate(writer.hierarchy.joints.get(number, ())):
            item = document.json["nodes"][node]
            _channels(
                channel, node, joint_track.times, joint_track.translations[:, j], rotations[:, j],
                joint_track.scales[:, j], size, item, shared,
            )  # fmt: skip
    for number, weight_track in clip.weights.items():
        mesh_number = writer.scene.nodes[number].mesh
        if mesh_number is None or number not in writer.drawn:
            continue
        mesh = writer.scene.meshes[mesh_number]
        times, weights = _with_stops(mesh, weight_track.times, weight_track.weights)
        parts = [shape_weights(shape, weights[:, k]) for k, shape in enumerate(mesh.blend_shapes)]
        values = np.concatenate(parts, axis=1) if parts else np.zeros((len(times), 0), np.float32)
        if values.shape[1]:
            keep = reduced(times, values, 1e-4)
            for holder in writer.drawn[number]:
                channel(holder, "weights", times, values, keep)
    for number, node_item in enumerate(writer.scene.nodes):
        if node_item.mesh is None or number not in writer.drawn:
            continue
        mesh = writer.scene.meshes[node_item.mesh]
        if mesh.track is not None and not mesh.blend_shapes:
            times, keys = track_keys(mesh)
            for holder in writer.drawn[number]:
                channel(holder, "weights", times, np.eye(len(keys), dtype=np.float32), np.arange(len(keys)))
    if channels:
        document.add("animations", {"name": clip.name, "channels": channels, "samplers": samplers})


def _rules(size: float) -> tuple[tuple[str, float, bool], ...]:
    """Path, tolerance, and whether values turn."""
    return (("translation", TOLERANCE * size, False), ("rotation", TOLERANCE, True), ("scale", TOLERANCE, False))


def _channels(
    channel: Any,
    node: int,
    times: Doubles,
    translation: NDArray[Any],
    rotation: NDArray[Any],
    scale: NDArray[Any],
    size: float,
    item: dict[str, Any],
    shared: dict[str, NDArray[np.int64]] | None = None,
) -> None:
    """The three channels of one node, those that move; the rest at its first value.

    Parameters
    ----------
    shared
        Keys by path that are known to suffice; found for this node alone without it.
    """
    for (path, tolerance, turning), values in zip(_rules(size), (translation, rotation, scale), strict=True):
        spread = float(np.ptp(values, axis=0).max(initial=0.0))
        if spread <= tolerance * 1e-2:
            item[path] = [float(v) for v in values[0]]
            continue
        keep = shared[path] if shared is not None else reduced(times, values, tolerance, turning=turning)
        channel(node, path, times, values, keep)


def _shared_keys(
    times: Doubles, translation: NDArray[Any], rotation: NDArray[Any], scale: NDArray[Any], size: float
) -> dict[str, NDArray[np.int64]]:
    """One set of keys for all joints: found in a few passes, and every sampler reads the same times."""
    return {
        path: reduced(times, values, tolerance, turning=turning)
        for (path, tolerance, turning), values in zip(_rules(size), (translation, rotation, scale), strict=True)
    }


def _with_stops(mesh: Mesh, times: Doubles, weights: Floats) -> tuple[Doubles, Floats]:
    """Keys also where a weight passes an in-between, so that straight lines between keys stay exact."""
    extra = [times]
    for k, shape in enumerate(mesh.blend_shapes):
        if len(shape.shapes) < 2:
            continue
        values = weights[:, k].astype(np.float64)
        for stop in (0.0, *(s.weight for s in shape.shapes)):
            a, b = values[:-1] - stop, values[1:] - stop
            crossing = np.flatnonzero(a * b < 0)
            share = a[crossing] / (a[crossing] - b[crossing])
            extra.append(times[crossing] + share * (times[crossing + 1] - times[crossing]))
    if len(extra) == 1:
        return times, weights
    every = np.unique(np.concatenate(extra))
    columns = [np.interp(every, times, weights[:, k]) for k in range(weights.shape[1])]
    return every, np.stack(columns, -1).astype(np.float32)
