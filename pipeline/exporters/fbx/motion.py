# SPDX-License-Identifier: Apache-2.0
"""The clips of a scene as animation stacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene import Clip, JointTrack, Scene
from pipeline.usd.scene.report import Report

from .assembly import Assembly
from .curves import CurveWriter
from .deflate import Deflater
from .document import Document
from .keys import Keys, keys_of, refined, sample_joints, sample_track, union
from .skins import Rig

__all__ = ["add_clips"]

Doubles = NDArray[np.float64]


def add_clips(scene: Scene, assembly: Assembly, document: Document, deflater: Deflater, report: Report) -> int:
    """Add every clip; returns how many curves they have."""
    curves = 0
    for clip in scene.clips:
        writer = CurveWriter(document, deflater, clip.name, clip.start / clip.time_codes_per_second, clip.seconds)
        _Motion(scene, assembly, clip, writer, report).add()
        curves += writer.curves
    return curves


class _Motion:
    """One clip's tracks."""

    def __init__(self, scene: Scene, assembly: Assembly, clip: Clip, writer: CurveWriter, report: Report) -> None:
        self.scene, self.assembly, self.clip, self.writer, self.report = scene, assembly, clip, writer, report
        self.space = assembly.space

    def add(self) -> None:
        for number, track in self.clip.transforms.items():
            model = self.assembly.models.get(number)
            if model is None or self._at_the_root(number):
                continue
            matrices = self.space.matrices(track.matrices)
            axes = self.assembly.turned.get(number)
            if axes is not None:
                matrices = self.space.axes(axes) @ matrices
            self._keys(model, keys_of(track.times, matrices), self.scene.nodes[number].path)
        for number, rig in self.assembly.rigs.items():
            self._rig(number, rig, self.clip.joints.get(number))
        self._visibility()
        for number, weights in self.clip.weights.items():
            channels = self.assembly.channels.get(number, [])
            times = self.writer.times(weights.times)
            for k, channel in enumerate(channels):
                if k < weights.weights.shape[1]:
                    self.writer.percent(channel, times, weights.weights[:, k].astype(np.float64) * 100.0)

    def _visibility(self) -> None:
        """Nodes hide what is beneath them; skinned meshes stand at the root and follow all that was above them."""
        tracks = self.clip.visibility
        for number, model in self.assembly.models.items():
            chain = self._ancestors(number) if self._at_the_root(number) else [number]
            above = [tracks[n] for n in chain if n in tracks]
            if not above:
                continue
            times = union([track.times for track in above])
            shown = np.ones(len(times), bool)
            for track in above:
                shown &= track.shown[np.maximum(np.searchsorted(track.times, times + 1e-9, side="right") - 1, 0)]
            if len(times) > 1:
                self.writer.visibility(model, self.writer.times(times), shown)

    def _at_the_root(self, number: int) -> bool:
        """Skinned meshes stand still at the root: their bones move them."""
        return self.assembly.is_bound(self.scene.nodes[number])

    def _keys(self, model: int, keys: Keys, path: str) -> None:
        times = self.writer.times(keys.times)
        if keys.sheared:
            self.report.lose(path, "animated shear", "FBX nodes have none; the axes were squared")
        self.writer.vector(model, "Lcl Translation", times, keys.translations)
        self.writer.vector(model, "Lcl Rotation", times, keys.degrees)
        self.writer.vector(model, "Lcl Scaling", times, keys.scales)

    # ------------------------------------------------------------------ skeletons

    def _rig(self, number: int, rig: Rig, track: JointTrack | None) -> None:
        moving = [n for n in self._ancestors(number) if n in self.clip.transforms]
        if track is None and not moving:
            return
        times = [self.clip.transforms[n].times for n in moving]
        if track is not None:
            times.append(track.times)
        at = union(times)
        back = np.linalg.inv(rig.change)

        def place(at: Doubles) -> Doubles:
            if moving:
                return rig.change @ self._world(number, at)
            return np.broadcast_to(rig.place, (len(at), 4, 4))

        def local(joint: int, at: Doubles) -> Doubles:
            if track is None:
                return np.broadcast_to(rig.change @ rig.skeleton.pose[joint] @ back, (len(at), 4, 4))
            return rig.change @ sample_joints(track, joint, at) @ back

        if rig.base and moving:
            self._sampled(rig.base, place, at, rig, products=len(moving) > 1)
        for j, model in enumerate(rig.limbs):
            if rig.skeleton.parents[j] < 0 and not rig.base:
                both = len(moving) + (track is not None) > 1

                def rooted(at: Doubles, joint: int = j) -> Doubles:
                    return np.asarray(local(joint, at) @ place(at))

                self._sampled(model, rooted, at, rig, products=both)
            elif track is not None:
                self._sampled(model, partial(local, j), track.times, rig, products=False)

    def _sampled(
        self, model: int, sample: Callable[[Doubles], Doubles], at: Doubles, rig: Rig, *, products: bool
    ) -> None:
        """Keys of a bone; a product of motions gets as many as it needs."""
        if products:
            at = refined(sample, at)
        self._keys(model, keys_of(at, self.space.matrices(sample(at))), rig.skeleton.path)

    def _ancestors(self, number: int) -> list[int]:
        chain = []
        while number >= 0:
            chain.append(number)
            number = self.scene.nodes[number].parent
        return chain

    def _world(self, number: int, at: Doubles) -> Doubles:
        """World transform of a node at several times, `(k, 4, 4)`."""
        result = np.broadcast_to(np.eye(4), (len(at), 4, 4))
        for n in self._ancestors(number):
            track = self.clip.transforms.get(n)
            if track is not None:
                result = result @ sample_track(track, at)
            else:
                matrix = self.scene.nodes[n].matrix
                if matrix is not None:
                    result = result @ matrix
        return result
