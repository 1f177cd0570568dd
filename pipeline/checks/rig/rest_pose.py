# SPDX-License-Identifier: Apache-2.0
"""Characters that do not stand in the pose they are to be rigged in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.refiners.rigs import bones
from pipeline.refiners.rigs.posing import arm_angles
from pipeline.settings.jobs import Brief, Severity

#: degrees below the horizontal that the upper arms may point: lowest and highest
POSES = {"t-pose": (-20.0, 20.0), "a-pose": (20.0, 70.0)}
#: degrees that the way from the hips to the head may lean
LEAN = 45.0


class RestPose(Rule):
    """The angle of the upper arms below the horizontal in the bind pose, and whether the body stands upright."""

    id = "rig.rest-pose"
    title = "not in the wanted rest pose"
    why = "Retargeting and skinning assume the pose; a wrong one twists the shoulders."
    severity = "error"
    unit = "degrees below the horizontal"
    fixer = "rig-prep"
    advice = "Pose the arms, apply the pose as the rest pose and bind again."
    regenerate = "ask for the pose by name, with a reference in that pose"
    input = '--prompt "PROMPT, standing in an A pose"'
    minutes = 60

    def severity_for(self, brief: Brief) -> Severity | None:
        return self.severity if brief.job.needs.pose else None

    def run(self, context: Context) -> Iterator[Finding]:
        pose = context.brief.job.needs.pose
        low, high = POSES[pose]
        scene = context.subject.scene
        world = {n.skeleton: scene.world_matrices[i] for i, n in enumerate(scene.nodes) if n.skeleton is not None}
        for number, skeleton in enumerate(scene.skeletons):
            bind = np.asarray(skeleton.bind, np.float64) @ np.asarray(world.get(number, np.eye(4)), np.float64)
            found = bones(skeleton.names, skeleton.parents)
            lean = _lean(bind, found)
            if lean > LEAN:
                yield self.found(
                    context, f"the body leans {lean:.0f} degrees from upright: it lies, or another axis points up",
                    skeleton.path, lean, fixable=False,
                )  # fmt: skip
                continue
            angles = np.array(list(arm_angles(bind, found, np.array([0.0, 1.0, 0.0])).values()))
            wrong = angles[(angles < low) | (angles > high)]
            if len(wrong):
                worst = float(wrong[np.abs(wrong - (low + high) / 2).argmax()])
                yield self.found(
                    context,
                    f"the upper arms point {worst:.0f} degrees below the horizontal, "
                    f"an {pose} wants {low:.0f} to {high:.0f}"
                    if pose == "a-pose"
                    else f"the upper arms point {worst:.0f} degrees below the horizontal, a {pose} wants none",
                    skeleton.path,
                    worst,
                )


def _lean(bind: NDArray[np.float64], found: dict[str, int]) -> float:
    """Degrees between the way from the hips to the head and the way up; 0 where either is unknown."""
    if "hips" not in found or "head" not in found:
        return 0.0
    way = bind[found["head"], 3, :3] - bind[found["hips"], 3, :3]
    length = float(np.linalg.norm(way))
    return float(np.degrees(np.arccos(np.clip(way[1] / length, -1, 1)))) if length > 0 else 0.0
