# SPDX-License-Identifier: Apache-2.0
"""Characters that do not stand in the pose they are to be rigged in."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.settings.jobs import Brief, Severity
from pipeline.usd.scene.model import Skeleton

#: degrees below the horizontal that the upper arms may point: lowest and highest
POSES = {"t-pose": (-20.0, 20.0), "a-pose": (20.0, 70.0)}
_ARM = re.compile(r"(upper.?arm|(?<!fore)(?<!lower)arm|shoulder)", re.IGNORECASE)
_FOREARM = re.compile(r"(fore.?arm|lower.?arm|elbow)", re.IGNORECASE)


class RestPose(Rule):
    """The angle of the upper arms below the horizontal in the bind pose."""

    id = "rig.rest-pose"
    title = "not in the wanted rest pose"
    severity = "error"
    unit = "degrees below the horizontal"
    advice = "Pose the arms, apply the pose as the rest pose and bind again."
    regenerate = "ask for the pose by name, with a reference in that pose"
    input = '--prompt "PROMPT, standing in an A pose"'
    minutes = 60

    def severity_for(self, brief: Brief) -> Severity | None:
        return self.severity if brief.job.needs.pose else None

    def run(self, context: Context) -> Iterator[Finding]:
        pose = context.brief.job.needs.pose
        low, high = POSES[pose]
        for skeleton in context.subject.scene.skeletons:
            angles = arm_angles(skeleton)
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


def arm_angles(skeleton: Skeleton) -> NDArray[np.float64]:
    """Degrees below the horizontal of each upper arm, from the bind pose; empty where no arms are named."""
    result = []
    place = np.asarray(skeleton.bind)[:, 3, :3]
    for joint, name in enumerate(skeleton.names):
        parent = int(skeleton.parents[joint])
        if not _FOREARM.search(name) or parent < 0 or not _ARM.search(skeleton.names[parent]):
            continue
        along = place[joint] - place[parent]
        flat = float(np.hypot(along[0], along[2]))
        if flat > 0 or along[1] != 0:
            result.append(np.degrees(np.arctan2(-along[1], flat)))
    return np.array(result)
