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
#: a joint that turns further within a frame of the slowest film, and was at rest before or after, jumps (radians)
JUMP = np.radians(75.0)
#: seconds between keys that stand for one frame to the next
FRAME = 0.09


class Invalid(Rule):
    """Times that do not rise, values that are no numbers, clips of no length, loops that do not close."""

    id = "animation.invalid"
    title = "animation that cannot play"
    why = "A clip with keys out of order jumps or is refused by the engine on import."
    severity = "error"
    unit = ""
    fixer = "rig-prep"
    advice = "Bake the clip again, keys in order; make a loop's last key its first."
    minutes = 20

    def run(self, context: Context) -> Iterator[Finding]:
        clips = context.subject.scene.clips
        if context.brief.job.needs.animation and not clips:
            yield self.found(context, "the job needs animation, and there is none", fixable=False)
        looped = any(_LOOPED.search(name) for name in _names(context))
        for clip in clips:
            for fault in faults(clip, looped):
                yield self.found(context, f"clip {clip.name!r} {fault}", fixable="no numbers" in fault)
        for path, fault in _authored(context):
            yield self.found(context, fault, path)


def _animations(context: Context) -> list[Any]:
    stage = context.subject.stage
    if stage is None:
        return []
    from pxr import Usd, UsdSkel

    root = stage.GetPrimAtPath(context.subject.prim or "/") or stage.GetPseudoRoot()
    return [UsdSkel.Animation(p) for p in Usd.PrimRange(root) if p.IsA(UsdSkel.Animation)]


def _names(context: Context) -> list[str]:
    """What the clips are called where they are authored."""
    return [a.GetPrim().GetName() for a in _animations(context)]


def _authored(context: Context) -> Iterator[tuple[str, str]]:
    """Values of USD's own animations that a reader may drop in silence."""
    for animation in _animations(context):
        path = str(animation.GetPrim().GetPath())
        broken = loose = 0
        for attribute in (animation.GetTranslationsAttr(), animation.GetRotationsAttr(), animation.GetScalesAttr()):
            for time in attribute.GetTimeSamples():
                rows = np.array(attribute.Get(time) or (), np.float64)
                broken += not np.isfinite(rows).all()
                if attribute.GetName() == "rotations" and len(rows):
                    length = np.linalg.norm(rows, axis=1)
                    loose += bool((np.abs(length - 1) > 0.01).any())
        if broken:
            yield path, f"{broken} keys hold values that are no numbers"
        if loose:
            yield path, f"{loose} keys hold quaternions that are not of unit length"


def faults(clip: Clip, looped: bool = False) -> list[str]:
    """What is wrong with a clip, in words; `looped`: it is meant as a loop whatever its name."""
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
        return said
    jump = max((_jump(t) for t in clip.joints.values()), default=0.0)
    if jump > JUMP:
        said.append(f"jumps: a joint turns by {np.degrees(jump):.0f} degrees from one frame to the next")
    if looped or _LOOPED.search(clip.name):
        gap = max((_seam(t) for t in clip.joints.values()), default=0.0)
        if gap > SEAM:
            said.append(f"is named as a loop, but first and last pose differ by {np.degrees(gap):.0f} degrees")
    return said


def _jump(track: JointTrack) -> float:
    """The largest turn between two keys close in time that is no part of a fast spin, radians."""
    if len(track.times) < 2:
        return 0.0
    turns = track.rotations.astype(np.float64)
    dot = np.abs(np.einsum("tji,tji->tj", turns[1:], turns[:-1]))
    step = 2 * np.arccos(dot.clip(0, 1))
    still = np.zeros((1, step.shape[1]))
    around = np.minimum(np.concatenate([still, step[:-1]]), np.concatenate([step[1:], still]))
    sudden = (np.diff(track.times) <= FRAME)[:, None] & (around < step / 3)
    return float(np.where(sudden, step, 0).max(initial=0))


def _seam(track: JointTrack) -> float:
    """The largest angle between first and last rotation of a joint, radians."""
    if len(track.times) < 2:
        return 0.0
    dot = np.abs(np.einsum("ij,ij->i", track.rotations[0], track.rotations[-1], dtype=np.float64))
    return float((2 * np.arccos(dot.clip(0, 1))).max(initial=0))
