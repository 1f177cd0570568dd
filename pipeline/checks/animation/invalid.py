# SPDX-License-Identifier: Apache-2.0
"""Animation that cannot play."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.usd.scene.model import Clip, JointTrack

_LOOPED = re.compile(r"(loop|cycle|idle|walk|run)", re.IGNORECASE)
#: a looped clip's last pose may differ from its first by this much (radians, or share of the movement)
SEAM = 0.02


class Invalid(Rule):
    """Times that do not rise, values that are no numbers, clips of no length, loops that do not close."""

    id = "animation.invalid"
    title = "animation that cannot play"
    severity = "error"
    unit = ""
    advice = "Bake the clip again, keys in order; make a loop's last key its first."
    minutes = 20

    def run(self, context: Context) -> Iterator[Finding]:
        clips = context.subject.scene.clips
        if context.brief.job.needs.animation and not clips:
            yield self.found(context, "the job needs animation, and there is none")
        for clip in clips:
            for fault in faults(clip):
                yield self.found(context, f"clip {clip.name!r} {fault}")


def faults(clip: Clip) -> list[str]:
    """What is wrong with a clip, in words."""
    said = []
    if not np.isfinite([clip.start, clip.end]).all() or clip.end <= clip.start:
        said.append("has no length")
    tracks: list[Any] = [*clip.transforms.values(), *clip.joints.values(), *clip.weights.values()]
    if any(not np.isfinite(t.times).all() or (np.diff(t.times) <= 0).any() for t in tracks):
        said.append("has times that do not rise")
    values: list[Any] = [
        *(t.matrices for t in clip.transforms.values()),
        *(v for t in clip.joints.values() for v in (t.translations, t.rotations, t.scales)),
        *(t.weights for t in clip.weights.values()),
    ]
    if any(not np.isfinite(v).all() for v in values):
        said.append("has values that are no numbers")
    elif _LOOPED.search(clip.name):
        gap = max((_seam(t) for t in clip.joints.values()), default=0.0)
        if gap > SEAM:
            said.append(f"is named as a loop, but first and last pose differ by {np.degrees(gap):.0f} degrees")
    return said


def _seam(track: JointTrack) -> float:
    """The largest angle between first and last rotation of a joint, radians."""
    if len(track.times) < 2:
        return 0.0
    dot = np.abs(np.einsum("ij,ij->i", track.rotations[0], track.rotations[-1], dtype=np.float64))
    return float((2 * np.arccos(dot.clip(0, 1))).max(initial=0))
