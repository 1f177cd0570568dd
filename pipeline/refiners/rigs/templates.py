# SPDX-License-Identifier: Apache-2.0
"""Joint names of a target, from `config/rigs.toml`, for joints of any origin."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pxr import Tf
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import ConfigError, UsageError
from pipeline.refiners.rigs.humanoid import bones, spine, twist
from pipeline.settings import load

__all__ = ["Template", "clean", "renamed", "rig_names", "template"]


class Template(BaseModel):
    """Names of one target; `config/rigs.toml` says what each key means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    left: str = "Left"
    right: str = "Right"
    root: str = ""
    spine: tuple[str, ...] = ()
    twist: str = ""
    bones: dict[str, str] = {}

    def name(self, bone: str) -> str:
        """What a bone (`leftUpperArm`, `hips`) is called here; empty where it has no name."""
        for side, word in (("left", self.left), ("right", self.right)):
            if bone.startswith(side) and bone.removeprefix(side) in self.bones:
                return self.bones[bone.removeprefix(side)].format(side=word)
        return self.bones.get(bone, "")

    def torso(self, count: int) -> list[str]:
        """Names of so many joints between hips and neck; fewer where the list ends."""
        if len(self.spine) == 1 and "{n" in self.spine[0]:
            return [self.spine[0].format(n=n + 1) for n in range(count)]
        return [name.format(n=n + 1) for n, name in enumerate(self.spine[:count])]


def rig_names(project: Path | None = None) -> list[str]:
    """The targets whose joint names are known."""
    return list(load("rigs", project).get("rigs", {}))


def template(name: str, project: Path | None = None) -> Template:
    """The names of a target.

    Raises
    ------
    UsageError
        There is none of that name.
    ConfigError
        Its table has a key or a value that means nothing.
    """
    tables = load("rigs", project).get("rigs", {})
    if name not in tables:
        raise UsageError(f"unknown joint names {name!r}", remedy=f"use one of: keep, clean, {', '.join(tables)}")
    try:
        return Template(**tables[name])
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(x) for x in first["loc"])
        raise ConfigError(
            f"rig {name!r}: {key}: {first['msg']}", remedy="see the comments at the top of config/rigs.toml"
        ) from error


def clean(name: str, taken: set[str]) -> str:
    """A joint's name without namespace, as identifier, unlike those `taken`."""
    bare = re.split(r"[:|]", name)[-1]
    bare = Tf.MakeValidIdentifier(re.sub(r"[\s.\-]+", "_", bare).strip("_") or "joint")
    found, count = bare, 1
    while found in taken:
        count += 1
        found = f"{bare}_{count}"
    taken.add(found)
    return str(found)


def renamed(
    joints: Sequence[str], parents: NDArray[np.integer], chosen: Template | None
) -> tuple[list[str], dict[str, int]]:
    """New last names of all joints, and the bones of a human that were recognised.

    Parameters
    ----------
    joints
        Paths, as in a skeleton.
    parents
        (j,) number of each joint's parent, -1 for roots.
    chosen
        None only cleans.
    """
    found = bones(joints, parents)
    names: dict[int, str] = {}
    if chosen is not None:
        trunk = spine(joints, parents, found)
        names |= dict(zip(trunk, chosen.torso(len(trunk)), strict=False))
        for bone, joint in found.items():
            if joint not in names and chosen.name(bone):
                names[joint] = chosen.name(bone)
        hips = found.get("hips", -1)
        if hips >= 0 and int(parents[hips]) >= 0 and chosen.root:
            names.setdefault(int(parents[hips]), chosen.root)
        names |= _twists(joints, names, found, chosen)
    taken = set(names.values())
    return [
        names[j] if j in names else clean(str(joint).rsplit("/", 1)[-1], taken) for j, joint in enumerate(joints)
    ], found


def _twists(joints: Sequence[str], names: dict[int, str], found: dict[str, int], chosen: Template) -> dict[int, str]:
    made: dict[int, str] = {}
    count: dict[str, int] = {}
    for joint, path in enumerate(joints):
        limb = twist(str(path)) if chosen.twist and joint not in names else ""
        if limb not in found or not chosen.name(limb):
            continue
        side = chosen.left if limb.startswith("left") else chosen.right
        count[limb] = count.get(limb, 0) + 1
        stem = chosen.name(limb).removesuffix(f"_{side}")
        made[joint] = chosen.twist.format(limb=stem, side=side, n=count[limb])
    return made
