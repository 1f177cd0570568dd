# SPDX-License-Identifier: Apache-2.0
"""Light rigs: template stages in `stages/light_rigs/`, referenced below /World/Lights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom

from pipeline.errors import UsageError
from pipeline.resources import folder
from pipeline.scenes.bounds import Box, to_metres
from pipeline.scenes.references import resolve_units

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["add_light_rig", "fit_rig", "light_rig_names", "light_rig_path"]

#: where the lights of a scene stand
LIGHTS = "/World/Lights"
#: the suffix of the operations that bring a rig around its subject
FIT = "fit"


def light_rig_names() -> list[str]:
    """The rigs that ship."""
    return sorted(p.stem for p in (folder("stages") / "light_rigs").glob("*.usda"))


def light_rig_path(name: str) -> Path:
    """The stage of a rig.

    Raises
    ------
    UsageError
        There is no rig of that name.
    """
    name = name.replace("-", "_")
    path = folder("stages") / "light_rigs" / f"{name}.usda"
    if name not in light_rig_names():
        raise UsageError(f"no light rig {name!r}", remedy=f"use one of: {', '.join(light_rig_names())}")
    return path


def add_light_rig(stage: Usd.Stage, name: str, store: Callable[[Path], str], subject: Box | None = None) -> Usd.Prim:
    """Reference a rig at /World/Lights/<name> and switch the other rigs off.

    Parameters
    ----------
    store
        Brings the rig's layer into the project and returns the asset path to author.
    subject
        What the rig is moved and grown around; None leaves it as it was made, around a subject of one metre at the
        origin.
    """
    if not stage.GetPrimAtPath(LIGHTS):
        UsdGeom.Xform.Define(stage, LIGHTS)
    rig = light_rig_path(name)
    path = f"{LIGHTS}/{rig.stem}"
    prim = UsdGeom.Xform.Define(stage, path).GetPrim()
    prim.GetReferences().SetReferences([Sdf.Reference(store(rig))])
    resolve_units(prim, rig)
    if subject is not None:
        fit_rig(prim, subject)
    for other in stage.GetPrimAtPath(LIGHTS).GetAllChildren():
        wanted = other.GetName() == rig.stem
        if other.IsActive() != wanted:
            other.SetActive(wanted)
    return prim


def fit_rig(prim: Usd.Prim, subject: Box) -> None:
    """Move a rig to a subject and grow it with it.

    Rigs are made for a subject with a radius of one metre that stands at the origin. Lights that are not
    normalised grow with their distance, so what reaches the subject stays the same; domes and suns do not change.
    """
    stage = prim.GetStage()
    radius = max(float(np.linalg.norm(subject.size)) / 2, 1e-6)
    lift = max(float(subject.size[1]) / 2 - radius * 0.1, 0.0)
    middle = np.array([subject.centre[0], subject.low[1] + lift, subject.centre[2]])
    native = middle @ np.linalg.inv(to_metres(stage)[:3, :3])
    xform = UsdGeom.Xformable(prim)
    own = {op.GetOpName(): op for op in xform.GetOrderedXformOps()}
    kinds = ((UsdGeom.XformOp.TypeTranslate, UsdGeom.XformOp.PrecisionDouble),)
    move = own.get(f"xformOp:translate:{FIT}") or xform.AddXformOp(*kinds[0], FIT)
    grow = own.get(f"xformOp:scale:{FIT}") or xform.AddXformOp(
        UsdGeom.XformOp.TypeScale, UsdGeom.XformOp.PrecisionFloat, FIT
    )
    move.Set(Gf.Vec3d(*native.tolist()))
    grow.Set(Gf.Vec3f(radius))
    rest = [op for name, op in own.items() if not name.endswith(f":{FIT}")]
    xform.SetXformOpOrder([move, grow, *rest])
