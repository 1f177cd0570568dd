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
    animation = _Animation(writer)
    animation.add_transforms(clip)
    animation.add_joints(clip)
    animation.add_weights(clip)
    animation.add_moving_points()
    if animation.channels:
        parts = {"channels": animation.channels, "samplers": animation.samplers}
        writer.document.add("animations", {"name": clip.name, **parts})


class _Animation:
    """One animation's channels, gathered."""

    def __init__(self, writer: SceneWriter) -> None:
        self.writer = writer
        self.channels: list[dict[str, Any]] = []
        self.samplers: list[dict[str, Any]] = []

    def add_transforms(self, clip: Clip) -> None:
        """Nodes that move."""
        writer = self.writer
        for number, track in clip.transforms.items():
            translation, rotation, scale, shear = decompose(track.matrices)
            if shear.max(initial=0) > 1e-4:
                writer.report.lose(writer.scene.nodes[number].path, "shear", "glTF moves only three of four")
            node = writer.hierarchy.nodes[number]
            item = writer.document.json["nodes"][node]
            if item.pop("matrix", None) is not None:
                item.update(translation=translation[0].tolist(), rotation=rotation[0].tolist(), scale=scale[0].tolist())
            self._place(node, track.times, (translation, continuous(rotation), scale))

    def add_joints(self, clip: Clip) -> None:
        """Skeletons; all joints of one read the same times."""
        for number, track in clip.joints.items():
            rotations = continuous(track.rotations)
            shared = _shared_keys(track.times, track.translations, rotations, track.scales, self.writer.size)
            for j, node in enumerate(self.writer.hierarchy.joints.get(number, ())):
                values = (track.translations[:, j], rotations[:, j], track.scales[:, j])
                self._place(node, track.times, values, shared)

    def add_weights(self, clip: Clip) -> None:
        """Blend shapes."""
        writer = self.writer
        for number, track in clip.weights.items():
            mesh_number = writer.scene.nodes[number].mesh
            if mesh_number is None or number not in writer.drawn:
                continue
            mesh = writer.scene.meshes[mesh_number]
            times, weights = _with_stops(mesh, track.times, track.weights)
            parts = [shape_weights(shape, weights[:, k]) for k, shape in enumerate(mesh.blend_shapes)]
            values = np.concatenate(parts, axis=1) if parts else np.zeros((len(times), 0), np.float32)
            if values.shape[1]:
                keep = reduced(times, values, TOLERANCE)
                for holder in writer.drawn[number]:
                    self._channel(holder, "weights", times, values, keep)

    def add_moving_points(self) -> None:
        """Meshes whose points move: each key is a target, and one weight after the other is one."""
        writer = self.writer
        for number, node in enumerate(writer.scene.nodes):
            if node.mesh is None or number not in writer.drawn:
                continue
            mesh = writer.scene.meshes[node.mesh]
            if mesh.track is not None and not mesh.blend_shapes:
                times, keys = track_keys(mesh)
                for holder in writer.drawn[number]:
                    self._channel(holder, "weights", times, np.eye(len(keys), dtype=np.float32), np.arange(len(keys)))

    def _place(
        self,
        node: int,
        times: Doubles,
        values: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
        shared: dict[str, NDArray[np.int64]] | None = None,
    ) -> None:
        """Translation, rotation and scale of one node, those that move; the rest at its first value.

        Parameters
        ----------
        shared
            Keys by path that are known to suffice; found for this node alone without it.
        """
        item = self.writer.document.json["nodes"][node]
        for (path, tolerance, turning), row in zip(_rules(self.writer.size), values, strict=True):
            spread = float(np.ptp(row, axis=0).max(initial=0.0))
            if spread <= tolerance * 1e-2:
                item[path] = [float(v) for v in row[0]]
                continue
            keep = shared[path] if shared is not None else reduced(times, row, tolerance, turning=turning)
            self._channel(node, path, times, row, keep)

    def _channel(self, node: int, path: str, times: Doubles, values: NDArray[Any], keep: NDArray[np.int64]) -> None:
        document = self.writer.document
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
        self.samplers.append(sampler)
        self.channels.append({"sampler": len(self.samplers) - 1, "target": {"node": node, "path": path}})


def _rules(size: float) -> tuple[tuple[str, float, bool], ...]:
    """Path, tolerance, and whether values turn."""
    return (("translation", TOLERANCE * size, False), ("rotation", TOLERANCE, True), ("scale", TOLERANCE, False))


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
