# SPDX-License-Identifier: Apache-2.0
"""Which fixers run in which order, and what a job says about their settings."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from pipeline.checks.rig.influences import DEFAULT
from pipeline.settings.jobs import Brief

#: the order that makes sense: topology first, then shape, then what is laid over it
ORDER = (
    "remove-degenerate", "remove-duplicates", "split-non-manifold", "orient", "remove-floaters", "remove-hidden",
    "fill-holes", "decimate", "unwrap", "repack", "texel-density", "textures", "rig-prep", "scale-to-size",
    "ground", "lods",
)  # fmt: skip


def settings_for(operation: str, brief: Brief, found: Collection[str] = ()) -> dict[str, Any]:
    """What the job says about an operation's settings; `found` are the ids of the rules that found something."""
    budgets = brief.job.budgets
    if operation == "decimate" and budgets.max_triangles:
        return {"triangles": budgets.max_triangles}
    if operation == "scale-to-size" and brief.size_m is not None:
        return {"size": "x".join(f"{s:g}" for s in brief.size_m)}
    if operation == "rig-prep":
        pose = {"rest": brief.job.needs.pose} if "rig.rest-pose" in found else {}
        joints = {"joints": budgets.max_joints} if budgets.max_joints else {}
        return {"influences": budgets.max_influences or DEFAULT, **joints, **pose}
    if operation == "pbr-set":
        return {"make": "maps" if brief.job.needs.textures else "constants"}
    if operation == "textures":
        return {
            "max_side": budgets.texture_max or 16384,
            "power_of_two": brief.job.needs.power_of_two,
            "color_spaces": True,
        }
    return {}


def ordered(operations: Iterable[str]) -> list[str]:
    """Each operation once, in the order that makes sense."""
    distinct = list(dict.fromkeys(o for o in operations if o))
    rank = {name: i for i, name in enumerate(ORDER)}
    return sorted(distinct, key=lambda o: rank.get(o, len(rank)))
